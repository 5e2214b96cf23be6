"""Fuzz `/__control`: `python -m tests.sandbox.pages.fuzz` searches for answers that its OpenAPI file does not allow."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dollr_async.sandbox import Sandbox

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


async def fuzz(*options: str) -> int:
    """Run schemathesis on a fresh sandbox, and return its exit code."""
    async with Sandbox(keep_requests=100) as sandbox:
        command = ["--config-file", str(_CONFIGURATION), "run", f"{sandbox.url}/__control/openapi.json", *options]
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "schemathesis.cli", *command)
        return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(fuzz(*sys.argv[1:])))
