"""When a request is known to be unsent: only where no byte of any try can have left (docs/design.md, rule 2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import aiohttp
import pytest

from dollr_async.base.errors import ConnectError, TransportError
from dollr_async.wire.retry import is_ambiguous
from dollr_async.wire.transport import Transport
from tests.support.raw_server import DROP, HANG, RawServer, Reply, SeenRequest, answer

if TYPE_CHECKING:
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
        assert "for the last try no connection to the API could be made" in str(error)
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
