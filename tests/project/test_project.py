"""What the project promises of itself: small rooms, a light import, and exemptions that say why."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dollr_async.wire.transport import VERSION

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = sorted((ROOT / "dollr_async").rglob("*.py"))
SOURCES = [*ROOMS, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "examples").glob("*.py"))]
_NAMES = [str(path.relative_to(ROOT)) for path in ROOMS]
_EXEMPTION = re.compile(
    r"#\s*(?:noqa|type: ignore|pyright: ignore|pragma: no cover)(?P<codes>[^#]*?)(?P<reason>(?: - |# ).*)?$"
)


def test_the_version_is_said_once_and_alike() -> None:
    assert PROJECT["project"]["version"] == VERSION


def test_the_core_depends_on_four_libraries() -> None:
    names = [re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]]
    assert names == ["aiohttp", "attrs", "cattrs", "msgspec"]


def test_importing_the_package_loads_neither_sandbox_nor_command_line() -> None:
    program = "import sys, dollr_async; print(*sorted(sys.modules))"
    # A measured run would load coverage too, and all that it needs.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, env=plain).stdout.split()
    assert "dollr_async.client" in loaded
    unwanted = (
        "dollr_async.sandbox",
        "dollr_async.cli.",
        "dollr_async.__main__",
        "cyclopts",
        "rich",
        "sqlite3",
    )
    assert [name for name in loaded if name.startswith(unwanted)] == []


@pytest.mark.parametrize("room", ROOMS, ids=_NAMES)
def test_no_room_is_over_300_lines(room: Path) -> None:
    assert len(room.read_text().splitlines()) <= 300


@pytest.mark.parametrize("room", ROOMS, ids=_NAMES)
def test_no_function_is_over_40_lines(room: Path) -> None:
    long = {
        node.name: _lines(node)
        for node in ast.walk(ast.parse(room.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > 40
    }
    assert not long


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_exemption_says_why() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := _EXEMPTION.search(line))
        and '"' not in line[: found.start()].rpartition("#")[0]
        and not found["reason"]
    ]
    assert not silent


def test_nothing_is_patched() -> None:
    patched = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(
            r"unittest\.mock|monkeypatch\.setattr|mocker\b|import aioresponses|from aioresponses", path.read_text()
        )
        and path.name not in {"test_canned_answers.py", "aioresponses_shim.py", Path(__file__).name}
    ]
    assert not patched
