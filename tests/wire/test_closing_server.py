"""A server that closes each connection after its answer and does not say so, as some load balancers do."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import pytest

from dollr_async import DollrClient
from dollr_async.base.errors import TransportError
from dollr_async.wire.transport import Transport
from tests.support.collections import collect
from tests.support.raw_server import RawServer, Reply, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox import Sandbox
    from dollr_async.sandbox.sandbox import Settings
    from dollr_async.wire.answers import RawAnswer

_TIMEOUT = 30.0
_CLOSING = Reply(answer().content, close=True)


async def _post(transport: Transport, method: str = "POST") -> RawAnswer | TransportError:
    try:
        return await transport.send(method, "x", headers=transport.headers({}), content=b"{}")
    except TransportError as error:
        return error


async def _lose_one(transport: Transport) -> None:
    """Lose a request: it is sent on the connection that the server is just closing."""
    assert not isinstance(await _post(transport), TransportError)
    assert isinstance(await _post(transport), TransportError)


@pytest.mark.parametrize("first", ["GET", "POST"])
async def test_after_one_request_is_lost_the_next_ones_use_other_connections(first: str) -> None:
    async with RawServer(_CLOSING) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        await _lose_one(transport)
        for method in (first, *["POST", "GET"] * 5):
            assert not isinstance(await _post(transport, method), TransportError)
        await transport.close()


async def test_after_one_request_is_lost_many_at_once_use_other_connections() -> None:
    async with RawServer(_CLOSING) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        await _lose_one(transport)

        async def some() -> list[RawAnswer | TransportError]:
            return [await _post(transport) for _ in range(10)]

        ends = await asyncio.gather(*(some() for _ in range(20)))
        assert [end for each in ends for end in each if isinstance(end, TransportError)] == []
        await transport.close()


async def test_a_callers_session_is_given_time_to_see_the_close() -> None:
    async with RawServer(_CLOSING) as server, aiohttp.ClientSession() as session:
        transport = Transport(server.url, timeout=_TIMEOUT, session=session)
        await _lose_one(transport)
        for method in ["GET", "POST"] * 5:
            assert not isinstance(await _post(transport, method), TransportError)


async def test_connections_are_reused_again_after_a_while() -> None:
    async with RawServer(_CLOSING, _CLOSING, answer()) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        await _lose_one(transport)
        opened = server.connections
        for _ in range(3):
            await _post(transport)
        assert server.connections == opened + 3
        await asyncio.sleep(11.0)
        for _ in range(3):
            await _post(transport)
        assert server.connections == opened + 4
        await transport.close()


async def test_closing_closes_the_connections_of_both_kinds() -> None:
    async with RawServer(_CLOSING, _CLOSING, answer()) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        await _lose_one(transport)
        await _post(transport)
        await transport.close()
        await asyncio.sleep(0.1)
        assert server.open_connections == 0


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(length[1]) if length else 0)


@asynccontextmanager
async def _closing_proxy(sandbox: Sandbox, after: float) -> AsyncIterator[Settings]:
    """Pass each request on to a sandbox, and close the connection `after` its answer; yield a client's settings."""
    target = urlsplit(sandbox.url)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await _message(reader)
            api_reader, api_writer = await asyncio.open_connection(target.hostname, target.port)
            api_writer.write(request)
            writer.write(await _message(api_reader))
            api_writer.close()
            await asyncio.sleep(after)
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    yield {**sandbox.settings, "base_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    server.close()
    await asyncio.sleep(0.1)


@pytest.mark.parametrize("after", [0.0, 0.02])
@pytest.mark.parametrize("direct", [False, True])
async def test_a_collection_succeeds_and_charges_once(sandbox: Sandbox, after: float, *, direct: bool) -> None:
    async with _closing_proxy(sandbox, after) as settings, DollrClient(**settings) as dollr:
        collection = await collect(dollr, direct=direct)
        assert (await collection.wait()).status == "COMPLETED"
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED"]


async def test_a_collection_through_a_callers_session_succeeds_and_charges_once(sandbox: Sandbox) -> None:
    async with (
        _closing_proxy(sandbox, 0.02) as settings,
        aiohttp.ClientSession() as session,
        DollrClient(**settings, session=session) as dollr,
    ):
        await collect(dollr)
    assert len(sandbox.ledger) == 1
