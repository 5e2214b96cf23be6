"""The README's promises: its Python runs, its commands are the real ones, and its links lead somewhere."""

from __future__ import annotations

import asyncio
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from docs.figures.packages import imports, layers
from docs.figures.transitions import transitions
from dollr_async.flows.attempt import Action, CheckResult, SendResult
from tests.conftest import virtual_loop
from tests.support.markdown_code import python_blocks, run_blocks, sandbox_of_the_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dollr_async.sandbox import Sandbox

PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/design.md")
DEMO = "python3 -m pip install '.[cli]' && python3 -m dollr_async demo"
CHECKS = "python3 -m pip install 'nox[uv]' && python3 -m nox"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        yield runner.get_loop()


@pytest.fixture
def sandbox(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with sandbox_of_the_environment(loop, monkeypatch) as sandbox:
        yield sandbox


def commands(page: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_readmes_python_runs(
    sandbox: Sandbox,
    loop: asyncio.AbstractEventLoop,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # where the journal's file is made
    assert run_blocks("README.md", python_blocks(loop)) == 7
    assert capsys.readouterr().out.splitlines() == [
        *("PENDING", "PROCESSING", "COMPLETED"),
        "COMPLETED 257.00 USD",
        "INVOICE 300003 is ACTIVE, not PAID",
        "COMPLETED",
        "COLLECTION COMPLETED",
        "the payment failed: The payer declined the payment",
    ]
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED"]


def test_the_pages_have_the_two_commands() -> None:
    assert commands("README.md") == [DEMO, CHECKS]
    assert commands("CONTRIBUTING.md")[0] == CHECKS


def test_contributing_names_every_session_and_its_tag() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    noxfile = (ROOT / "noxfile.py").read_text()
    sessions = re.findall(r"^@nox\.session\((.*)\)\ndef (\w+)\(", noxfile, flags=re.MULTILINE)
    assert {name for _, name in sessions if f"`{name}`" in page} == {name for _, name in sessions} - {"touched"}
    tags = {tag for options, _ in sessions for tag in re.findall(r'tags=\["(\w+)"\]', options)}
    assert tags == {"full", "slow"}
    assert commands("CONTRIBUTING.md")[1:] == [
        "python3 -m nox -s touched",
        "python3 -m nox",
        *(f"python3 -m nox -t {tag}" for tag in sorted(tags)),
    ]


def test_every_file_and_test_that_contributing_names_exists() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    paths = set(re.findall(r"`((?:dollr_async|tests|docs|\.github)/[\w/.]*\w)`", page))
    tests = set(re.findall(r"`(test_\w+)`", page))
    assert len(paths) > 20
    assert len(tests) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in tests if f"def {name}(" not in written] == []


def test_continuous_integration_calls_the_readmes_command_and_then_the_rest() -> None:
    first, rest = (ROOT / ".ci" / "run").read_text().splitlines()[-2:]
    assert first.replace(" --quiet", "") == CHECKS
    assert rest == "python3 -m nox -t full"


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def rows(page: str, *, under: str) -> list[list[str]]:
    """Return the cells of each table's rows below a title of a page, their heads left out."""
    section = (ROOT / page).read_text().split(f"\n## {under}\n")[1].split("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_design_shows_every_package_in_its_place_and_what_it_uses() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    order = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    table = [row for row in rows("docs/design.md", under="The packages") if len(row) == 3]
    shown = [set(re.findall(r"`(\w+)`", row[0])) for row in table]
    assert shown == [set(layer.split(" : ")) for layer in order]
    used = {
        name: set(re.findall(r"`(\w+)`", row[2])) for row, names in zip(table, shown, strict=True) for name in names
    }
    assert used == imports()
    assert list(used) == layers()


def test_every_file_that_the_design_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / "design.md").read_text())
    assert len(named) > 15
    assert [path for path in named if not (ROOT / "dollr_async" / path).exists()] == []


def test_the_design_shows_every_state_of_an_execution() -> None:
    table = rows("docs/design.md", under="The execution, as a state machine")
    ends = {word for row in table for word in row[0].split(", ")}
    assert ends == {outcome.value for outcome in (*SendResult, *CheckResult)}
    assert {act.value for act in Action if any(act.value in row[-1] for row in table)} == {act.value for act in Action}


def test_the_designs_tables_say_what_follows_from_each_result() -> None:
    """The last cell of a row names every action that may follow; one action's words may stand in another's."""
    words = sorted((action.value for action in Action), key=len, reverse=True)
    table = rows("docs/design.md", under="The execution, as a state machine")
    shown = {
        (result, word)
        for row in table
        for result in row[0].split(", ")
        for word in re.findall("|".join(words), row[-1])
    }
    machine = {(edge.result, edge.target.value) for edge in transitions() if edge.source is not Action.RENEW}
    assert shown == machine


def test_every_rule_that_the_code_cites_exists() -> None:
    section = (ROOT / "docs" / "design.md").read_text()
    rules = set(re.findall(r"^(\d+)\. \*\*", section, flags=re.MULTILINE))
    sources = "\n".join(path.read_text() for path in (ROOT / "dollr_async").rglob("*.py"))
    citations = re.findall(r"docs/design\.md,\s+rules?\s+([\d,\s]+(?:and \d+)?)", sources)
    cited = {number for citation in citations for number in re.findall(r"\d+", citation)}
    assert rules == {str(number) for number in range(1, 15)}
    assert cited
    assert cited <= rules
