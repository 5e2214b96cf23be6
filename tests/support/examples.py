"""Running one of the examples as it is, against a sandbox in the environment's variables."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from dollr_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


async def run_example(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> None:
    """Run the example's main coroutine with these words of the command line."""
    for setting, value in sandbox.settings.items():
        monkeypatch.setenv(f"DOLLR_{setting.upper()}", str(value))
    await runpy.run_path(str(EXAMPLES / name))["main"](*arguments)
