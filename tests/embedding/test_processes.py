"""Each shop as a process under the server that its framework's documentation names, with every warning an error."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import aiohttp
import pytest

from tests.support.examples import EXAMPLES
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.testing.fixtures import QuickSandbox

PAYS_AT_ONCE, STAYS_PENDING = "231770000006", "231770000004"
UVICORN = ("-m", "uvicorn", "--log-level=warning", "--port={port}")
COMMANDS = {
    "fastapi": (*UVICORN, "fastapi_shop:app"),
    "starlette": (*UVICORN, "starlette_shop:app"),
    "litestar": (*UVICORN, "litestar_shop:app"),
    "quart": ("-m", "hypercorn", "--log-level=warning", "--bind=127.0.0.1:{port}", "quart_shop:app"),
    "aiohttp": (str(EXAMPLES / "aiohttp_shop.py"),),
}
ENDED = {"fastapi": -signal.SIGTERM, "starlette": -signal.SIGTERM, "litestar": -signal.SIGTERM}
"""Uvicorn shuts down, and then sends itself the signal again, so that its parent knows why it ended."""

EXPECTED = re.compile(r'Executing <.* took [\d.]+ seconds|127\.0\.0\.1 \[.*\] "(GET|POST) ')
"""What the development mode adds: asyncio names a step that was slow, and aiohttp logs each request."""

# Below the ports that the system gives to whoever asks for any free one, such as the sandboxes of other tests.
_PORTS = itertools.cycle(range(20_000 + os.getpid() % 10_000, 32_000))


def own_port() -> int:
    """Return a port that nobody listens on, and that no other test is given before the shop takes it."""
    for port in _PORTS:
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
    raise AssertionError


@asynccontextmanager
async def shop(framework: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, aiohttp.ClientSession]]:
    """Run a shop, and a browser that opens it once it answers."""
    port = own_port()
    path = os.pathsep.join(map(str, (ROOT, EXAMPLES)))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", *(part.format(port=port) for part in COMMANDS[framework])),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "PORT": str(port)},
    )
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser:
            while process.returncode is None:
                try:
                    await (await browser.get("/")).read()
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
                else:
                    break
            yield process, browser
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.real_time  # other processes run in real time
@pytest.mark.parametrize("framework", COMMANDS)
async def test_a_shop_sells_survives_a_visitor_who_leaves_and_ends_cleanly(
    framework: str, dollr_sandbox: QuickSandbox
) -> None:
    order, pending = uuid4(), uuid4()
    async with shop(framework) as (process, browser):
        paid = await browser.post(f"/orders/{order}/pay", data={"name": "Amara Kamara", "phone": PAYS_AT_ONCE})
        assert paid.status == 202
        stream = await browser.get(f"/orders/{order}/events")
        assert (await stream.text()).split() == ["data:", "COMPLETED"]
        await browser.post(f"/orders/{pending}/pay", data={"name": "Amara Kamara", "phone": STAYS_PENDING})
        stream = await browser.get(f"/orders/{pending}/events")
        assert (await stream.content.readline()).split() == [b"data:", b"PENDING"]
        stream.close()
        # A change that the visitor does not see any more.
        dollr_sandbox.settle(dollr_sandbox.ledger[1].reference_id)
        while "COMPLETED" not in await (await browser.get(f"/orders/{pending}")).text():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
    assert [line for line in errors.decode().splitlines() if not EXPECTED.match(line)] == []
    assert process.returncode == ENDED.get(framework, 0)
    assert dollr_sandbox.tokens_issued == 1
    assert [entry.moved for entry in dollr_sandbox.ledger] == [True, True]
