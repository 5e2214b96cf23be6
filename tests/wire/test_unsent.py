"""When a request is known to be unsent: only where no byte of any try can have left (docs/design.md, rule 2)."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from dollr_async.base.errors import ConnectError, RequestTimeoutError, TransportError
from dollr_async.wire.retry import is_ambiguous
from dollr_async.wire.transport import Transport
from tests.support.raw_server import DROP, HANG, RawServer, Reply, SeenRequest, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.abc import ResolveResult

    from dollr_async.wire.answers import RawAnswer

Odd: TypeAlias = Any
"""A type that is declared too narrowly for a test."""

_TIMEOUT = 0.6


class _Rig:
    """A transport with a short timeout."""

    def __init__(self, url: str, *, session: aiohttp.ClientSession | None = None) -> None:
        self.transport = Transport(url, timeout=_TIMEOUT, session=session)

    async def send(self, method: str = "POST", path: str = "x") -> RawAnswer:
        content = b"{}" if method in {"POST", "PUT"} else None
        return await self.transport.send(method, path, headers=self.transport.headers({}), content=content)

    async def failure(self, method: str = "POST") -> TransportError:
        """Return the error of a request, and check that it is what is known of it."""
        with pytest.raises(TransportError) as caught:
            await self.send(method)
        error = caught.value
        assert error.nothing_sent is isinstance(error, ConnectError)
        assert ("nothing was sent" in str(error)) is error.nothing_sent
        assert is_ambiguous(error) is not error.nothing_sent
        return error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.close()


class _GoneAfter(RawServer):
    """A server that answers some requests, carries the next one out, and is gone without an answer."""

    def __init__(self, answered: int) -> None:
        super().__init__(*[answer()] * answered, DROP)
        self._left = answered

    def reply_to(self, seen: SeenRequest) -> Reply:
        if not self._left:
            assert self._server is not None
            self._server.close()  # no more connections
        self._left -= 1
        return super().reply_to(seen)


# What aiohttp resends by itself


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_put_or_delete_that_aiohttp_resent_may_have_been_carried_out(method: str) -> None:
    async with _GoneAfter(1) as server, _Rig(server.url) as rig:
        await rig.send()  # opens the connection that is lost below
        error = await rig.failure(method)
        assert [seen.method for seen in server.seen] == ["POST", method]
        assert (type(error), error.is_unreachable) == (TransportError, True)
        assert "at the last try, no connection to the API could be made" in str(error)
        assert f"aiohttp resends a {method} by itself after a disconnect" in str(error)


async def test_a_get_that_aiohttp_resent_changes_nothing() -> None:
    async with _GoneAfter(1) as server, _Rig(server.url) as rig:
        await rig.send()
        assert type(await rig.failure("GET")) is ConnectError


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "GET"])
async def test_only_what_is_never_resent_is_surely_unsent(method: str) -> None:
    async with RawServer(HANG) as server:
        url = server.url
    async with _Rig(url) as rig:
        error = await rig.failure(method)
        assert error.nothing_sent is (method in {"POST", "GET"})
        assert error.is_unreachable


# What a caller's session may resend


async def _retrying(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientError:
        return await handler(request)


class _RetryMiddleware:
    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        return await _retrying(request, handler)


@pytest.mark.parametrize(
    ("middleware", "name"),
    [(_retrying, "_retrying"), (_RetryMiddleware(), "_RetryMiddleware"), (partial(_retrying), "partial")],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_request_through_middlewares_may_have_been_carried_out(middleware: Odd, name: str, method: str) -> None:
    async with (
        _GoneAfter(0) as server,
        aiohttp.ClientSession(middlewares=[middleware]) as session,
        _Rig(server.url, session=session) as rig,
    ):
        error = await rig.failure(method)
        assert len(server.seen) == 1
        assert (type(error), error.is_unreachable) == (TransportError, True)
        assert f"the middlewares of the session given to DollrClient ({name}) may retry" in str(error)


async def test_a_session_of_another_class_may_have_resent_the_request() -> None:
    with pytest.warns(DeprecationWarning, match="discouraged"):

        class RetrySession(aiohttp.ClientSession):
            async def _request(self, *args: Odd, **more: Odd) -> aiohttp.ClientResponse:
                try:
                    return await super()._request(*args, **more)
                except aiohttp.ClientError:
                    return await super()._request(*args, **more)

    async with _GoneAfter(0) as server, RetrySession() as session, _Rig(server.url, session=session) as rig:
        error = await rig.failure()
        assert (type(error), error.is_unreachable) == (TransportError, True)
        assert "the session given to DollrClient is a RetrySession, which may retry" in str(error)


async def test_a_plain_session_of_the_caller_resends_nothing() -> None:
    async with RawServer(HANG) as server:
        url = server.url
    async with aiohttp.ClientSession() as session, _Rig(url, session=session) as rig:
        assert type(await rig.failure()) is ConnectError


# Timeouts


@pytest.mark.real_time  # the pool, the answers and the timeout race, as they do in use
async def test_of_a_flood_each_request_that_waited_for_a_connection_is_known_as_unsent() -> None:
    arrived: set[int] = set()

    async def slow(request: web.Request) -> web.Response:
        arrived.add(int(request.match_info["number"]))
        await asyncio.sleep(0.12)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/v1/{number}", slow)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with _Rig(f"http://127.0.0.1:{runner.addresses[0][1]}") as rig:
        ends = await asyncio.gather(*(rig.send(path=str(number)) for number in range(900)), return_exceptions=True)
    unsent = {number for number, end in enumerate(ends) if isinstance(end, ConnectError)}
    timed_out = {number for number, end in enumerate(ends) if isinstance(end, RequestTimeoutError)}
    assert {type(end).__name__ for end in ends} <= {"RawAnswer", "ConnectError", "RequestTimeoutError"}
    assert len(unsent) >= 300  # at most five waves of a hundred answers fit into the timeout
    assert unsent.isdisjoint(arrived)
    assert timed_out <= arrived
    await runner.cleanup()


@asynccontextmanager
async def _busy_session(url: str, **more: Odd) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a session whose only connection is in use by another request."""
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector, **more) as session:
        other = asyncio.create_task(session.get(url, timeout=aiohttp.ClientTimeout(total=None), middlewares=()))
        await asyncio.sleep(0.1)
        yield session
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_request_that_waits_for_a_connection_until_its_timeout_is_unsent(method: str) -> None:
    async with (
        RawServer(HANG) as server,
        _busy_session(server.url) as session,
        _Rig(server.url, session=session) as rig,
    ):
        error = await rig.failure(method)
        assert type(error) is ConnectError
        assert str(error) == (
            f"{method} /v1/x: no connection was free for 0.6 seconds "
            "(make fewer calls at once, or set a longer timeout); nothing was sent"
        )
        assert len(server.seen) == 1  # the other request


@pytest.mark.parametrize(("method", "middlewares"), [("PUT", ()), ("DELETE", ()), ("POST", (_retrying,))])
async def test_a_request_that_may_be_resent_below_is_not_unsent_where_it_waits(method: str, middlewares: Odd) -> None:
    async with (
        RawServer(HANG) as server,
        _busy_session(server.url, middlewares=middlewares) as session,
        _Rig(server.url, session=session) as rig,
    ):
        error = await rig.failure(method)
        assert (type(error), error.is_unreachable) == (TransportError, True)
        assert "at the last try, no connection was free for 0.6 seconds" in str(error)


async def test_a_connection_without_a_tls_handshake_leaves_the_request_unsent() -> None:
    async with RawServer(HANG) as server, _Rig(server.url.replace("http:", "https:")) as rig:
        error = await rig.failure()
        assert type(error) is ConnectError
        assert "no connection to the API could be made within 0.6 seconds" in str(error)
        assert server.connections == 1


class _SlowNames(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.sleep(9.0)
        return []

    async def close(self) -> None:
        return


async def test_a_host_name_that_is_not_resolved_in_time_leaves_the_request_unsent() -> None:
    connector = aiohttp.TCPConnector(resolver=_SlowNames())
    async with aiohttp.ClientSession(connector=connector) as session, _Rig("https://a.example", session=session) as rig:
        assert type(await rig.failure()) is ConnectError


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(HANG, id="no first byte"),
        pytest.param(Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="no last byte"),
    ],
)
@pytest.mark.parametrize("kept", [False, True], ids=["a new connection", "a kept connection"])
async def test_a_request_that_left_and_was_not_answered_stays_ambiguous(reply: Reply, *, kept: bool) -> None:
    async with RawServer(*[answer()] * kept, reply) as server, _Rig(server.url) as rig:
        for _ in range(kept):
            await rig.send()
        error = await rig.failure()
        assert (type(error), error.is_unreachable) == (RequestTimeoutError, False)
        assert (len(server.seen), server.connections) == (1 + kept, 1)


async def test_a_request_that_waited_for_a_connection_and_then_left_stays_ambiguous() -> None:
    connector = aiohttp.TCPConnector(limit=1)
    async with (
        RawServer(Reply(answer().content, after=_TIMEOUT / 2), HANG) as server,
        aiohttp.ClientSession(connector=connector) as session,
        _Rig(server.url, session=session) as rig,
    ):
        first = asyncio.create_task(rig.send())
        await asyncio.sleep(0.1)
        assert type(await rig.failure()) is RequestTimeoutError
        assert (await first).status == 200
        assert len(server.seen) == 2


async def test_a_cancelled_wait_for_a_connection_stays_a_cancellation() -> None:
    async with (
        RawServer(HANG) as server,
        _busy_session(server.url) as session,
        _Rig(server.url, session=session) as rig,
    ):
        waiting = asyncio.create_task(rig.send())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
