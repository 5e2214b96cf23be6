"""What can be shown of Windows without one: no module needs POSIX to be imported, and leases have a lock there."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.project.as_on_windows import POSIX
from tests.support.paths import PACKAGE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUARDED = {"journal/sqlite/lease_owner.py: fcntl"}
"""Imports of POSIX that a test of the platform guards."""
CALLS = {"add_signal_handler", "fork", "register_at_fork", "getuid", "geteuid", "setsid", "killpg", "mkfifo", "tzset"}
GUARDED_CALLS = {
    "base/signals.py: add_signal_handler",
    "blocking.py: register_at_fork",
    "sandbox/__main__.py: add_signal_handler",
}
"""Calls that Windows does not have, each with a way around it beside it."""


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path.relative_to(PACKAGE).as_posix(), node


def test_every_module_can_be_imported_and_a_lease_be_taken_without_posix(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.project.as_on_windows", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    imported = done.stdout.split()
    assert len(imported) > 150
    assert {"dollr_async.journal.sqlite.lease_owner", "dollr_async.blocking", "dollr_async.cli.signals"} <= {*imported}


def test_a_module_of_posix_is_imported_only_where_the_platform_is_asked() -> None:
    imports = {
        f"{path}: {name}"
        for path, node in nodes()
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        if name in POSIX
    }
    assert imports == GUARDED


def test_a_call_that_windows_lacks_has_a_way_around_it() -> None:
    calls = {f"{path}: {node.attr}" for path, node in nodes() if isinstance(node, ast.Attribute) and node.attr in CALLS}
    assert calls == GUARDED_CALLS


def test_a_signal_that_windows_lacks_is_not_named() -> None:
    there = {"SIGINT", "SIGTERM", "Signals"}
    named = {
        f"{path}: {node.attr}"
        for path, node in nodes()
        if isinstance(node, ast.Attribute) and node.attr.startswith("SIG") and node.attr not in there
    }
    assert not named
