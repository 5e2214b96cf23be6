"""The pages of docs/: their Python runs and prints what they show, and the reference leaves nothing out."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from sybil.parsers.markdown import CodeBlockParser

import dollr_async
from dollr_async import fleet, observing
from dollr_async import journal as journals
from dollr_async import sandbox as local
from dollr_async import testing as contracts
from dollr_async.resources.base import Resource
from dollr_async.sandbox.outcomes import UNKNOWN_OPERATOR_PHONES
from tests.conftest import virtual_loop
from tests.support.markdown_code import python_blocks, run_blocks, sandbox_of_the_environment
from tests.support.paths import ROOT
from tests.support.postgres import own_database
from tests.testing.programs import run_pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sybil import Example

    from dollr_async.sandbox import Sandbox

DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "_build" not in path.parts)
WITH_A_SERVER = "guides/postgres.md"
WITH_PYTEST = "guides/pytest.md"
WITH_FASTAPI = "guides/fastapi.md"
"""`tests/embedding/test_fastapi_page.py` runs its shop and its tests."""
WITH_DJANGO = "guides/django.md"
"""Its code is that of `examples/django_shop`, whose own tests run."""
WITH_A_SHELL = "guides/command.md"
"""`test_command_page.py` runs its commands."""
A_LIST = "guides/going_live.md"
"""It has no code."""
GUIDES = [
    page
    for page in PAGES
    if page.startswith("guides/")
    and page not in {WITH_A_SERVER, WITH_PYTEST, WITH_FASTAPI, WITH_DJANGO, WITH_A_SHELL, A_LIST}
]
RUNNING = ["index.md", "tutorial.md", "errors.md", *GUIDES]
REFERENCE = (DOCS / "reference.md").read_text()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        yield runner.get_loop()


@pytest.fixture
def sandbox(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox in the environment's variables, for the pages that start none themselves."""
    with sandbox_of_the_environment(loop, monkeypatch) as sandbox:
        yield sandbox


@pytest.mark.parametrize("page", RUNNING)
@pytest.mark.usefixtures("sandbox")
def test_a_pages_python_prints_what_the_page_shows(
    page: str, loop: asyncio.AbstractEventLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    check_page(page, loop, capsys)


def test_the_page_about_postgresql_prints_what_it_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # In real time, since a server in another process does not wait for a virtual clock.
    with own_database() as url, asyncio.Runner() as runner:
        monkeypatch.setenv("DATABASE_URL", url)
        with sandbox_of_the_environment(runner.get_loop(), monkeypatch):
            check_page(WITH_A_SERVER, runner.get_loop(), capsys)


def check_page(page: str, loop: asyncio.AbstractEventLoop, capsys: pytest.CaptureFixture[str]) -> None:
    def compare(example: Example) -> None:
        assert capsys.readouterr().out == example.parsed, f"{page}, line {example.line}"

    ran = run_blocks(f"docs/{page}", python_blocks(loop), CodeBlockParser("text", compare))
    assert ran
    assert capsys.readouterr().out == "", "printed, and not shown"
    assert asyncio.all_tasks(loop) == set()


def files_of(page: str) -> dict[str, str]:
    """Return the files that the Python blocks of a page make up; a block without a name continues the one before."""
    files: dict[str, str] = {}
    name = ""
    for block in re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), flags=re.DOTALL | re.MULTILINE):
        named = re.match(r"# (\w+)\.py\n", block)
        name = named[1] if named else name
        files[name] = files.get(name, "") + block
    return files


def test_the_tests_of_the_page_about_pytest_pass(tmp_path: Path) -> None:
    files = files_of(WITH_PYTEST)
    assert files.keys() == {"shop", "test_shop", "test_thread"}
    ran = run_pytest(tmp_path, files["test_shop"], shop=files["shop"], test_thread=files["test_thread"])
    assert ran.counts["passed"] == 5, ran.out
    assert "failed" not in ran.counts


def test_each_test_of_that_page_has_at_most_ten_lines() -> None:
    tests = re.findall(
        r"^(?:@.*\n)?def test_\w+\(.*\n((?:    .*\n|\n(?=    ))+)", files_of(WITH_PYTEST)["test_shop"], re.MULTILINE
    )
    assert len(tests) == 4
    assert max(len(body.splitlines()) for body in tests) <= 10


@pytest.mark.parametrize("page", sorted({*PAGES} - {*RUNNING, WITH_A_SERVER, WITH_PYTEST, WITH_FASTAPI}))
def test_the_other_pages_have_no_python(page: str) -> None:
    assert "```python" not in (DOCS / page).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_in_the_contents(page: str) -> None:
    contents = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(), flags=re.DOTALL)
    assert page == "index.md" or page.removesuffix(".md") in "".join(contents).split()


def test_every_row_about_lost_answers_names_a_test_that_exists() -> None:
    rows = re.findall(r"^\|.*\|$", (DOCS / "guides" / "lost_answers.md").read_text(), flags=re.MULTILINE)
    named = [re.findall(r"`(test_\w+)` \|$", row) for row in rows if "---" not in row and "proved by" not in row]
    assert len(named) > 20
    assert {len(tests) for tests in named} == {1}
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^ *(?:async )?def (test_\w+)\(", written, flags=re.MULTILINE))
    assert {name for tests in named for name in tests} - there == set()


def test_the_page_about_testing_shows_what_every_test_phone_does() -> None:
    # One prefix of the three: the last digits mean the same for each.
    phones = {phone for phone in {*local.TEST_PHONES, *UNKNOWN_OPERATOR_PHONES} if phone.startswith("231770")}
    shown = re.findall(r"^(\d{12}) [A-Z]", (DOCS / "guides" / "testing.md").read_text(), flags=re.MULTILINE)
    assert sorted(shown) == sorted(phones)


def described(module: str) -> set[str]:
    return set(re.findall(rf"^\.\. auto\w+:: {re.escape(module)}\.(\w+)$", REFERENCE, flags=re.MULTILINE))


def test_the_reference_describes_every_name_that_users_import() -> None:
    assert described("dollr_async") == set(dollr_async.__all__)


def test_the_reference_describes_every_name_of_the_sandbox() -> None:
    modules = ("", ".outcomes", ".faults", ".passcodes")
    assert set().union(*(described(f"dollr_async.sandbox{module}") for module in modules)) == set(local.__all__)


def test_the_reference_describes_every_name_of_the_journal_and_of_the_fleet() -> None:
    # What needs an extra is not in __all__, since a star import must not need it.
    assert described("dollr_async.journal") == {*journals.__all__, "PostgresJournal"}
    assert described("dollr_async.testing") | described("dollr_async.testing.quick") == set(contracts.__all__)
    with_extras = {"PostgresPollBudget", "PostgresTokenStore", "RedisPollBudget", "RedisTokenStore"}
    assert described("dollr_async.fleet") == {*fleet.__all__, *with_extras}
    assert described("dollr_async.blocking") == {"BlockingDollr"}


def test_the_reference_describes_every_name_of_the_observer() -> None:
    assert described("dollr_async.observing") == set(observing.__all__)


def test_the_reference_describes_every_group_of_operations() -> None:
    dollr = dollr_async.DollrClient("id", "secret")
    groups = {name: type(group) for name, group in vars(dollr).items() if isinstance(group, Resource)}
    titled = re.findall(r"^### dollr\.(\w+)\n+```\{eval-rst\}\n\.\. autoclass:: ([\w.]+)$", REFERENCE, re.MULTILINE)
    assert dict(titled) == {name: f"{group.__module__}.{group.__name__}" for name, group in groups.items()}


ERRORS = {
    name: error
    for name in dollr_async.__all__
    if isinstance(error := getattr(dollr_async, name), type) and issubclass(error, dollr_async.DollrError)
}


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    (drawn,) = re.findall(r"```\n(DollrError\n.*?)```", (DOCS / "errors.md").read_text(), flags=re.DOTALL)
    above: list[str] = []
    parents = {}
    for branches, name in re.findall(r"^([├│└─ ]*)(\w+)", drawn, flags=re.MULTILINE):
        del above[len(branches) // 4 :]
        parents[name] = above[-1] if above else None
        above.append(name)
    assert parents == {
        name: next((base.__name__ for base in error.__mro__[1:] if base.__name__ in ERRORS), None)
        for name, error in ERRORS.items()
    }


def test_every_error_says_what_to_do_next() -> None:
    rows = dict(re.findall(r"^\| `(\w+Error)` \|.*\| ([^|]+) \|$", (DOCS / "errors.md").read_text(), re.MULTILINE))
    assert set(rows) == set(ERRORS) - {"DollrError", "APIStatusError"}
    assert all(advice.strip() for advice in rows.values())
