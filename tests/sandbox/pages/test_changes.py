"""Open pages learn of each change by server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox
    from tests.sandbox.merchant import Merchant


class _Stream:
    """The events of one open page."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._content = response.content

    async def next_change(self, within: float) -> int | None:
        """The number of the next change, or None where there is none in time."""
        try:
            async with asyncio.timeout(within):
                while True:
                    line = await self._content.readline()
                    if line.startswith(b"data: "):
                        return int(line.removeprefix(b"data: "))
        except TimeoutError:
            return None


async def test_each_change_arrives_once(merchant: Merchant) -> None:
    sandbox = merchant.sandbox
    async with merchant.http.get(f"{sandbox.url}/events") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        stream = _Stream(response)
        first = await stream.next_change(1)
        assert await stream.next_change(100) is None
        await merchant.get("fees/tiers")
        second = await stream.next_change(1)
        assert first is not None
        assert second is not None
        assert second > first
        sandbox.fail("collect", "drop")


async def test_a_payment_that_settles_by_itself_arrives(merchant: Merchant) -> None:
    async with merchant.http.get(f"{merchant.sandbox.url}/events") as response:
        stream = _Stream(response)
        await merchant.collect()
        while await stream.next_change(0.5) is not None:
            pass
        assert [await stream.next_change(2), await stream.next_change(3)].count(None) == 0
        assert merchant.sandbox._world.payments.popitem()[1].status == "COMPLETED"


async def test_what_a_program_changes_by_hand_arrives(merchant: Merchant) -> None:
    merchant.sandbox.set_outcome("stay_pending")
    payment = await merchant.collect()
    async with merchant.http.get(f"{merchant.sandbox.url}/events") as response:
        stream = _Stream(response)
        await stream.next_change(1)
        merchant.sandbox.settle(payment["reference_id"])
        assert await stream.next_change(1) is not None


async def test_a_hundred_pages_see_every_change_and_leave_nothing_behind(merchant: Merchant) -> None:
    url = f"{merchant.sandbox.url}/events"
    browsers = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    responses = [await browsers.get(url) for _ in range(100)]
    streams = [_Stream(response) for response in responses]
    for stream in streams:
        await stream.next_change(1)
    await merchant.get("fees/tiers")
    assert None not in [await stream.next_change(1) for stream in streams]
    for response in responses[:50]:
        response.close()
    await asyncio.sleep(20)
    await merchant.get("fees/tiers")
    assert merchant.sandbox.in_flight == 0
    await merchant.sandbox.close()
    for response in responses[50:]:
        await response.read()
    await browsers.close()


async def test_closing_ends_the_stream(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{sandbox.url}/events") as response:
        await response.content.readline()
        begin = asyncio.get_running_loop().time()
        await sandbox.close()
        await response.content.read()
        assert asyncio.get_running_loop().time() - begin < 1
