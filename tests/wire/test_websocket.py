"""The websocket for live updates, against a correct server and against faulty ones."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

import aiohttp
import pytest
from aiohttp import web

from dollr_async.base.errors import ConfigurationError, ConnectError, RequestTimeoutError, TransportError
from dollr_async.wire.transport import LARGEST_MESSAGE, USER_AGENT, Transport
from tests.support.fakes import Rig
from tests.support.raw_server import DROP, HANG, RawServer, Reply, answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from dollr_async.wire.transport import WebSocket

_KEY = "anon-key-that-no-error-shows"
_PATH = f"/realtime/v1/websocket?apikey={_KEY}%2F&vsn=1.0.0"


async def _echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        await socket.send_str(message.data)


class Server:
    """A websocket server on a free port that handles each connection in one way."""

    def __init__(self, handle: Callable[[web.WebSocketResponse], Awaitable[None]] = _echo) -> None:
        self.requests: list[web.Request] = []
        self.open = 0
        self.url = ""
        self._handle = handle
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/realtime/v1/websocket", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}{_PATH}"
        return self

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.requests.append(request)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.open += 1
        try:
            await self._handle(socket)
        finally:
            self.open -= 1
        return socket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


class _Opened:
    """A websocket that is opened at an address and closed at the end."""

    def __init__(self, url: str, session: aiohttp.ClientSession | None = None) -> None:
        self._url = url
        self._transport = Transport("http://127.0.0.1:1", timeout=30.0, session=session)

    async def __aenter__(self) -> WebSocket:
        try:
            self._socket = await self._transport.websocket(self._url)
        except BaseException:
            await self._transport.close()
            raise
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._socket.close()
        await self._transport.close()


async def _fails(url: str, session: aiohttp.ClientSession | None = None) -> TransportError:
    """Return the error of opening a websocket, and check that it does not show the address."""
    with pytest.raises(TransportError) as caught:
        async with _Opened(url, session):
            pass
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert _KEY not in f"{error} {error!r} {vars(error)!r}"
    return error


async def test_a_refused_connection_is_a_connect_error() -> None:
    async with RawServer(HANG) as server:
        url = server.url
    error = await _fails(url.replace("http", "ws") + _PATH)
    assert isinstance(error, ConnectError)
    assert "no websocket for live updates could be opened (ClientConnectorError: " in str(error)


@pytest.mark.parametrize("status", [200, 401, 403, 404, 429, 500, 503])
async def test_an_answer_that_is_not_a_websocket_is_an_error(status: int) -> None:
    async with RawServer(answer(status)) as server:
        error = await _fails(server.url + _PATH)
        assert type(error) is TransportError
        assert str(error) == f"no websocket for live updates could be opened (WSServerHandshakeError {status})"
        assert server.open_connections == 0


@pytest.mark.parametrize(
    "reply",
    [
        DROP,
        Reply(b"\x16\x03\x01 not HTTP at all\r\n\r\n", close=True),
        Reply(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
        Reply(b"HTTP/1.1 101 Switching\r\n\r\n"),
    ],
)
async def test_an_answer_that_is_not_a_handshake_is_an_error(reply: Reply) -> None:
    async with RawServer(reply) as server:
        assert type(await _fails(server.url + _PATH)) is TransportError
        await asyncio.sleep(0.1)
        assert server.open_connections == 0


@pytest.mark.parametrize("url", ["ws://[::1", "mailto:someone", f"ws:///nowhere?apikey={_KEY}"])
async def test_an_invalid_address_is_an_error(url: str) -> None:
    await _fails(url)


async def test_no_answer_in_ten_seconds_is_a_timeout() -> None:
    async with RawServer(HANG) as server:
        began = asyncio.get_running_loop().time()
        assert isinstance(await _fails(server.url + _PATH), RequestTimeoutError)
        assert asyncio.get_running_loop().time() - began == pytest.approx(10.0, abs=1.1)
        await asyncio.sleep(0.1)
        assert server.open_connections == 0


async def test_cancelling_while_it_opens_leaves_no_connection() -> None:
    async with RawServer(HANG) as server:
        transport = Transport("http://127.0.0.1:1", timeout=30.0)
        opening = asyncio.create_task(transport.websocket(server.url + _PATH))
        await asyncio.sleep(1.0)
        assert server.open_connections == 1
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await asyncio.sleep(0.1)
        assert server.open_connections == 0
        await transport.close()


async def test_a_redirect_is_an_error() -> None:
    async with Server() as elsewhere:
        location = elsewhere.url.replace("ws:", "http:")
        async with RawServer(answer(307, Location=location)) as server:
            error = await _fails(server.url.replace("http:", "ws:") + _PATH)
            assert "answers with a redirect" in str(error)
        await asyncio.sleep(0.1)
        assert elsewhere.open == 0


async def test_a_connection_that_the_server_closes_is_an_error() -> None:
    async def close(socket: web.WebSocketResponse) -> None:
        await socket.close(code=1012, message=b"restarting")

    async with Server(close) as server, _Opened(server.url) as socket:
        for _ in range(2):
            with pytest.raises(TransportError, match=r"was closed \(code 1012\)"):
                await socket.receive()
        with pytest.raises(TransportError, match="could not be sent") as caught:
            await socket.send("too late")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def test_a_connection_that_breaks_is_an_error() -> None:
    async def cut(socket: web.WebSocketResponse) -> None:
        transport = socket._req.transport if socket._req is not None else None
        assert transport is not None
        transport.close()

    async with Server(cut) as server, _Opened(server.url) as socket:
        with pytest.raises(TransportError, match="was closed"):
            await socket.receive()


@pytest.mark.parametrize(("size", "is_taken"), [(LARGEST_MESSAGE - 1, True), (LARGEST_MESSAGE + 1, False)])
async def test_a_message_that_is_too_large_closes_the_connection(size: int, *, is_taken: bool) -> None:
    async def flood(socket: web.WebSocketResponse) -> None:
        await socket.send_str("x" * size)
        await _echo(socket)

    async with Server(flood) as server, _Opened(server.url) as socket:
        if is_taken:
            assert len(await socket.receive()) == size
        else:
            with pytest.raises(TransportError, match=r"was closed \(code 1009\)"):
                await socket.receive()


async def test_text_that_is_not_utf_8_closes_the_connection() -> None:
    async def garble(socket: web.WebSocketResponse) -> None:
        await socket.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
        await _echo(socket)

    async with Server(garble) as server, _Opened(server.url) as socket:
        with pytest.raises(TransportError, match=r"was closed \(code 1007\)"):
            await socket.receive()


async def test_closing_does_not_wait_for_a_silent_server() -> None:
    async def silence(socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(3600.0)

    async with Server(silence) as server:
        began = asyncio.get_running_loop().time()
        async with _Opened(server.url):
            pass
        assert asyncio.get_running_loop().time() - began < 2.5


async def test_text_is_sent_and_received_and_bytes_are_ignored() -> None:
    async def binary_first(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"bytes")
        await _echo(socket)

    async with Server(binary_first) as server, _Opened(server.url) as socket:
        await socket.send("Ænigma")
        assert await socket.receive() == "Ænigma"
        (request,) = server.requests
        assert request.path_qs == _PATH  # not encoded twice
        assert request.headers["User-Agent"] == USER_AGENT
        assert "Authorization" not in request.headers


async def test_a_websocket_gets_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rig = Rig()
    with pytest.raises(ConnectError):
        await rig.session.websocket("wss://elsewhere")
    assert (rig.transport.websockets, rig.transport.sent, caplog.text) == (["wss://elsewhere"], [], "")
    await rig.session.close()
    with pytest.raises(ConfigurationError, match="this DollrClient is closed"):
        await rig.session.websocket("wss://elsewhere")


async def test_the_callers_own_session_is_used_as_it_is_and_never_closed() -> None:
    passed: list[str] = []

    async def note(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        passed.append(request.url.path)
        return await handler(request)

    async with (
        Server() as server,
        aiohttp.ClientSession(
            "https://elsewhere.example/", headers={"User-Agent": "shop/1"}, middlewares=(note,), raise_for_status=True
        ) as session,
    ):
        async with _Opened(server.url, session) as socket:
            await socket.send("text")
            assert await socket.receive() == "text"
        assert not session.closed
        assert passed == ["/realtime/v1/websocket"]
        assert server.requests[0].headers["User-Agent"] == "shop/1"


async def test_an_exception_of_a_middleware_becomes_one_of_ours() -> None:
    async def fail(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        raise ValueError(request.url)

    async with aiohttp.ClientSession(middlewares=(fail,)) as session:
        error = await _fails(f"ws://127.0.0.1:1{_PATH}", session)
        assert str(error) == "no websocket for live updates could be opened (ValueError)"


async def test_a_callers_session_that_is_closed_is_an_error_that_says_so() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    with pytest.raises(ConfigurationError, match="the aiohttp session given to DollrClient is closed"):
        async with _Opened("ws://127.0.0.1:1", session):
            pass
