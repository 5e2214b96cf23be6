"""No modules import each other in a circle, not even for types alone, and not inside a function."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

PACKAGES = ("dollr_async", "benchmarks", "tests")


def import_graph(root: Path, *packages: str) -> dict[str, set[str]]:
    """Return what each module of the packages imports from them."""
    files = {_module(root, path): path for package in packages for path in (root / package).rglob("*.py")}
    trees = {name: ast.parse(path.read_text()) for name, path in files.items()}
    packaged = {name for name, path in files.items() if path.name == "__init__.py"}
    return {
        name: set(_imported(tree, name if name in packaged else name.rpartition(".")[0], files))
        for name, tree in trees.items()
    }


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module, package: str, modules: Collection[str]) -> Iterator[str]:
    """Yield the modules that a module of a package imports; a package stands for its `__init__`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for alias in node.names:
                # `from package import name` imports a module where the package has one of that name.
                submodule = f"{base}.{alias.name}"
                if submodule in modules:
                    yield submodule
                elif base in modules:
                    yield base


def _absolute(node: ast.ImportFrom, package: str) -> str:
    parents = package.split(".")
    start = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
    return ".".join(filter(None, (start, node.module)))


def circle(graph: dict[str, set[str]]) -> str:
    """Return the modules on a circle, each followed by the one that imports it; or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return ""


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = import_graph(ROOT, *PACKAGES)
    assert graph["tests.project.test_import_circles"] == {"tests.support.paths"}
    assert not circle(graph)


def test_a_circle_is_found_through_types_functions_and_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "types.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shop import orders\n"
    )
    (package / "orders.py").write_text("def order() -> None:\n    from . import payments\n")
    (package / "payments.py").write_text("import shop.types\n")
    (package / "receipts.py").write_text("from .payments import shop\n")
    found = circle(import_graph(tmp_path, "shop"))
    assert set(found.split(" <- ")) == {"shop.types", "shop.orders", "shop.payments"}
    (package / "payments.py").write_text("import shop\n")
    assert not circle(import_graph(tmp_path, "shop"))
