"""Fuzz the sandbox with schemathesis: `python -m tests.contract.fuzz` searches for answers that break the contract."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp

from dollr_async.checking.contract import CONTRACT
from dollr_async.sandbox import Sandbox

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


async def fuzz(*options: str) -> int:
    """Run schemathesis on a fresh sandbox, and return its exit code."""
    # A fuzzer runs for longer than an ordinary token lives.
    async with Sandbox(token_lifetime=600.0, keep_requests=0) as sandbox:
        token = await _token(sandbox)
        command = ["--config-file", str(_CONFIGURATION), "run", str(CONTRACT), "--url", sandbox.url, *options]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", *command, "--header", f"Authorization: Bearer {token}"
        )
        return await process.wait()


async def _token(sandbox: Sandbox) -> str:
    credentials = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.url}/v1/jwt/client/obtain/token", json=credentials) as response,
    ):
        answer = await response.json()
    return str(answer["access_token"])


if __name__ == "__main__":
    sys.exit(asyncio.run(fuzz(*sys.argv[1:])))
