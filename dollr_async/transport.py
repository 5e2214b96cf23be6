"""One request, one answer: the only room that speaks aiohttp.

An answer of any status is returned as it is; what it means is the caller's business. Every error of aiohttp comes out
as one of ours, and cancellation passes untouched.
"""

from __future__ import annotations

import platform
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from dollr_async.answers import RawAnswer
from dollr_async.errors import ConfigurationError, ConnectError, RequestTimeoutError, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "0.1.0"

LARGEST_BODY = 32 * 1024 * 1024
"""The most bytes of one answer that are read; lists of the API have no pages, so this is generous."""

_CONNECTIONS = 100
_CHUNK = 64 * 1024

# Raised before the first byte of the request has left: no name, no connection, no TLS, no way through the proxy.
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)

# These hold the request's headers or its whole URL, and with them the token or a payer's phone number.
_SHOWING_THE_REQUEST = (
    aiohttp.ClientResponseError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerTimeoutError,
)


class Transport:
    """Owns the aiohttp session; one that the caller gave is used as it is and never closed."""

    def __init__(self, base_url: str, *, timeout: float, session: aiohttp.ClientSession | None = None) -> None:
        """Keep the settings; the session is made at the first request, inside the running loop.

        `timeout` is in seconds, for one request from the wait for a connection to the last byte of the answer.

        Raises:
            ConfigurationError: the base URL is not https (http is allowed on loopback), or has a query or credentials.
        """
        self._base_url = checked_base_url(base_url)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session = session
        self._is_own = session is None
        # A caller's session that names itself keeps its name.
        is_named = session is not None and "User-Agent" in session.headers
        self._own_headers = {} if is_named else {"User-Agent": USER_AGENT}

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str], query: str = "", content: bytes | None = None
    ) -> RawAnswer:
        """Send one request and read its whole answer.

        `path` is relative to `/v1/`, and both it and `query` are percent-encoded already.

        Raises:
            ConfigurationError: the caller's session is closed or adds credentials of its own.
            ConnectError: the request surely did not reach the API.
            RequestTimeoutError: time ran out, and the request may have reached it.
            TransportError: the connection was dropped, or the answer was cut off or too large.
        """
        session = self._opened()
        url = URL(f"{self._base_url}/v1/{path}?{query}" if query else f"{self._base_url}/v1/{path}", encoded=True)
        try:
            async with session.request(
                method,
                url,
                headers={**self._own_headers, **headers},
                data=content,
                timeout=self._timeout,
                allow_redirects=False,
                raise_for_status=False,
            ) as response:
                return RawAnswer(response.status, response.headers, await _read(response))
        except TransportError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes out as one of ours
            failure = self._mapped(error, f"{method} /v1/{path}")
            cause = None if isinstance(error, _SHOWING_THE_REQUEST) else error
        # Raised out here, since an error that shows the request must be no part of the chain.
        raise failure from cause

    def _mapped(self, error: Exception, where: str) -> TransportError:
        if isinstance(error, _NEVER_SENT) and not isinstance(error, aiohttp.RedirectClientError):
            message = f"{where}: no connection to the API could be made ({_described(error)}); nothing was sent"
            return ConnectError(message)
        if isinstance(error, TimeoutError):
            message = f"{where}: no answer within {self._timeout.total:g} seconds; the request may have arrived"
            return RequestTimeoutError(message)
        # A caller's session may have middlewares, and what they raise may come before or after the request was
        # carried out: anything unforeseen is ambiguous.
        message = f"{where}: the connection broke before the answer was whole ({_described(error)})"
        return TransportError(message)

    def _opened(self) -> aiohttp.ClientSession:
        session = self._session
        if session is None:
            session = self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        if session.closed:
            given = "the aiohttp session given to DollrClient is closed: keep it open while the client is used"
            raise ConfigurationError("this DollrClient is closed: make a new one" if self._is_own else given)
        if session.auth is not None:
            message = "the aiohttp session given to DollrClient has auth= of its own: make one without it"
            raise ConfigurationError(message)
        return session

    async def close(self) -> None:
        """Close the session, unless it is the caller's."""
        if self._is_own and self._session is not None:
            await self._session.close()


def _user_agent() -> str:
    return f"dollr-async/{VERSION} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"


USER_AGENT = _user_agent()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    length = response.content_length
    if length is not None and length <= LARGEST_BODY and "Content-Encoding" not in response.headers:
        return await response.read()
    # The length is unknown, or is that of something compressed: count what comes out.
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > LARGEST_BODY:
            message = f"the answer is larger than {LARGEST_BODY} bytes; it was not read to its end"
            raise TransportError(message)
        chunks.append(chunk)
    return b"".join(chunks)


def _described(error: BaseException) -> str:
    # The text of these can hold a whole URL, and with it a payer's phone number.
    reason = getattr(error, "os_error", None) or (error if isinstance(error, OSError) else None)
    words = getattr(reason, "strerror", None)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def checked_base_url(base_url: str) -> str:
    """Return the base URL without a closing slash, or raise `ConfigurationError`."""
    address = base_url.strip() if isinstance(base_url, str) else ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        host, parts = "", urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not secure or not address.isascii() or not address.isprintable() or " " in address:
        message = (
            f"base_url {_without_userinfo(str(base_url))!r} is not an https address, as in 'https://api.heydollr.app' "
            "(http is for a sandbox on this machine, as in 'http://127.0.0.1:8080')"
        )
        raise ConfigurationError(message)
    if parts.username is not None or parts.query or parts.fragment:
        message = "base_url must be a plain address, without credentials, query or fragment"
        raise ConfigurationError(message)
    return address.rstrip("/")


def _without_userinfo(url: str) -> str:
    return url.rpartition("@")[2] if "@" in url else url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
