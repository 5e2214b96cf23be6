"""Sends one request and reads its answer, and opens websockets: with `failures`, the only module that uses aiohttp.

An answer of any status is returned as it is; the caller decides what it means. Every error of aiohttp becomes one of
ours (see `failures`), and a cancellation passes unchanged.
"""

from __future__ import annotations

import asyncio
import platform
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict
from yarl import URL

from dollr_async.base.errors import ConfigurationError, TransportError
from dollr_async.base.version import VERSION
from dollr_async.wire.addresses import checked_base_url
from dollr_async.wire.answers import RawAnswer
from dollr_async.wire.connections import new_session, open_another
from dollr_async.wire.failures import description, failure_of, is_disconnect, websocket_failure_of

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 32 * 1024 * 1024
"""The largest answer that is read, in bytes. It is large, since the API's lists have no pages."""

LARGEST_MESSAGE = 2 * 1024 * 1024
"""The largest message of a websocket, in bytes. Supabase's own limit is a row of 1 MiB plus what is around it."""

# Some servers close each connection after an answer and do not say so: the next request may be sent on it before the
# close is seen, and is lost. So after a lost one no connection is used twice for a while. A session of the caller's
# does not offer that: there each request waits until a close is surely seen.
_CAREFUL_FOR = 10.0
_CLOSE_IS_SEEN_AFTER = 0.05
_NAMES = {str(name): name for name in (hdrs.AUTHORIZATION, hdrs.ACCEPT, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)}
_CHUNK = 64 * 1024
_OPEN_TIMEOUT = 10.0
# How long to wait for the other side to close too; closing must not hang when the server is gone.
_CLOSE_TIMEOUT = aiohttp.ClientWSTimeout(ws_close=1.0)  # pyright: ignore[reportCallIssue] - it cannot read attr.ib(type=...)

# These contain the request's headers or its whole URL, and so the token or a payer's phone number.
_SHOWING_THE_REQUEST = (
    aiohttp.ClientResponseError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerTimeoutError,
)


class RequestHeaders(CIMultiDict[str]):
    """The headers of requests, made once for each token; they contain it, so their `repr` shows nothing.

    They have the type that aiohttp makes from a plain mapping. Making both for every request took 1.3 µs of 84.
    """

    def __repr__(self) -> str:
        """Hide the values."""
        return "RequestHeaders('***')"


class Transport:
    """Owns the aiohttp session; a session of the caller's is used as it is and never closed."""

    def __init__(
        self, base_url: str, *, timeout: float, session: aiohttp.ClientSession | None = None, app: str = ""
    ) -> None:
        """Keep the settings; the session is made for the first request, inside the running loop.

        `timeout` is in seconds, for one request from the wait for a connection to the last byte of the answer. `app`
        is what the User-Agent says of the program that uses the client.

        Raises:
            ConfigurationError: the base URL is not https (http is allowed on loopback), or has a query or credentials.
        """
        self._base_url = URL(checked_base_url(base_url), encoded=True)
        self._root = f"{self._base_url.raw_path.rstrip('/')}/v1/"
        self._seconds = timeout
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._given = session
        self._own: aiohttp.ClientSession | None = None
        self._careful: aiohttp.ClientSession | None = None
        self._careful_until = 0.0
        self._is_closed = False
        # A caller's session that has a User-Agent keeps it.
        is_named = session is not None and "User-Agent" in session.headers
        self._own_headers = {} if is_named else {"User-Agent": f"{USER_AGENT} {app}".rstrip()}

    def address(self, path: str) -> str:
        """Return the address that a path is asked at, without its query."""
        return str(self._base_url.with_path(f"{self._root}{path}", encoded=True))

    def headers(self, headers: Mapping[str, str]) -> RequestHeaders:
        """Return the headers of a request in the form that `send` takes."""
        named = {_NAMES.get(name, name): value for name, value in {**self._own_headers, **headers}.items()}
        return RequestHeaders(named)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: RequestHeaders,
        query: str = "",
        content: bytes | None = None,
        seconds: float | None = None,
    ) -> RawAnswer:
        """Send one request and read its whole answer.

        `path` is relative to `/v1/`. It and `query` must be percent-encoded; `headers` come from `headers()`.
        `seconds` replaces the client's own timeout.

        Raises:
            ConfigurationError: the caller's session is closed or adds credentials of its own.
            ConnectError: the request did not reach the API, and no earlier try of it can have.
            RequestTimeoutError: the time ran out; the request may have reached the API.
            TransportError: the connection was dropped, or the answer was cut off or too large; or no connection could
                be made, but an earlier try below this library may have reached the API (`is_unreachable`).
        """
        session = self._own or self._open_session()
        if self._careful_until:
            session = await self._careful_session()
        url = self._base_url.with_path(f"{self._root}{path}", encoded=True)
        if query:
            url = URL(f"{url}?{query}", encoded=True)
        try:
            response = await session.request(
                method,
                url,
                headers=headers,
                data=content,
                timeout=self._timeout if seconds is None else aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
                raise_for_status=False,
            )
            answered = response.headers
            length = int(answered.get(hdrs.CONTENT_LENGTH, LARGEST_BODY + 1))
            if length <= LARGEST_BODY and hdrs.CONTENT_ENCODING not in answered:
                # read() gives the connection back, or closes it when it fails, so no `async with` is needed here: it
                # would take 2.4 µs of 84 more.
                return RawAnswer(response.status, answered, await response.read())
            async with response:
                return RawAnswer(response.status, answered, await _read_bounded(response, f"{method} /v1/{path}"))
        except TransportError:
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes one of ours
            if is_disconnect(error):
                self._careful_until = asyncio.get_running_loop().time() + _CAREFUL_FOR
            failure = failure_of(error, method, path, session=session, timeout=seconds or self._seconds)
            cause = None if isinstance(error, _SHOWING_THE_REQUEST) else error
        # Raised outside `except`: an error that shows the request must not be in the chain of errors.
        raise failure from cause

    async def open_another(self, path: str, headers: RequestHeaders) -> None:
        """Open one more connection by a GET; a failure is ignored, and a session of the caller's is left alone."""
        if self._own is not None:
            await open_another(self._own, URL(self.address(path), encoded=True), headers, self._timeout)

    async def websocket(self, url: str) -> WebSocket:
        """Open a websocket at a percent-encoded `ws` or `wss` address, without the API's credentials.

        The address may contain a key, so no error shows it, and no error has a cause.

        Raises:
            ConfigurationError: the caller's session is closed or adds credentials of its own.
            ConnectError: no connection could be made.
            RequestTimeoutError: it was not open after 10 seconds.
            TransportError: the server did not open a websocket, or answered with a redirect.
        """
        session = self._own or self._open_session()
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT):
                opened = await session.ws_connect(
                    URL(url, encoded=True),
                    headers=self._own_headers,
                    timeout=_CLOSE_TIMEOUT,
                    max_msg_size=LARGEST_MESSAGE,
                )
        except Exception as error:  # noqa: BLE001 - every error becomes one of ours
            failure = websocket_failure_of(error)
        else:
            if not opened._response.history:  # noqa: SLF001 - aiohttp has no public way to see it
                return WebSocket(opened)
            # aiohttp always follows redirects here. Nothing has been sent on the websocket yet, and nothing will be.
            await opened.close()
            failure = TransportError(
                "the address for live updates answers with a redirect, which is not followed: set the final address"
            )
        raise failure

    def _open_session(self) -> aiohttp.ClientSession:
        given = self._given
        if given is None:
            if self._is_closed:
                raise ConfigurationError("this DollrClient is closed: make a new one")
            self._own = new_session()
            return self._own
        if given._loop is not asyncio.get_running_loop():  # noqa: SLF001 - its public property is deprecated
            message = (
                "the aiohttp session given to DollrClient belongs to another event loop: make the session inside the "
                "coroutine that uses the client"
            )
            raise ConfigurationError(message)
        if given.closed:
            message = "the aiohttp session given to DollrClient is closed: keep it open while the client is used"
            raise ConfigurationError(message)
        if given.auth is not None:
            message = "the aiohttp session given to DollrClient has auth= of its own: make one without it"
            raise ConfigurationError(message)
        return given

    async def _careful_session(self) -> aiohttp.ClientSession:
        """Return the session of a request that is sent soon after another was lost on a closed connection."""
        if asyncio.get_running_loop().time() >= self._careful_until:
            self._careful_until = 0.0
        elif self._given is not None:
            await asyncio.sleep(_CLOSE_IS_SEEN_AFTER)
        else:
            if self._careful is None:
                self._careful = new_session(force_close=True)
            return self._careful
        return self._own or self._open_session()

    async def close(self) -> None:
        """Close the session, unless it is the caller's."""
        self._is_closed = True
        sessions = (self._own, self._careful)
        self._own = self._careful = None
        for session in sessions:
            if session is not None:
                await session.close()


class WebSocket:
    """One open websocket: it sends and receives text."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse) -> None:
        """Wrap a websocket of aiohttp."""
        self._opened = opened

    async def send(self, text: str) -> None:
        """Send one message.

        Raises:
            TransportError: the connection has ended.
        """
        try:
            await self._opened.send_str(text)
        except Exception as error:  # noqa: BLE001 - every error becomes one of ours
            failure = TransportError(
                f"a message could not be sent on the websocket for live updates ({description(error)})"
            )
        else:
            return
        raise failure

    async def receive(self) -> str:
        """Wait for the next text message; others are ignored.

        Raises:
            TransportError: the connection has ended, or a message was larger than `LARGEST_MESSAGE`.
        """
        while True:
            message = await self._opened.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                text: str = message.data
                return text
            if message.type is not aiohttp.WSMsgType.BINARY:
                code = self._opened.close_code
                raise TransportError(f"the websocket for live updates was closed (code {code})")

    async def close(self) -> None:
        """Close the connection; closing twice is fine."""
        await self._opened.close()


USER_AGENT = f"dollr-async/{VERSION} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"


async def _read_bounded(response: aiohttp.ClientResponse, where: str) -> bytes:
    """Read a body whose size is not known (no length, or compressed), and stop when it is too large."""
    chunks: list[bytes] = []
    size = int(response.headers.get(hdrs.CONTENT_LENGTH, 0))
    if size <= LARGEST_BODY:
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > LARGEST_BODY:
                break
            chunks.append(chunk)
    if size > LARGEST_BODY:
        message = (
            f"{where}: the answer is larger than {LARGEST_BODY} bytes, and was not read completely: ask for less, with "
            "filters such as currency and status"
        )
        raise TransportError(message)
    return b"".join(chunks)
