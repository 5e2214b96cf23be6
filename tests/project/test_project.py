"""The rules of the project: small modules, a light import, exemptions with reasons, settings that name real files."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import dollr_async
from dollr_async.base.version import VERSION
from tests.project.installed_wheel import PUBLIC_MODULES, described_names, missing_files, missing_names

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = [*sorted((ROOT / "dollr_async").rglob("*.py")), ROOT / "pytest_dollr.py"]
SOURCES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "examples").glob("*.py"))]
_NAMES = [str(path.relative_to(ROOT)) for path in MODULES]
_EXEMPTION = re.compile(
    r"#\s*(?:noqa|type: ignore|pyright: ignore|pragma: no cover)(?P<codes>[^#]*?)(?P<reason>(?: - |# ).*)?$"
)


def test_the_version_is_written_once() -> None:
    assert dollr_async.__version__ == VERSION == version("dollr-async")
    assert "version" in PROJECT["project"]["dynamic"]
    source = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    code = {path: re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL) for path in MODULES}
    assert [path for path, text in code.items() if f'"{VERSION}"' in text] == [source]


def test_the_newest_version_of_the_changelog_is_the_packages() -> None:
    (newest, *_) = re.findall(r"^## \[(.*?)\] - ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest == VERSION


def test_the_core_depends_on_four_libraries() -> None:
    names = [re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]]
    assert names == ["aiohttp", "attrs", "cattrs", "msgspec"]


def test_the_import_of_the_package_loads_neither_the_sandbox_nor_the_command_line() -> None:
    program = "import sys, dollr_async; print(*sorted(sys.modules))"
    # Coverage measurement would load modules of its own.
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


@pytest.mark.parametrize("module", MODULES, ids=_NAMES)
def test_no_module_is_over_300_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 300


@pytest.mark.parametrize("module", MODULES, ids=_NAMES)
def test_no_function_is_over_40_lines(module: Path) -> None:
    long = {
        node.name: _lines(node)
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > 40
    }
    assert not long


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_exemption_has_its_reason() -> None:
    without_reason = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := _EXEMPTION.search(line))
        and '"' not in line[: found.start()].rpartition("#")[0]
        and not found["reason"]
    ]
    assert not without_reason


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


def test_the_reference_names_every_public_module() -> None:
    assert set(described_names()) == set(PUBLIC_MODULES)


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_public_name_can_be_imported(module: str) -> None:
    assert missing_names(module, described_names()[module]) == []


def test_every_data_file_is_in_the_package(tmp_path: Path) -> None:
    assert missing_files(ROOT / "dollr_async") == []
    assert "checking/openapi.yaml" in missing_files(tmp_path)


def test_a_missing_public_name_is_found() -> None:
    assert missing_names("dollr_async", {"DollrClient", "NoSuchName"}) == ["dollr_async.NoSuchName"]
    assert missing_names("dollr_async.no_such_module", set()) == ["dollr_async.no_such_module"]


def _test_selection() -> list[str]:
    selected = PROJECT["tool"]["mutmut"]["pytest_add_cli_args_test_selection"]
    return [argument.removeprefix("--deselect=") for argument in selected]


LISTED_FILES = {
    "hatch, wheel": PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"],
    "hatch, sdist": PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"],
    "pytest, testpaths": PROJECT["tool"]["pytest"]["ini_options"]["testpaths"],
    "basedpyright, include": PROJECT["tool"]["basedpyright"]["include"],
    "ruff, per-file-ignores": list(PROJECT["tool"]["ruff"]["lint"]["per-file-ignores"]),
    "mutmut, source_paths": PROJECT["tool"]["mutmut"]["source_paths"],
    "mutmut, only_mutate": PROJECT["tool"]["mutmut"]["only_mutate"],
    "mutmut, also_copy": PROJECT["tool"]["mutmut"]["also_copy"],
    "mutmut, selected tests": _test_selection(),
}


@pytest.mark.parametrize("setting", LISTED_FILES)
def test_every_listed_file_exists(setting: str) -> None:
    assert [listed for listed in LISTED_FILES[setting] if not _is_there(listed)] == []


def test_a_listed_file_or_test_that_does_not_exist_is_found() -> None:
    here = "tests/project/test_project.py"
    assert _is_there(f"{here}::test_every_listed_file_exists")
    assert not any(map(_is_there, ("dollr_async/no_such_*.py", "tests/no_such.py::test_x", f"{here}::test_no_such")))


def _is_there(listed: str) -> bool:
    """Whether a pattern matches a file of the repository, and the file has the test that follows `::`."""
    pattern, *tests = listed.removeprefix("/").split("::")
    files = list(ROOT.glob(pattern))
    return bool(files) and all(test in _functions(files[0]) for test in tests)


def _functions(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


CONTRACTS = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_every_module_of_an_import_contract_exists(contract: dict[str, Any]) -> None:
    modules = [*contract.get("containers", ()), *contract.get("source_modules", ()), *contract.get("modules", ())]
    modules += [module for pair in contract.get("ignore_imports", ()) for module in pair.split(" -> ")]
    modules += contract.get("forbidden_modules", ())
    for container in contract.get("containers", ()):
        layers = [re.split("[:|]", layer) for layer in contract["layers"]]
        modules += [f"{container}.{name.strip(' ()')}" for layer in layers for name in layer]
    ours = [module for module in modules if module.partition(".")[0] == "dollr_async"]
    assert ours
    assert [module for module in ours if not _is_module(module)] == []


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
