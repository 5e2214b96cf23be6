"""Runs one of the example programs, unchanged, against a sandbox."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from tests.support.paths import ROOT

if TYPE_CHECKING:
    import pytest

    from dollr_async.sandbox import Sandbox

EXAMPLES = ROOT / "examples"


async def run_example(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> None:
    """Run the example's main coroutine with these command-line arguments."""
    for setting, value in sandbox.settings.items():
        monkeypatch.setenv(f"DOLLR_{setting.upper()}", str(value))
    await runpy.run_path(str(EXAMPLES / name))["main"](*arguments)
