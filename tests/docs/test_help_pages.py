"""The pages that help: they name what exists, and the table of loggers is that of the code."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

import dollr_async
from dollr_async.journal import LeaseLostError
from tests.docs.test_readme_and_design import rows
from tests.support.paths import PACKAGE, ROOT

if TYPE_CHECKING:
    from tests.contract import Contract

GUIDES = ROOT / "docs" / "guides"
LEVELS = {"exception": "ERROR", "error": "ERROR", "warning": "WARNING", "info": "INFO", "debug": "DEBUG"}


def loggers() -> dict[str, set[str]]:
    """Return the levels that each logger of the package is used with."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        for name in re.findall(r'^logger = logging.getLogger\("(.*)"\)$', text, flags=re.MULTILINE):
            calls = [node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            used = {
                call.attr for call in calls if isinstance(call, ast.Attribute) and ast.unparse(call.value) == "logger"
            }
            found.setdefault(name, set()).update(LEVELS[level] for level in used if level in LEVELS)
    return found


def test_every_logger_of_the_package_is_found() -> None:
    named = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r'getLogger\("(dollr_async.*?)"\)', path.read_text())
    }
    assert named == set(loggers())
    assert all(loggers().values())


def test_the_page_has_every_logger_with_its_levels() -> None:
    lines = re.findall(r"^\| `(dollr_async\.\S+)` \| (.*?) \|", (GUIDES / "logging.md").read_text(), flags=re.MULTILINE)
    assert {name: set(levels.split(", ")) for name, levels in lines} == loggers()


@pytest.mark.parametrize("page", ["something_wrong.md", "going_live.md", "trying_again.md", "storing.md"])
def test_every_error_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(\w+Error)`", (GUIDES / page).read_text()))
    ours = {*dollr_async.__all__, LeaseLostError.__name__}
    assert named <= ours


def test_the_pages_about_symptoms_and_trying_again_have_every_error_of_a_payment() -> None:
    pages = (GUIDES / "something_wrong.md").read_text() + (GUIDES / "trying_again.md").read_text()
    errors = {
        row[0].strip("`") for row in rows("docs/errors.md", under="Errors of a payment") if row[0].endswith("Error`")
    }
    assert len(errors) > 9
    # A worker meets it, and takes the next outcome: the page about outcomes has it.
    assert {name for name in errors if f"`{name}" not in pages} == {"AlreadyHandledError"}


def test_the_code_with_requests_calls_operations_that_exist(contract: Contract) -> None:
    page = (GUIDES / "from_requests.md").read_text()
    called = re.findall(r'requests\.(get|post|put)\(f"\{URL\}(/v1/[^"]*)"', page)
    there = {(method.lower(), re.sub(r"\{\w+\}", "{}", path)) for method, path in contract.operations.values()}
    assert len(called) == 12
    assert {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in called} - there == set()


def test_a_word_is_defined_once() -> None:
    lines = re.findall(r"^\| ([a-z -]+) \| \w.* \|$", (ROOT / "docs" / "words.md").read_text(), flags=re.MULTILINE)
    words = [word for word in lines if word != "word"]
    assert len(words) == len(set(words)) > 25
    assert {"party", "counterparty", "session", "execution", "source", "reference", "outcome"} <= {*words}
