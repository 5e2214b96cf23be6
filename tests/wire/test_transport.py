"""The transport: what it sends, what it returns, and each way in which a request can fail."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import socket
import ssl
import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions
from aiohttp.abc import AbstractResolver
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from dollr_async.base.errors import ConfigurationError, ConnectError, RequestTimeoutError, TransportError
from dollr_async.wire.addresses import checked_base_url
from dollr_async.wire.retry import is_ambiguous
from dollr_async.wire.transport import LARGEST_BODY, USER_AGENT, Transport
from tests.support.raw_server import DROP, HANG, RawServer, Reply, answer, chunked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from aiohttp.abc import ResolveResult

    from dollr_async.wire.answers import RawAnswer

Odd: TypeAlias = Any
"""A type that is declared too narrowly for a test."""

_TOKEN = "token-that-nobody-may-see"
_PHONE = "231771234567"
_QUERY = f"phone={_PHONE}"
_HEADERS = {"Authorization": f"Bearer {_TOKEN}", "Accept": "application/json"}
_TIMEOUT = 30.0


async def _ask(
    url: str, method: str = "GET", *, session: aiohttp.ClientSession | None = None, **more: Odd
) -> RawAnswer:
    transport = Transport(url, timeout=_TIMEOUT, session=session)
    try:
        return await transport.send(
            method, "predictions/phone", headers=transport.headers(_HEADERS), query=_QUERY, **more
        )
    finally:
        await transport.close()


def _everything(error: BaseException | None) -> str:
    """Return everything that an error and the errors in its chain show."""
    shown = ""
    while error is not None:
        shown += f"{error!s} {error!r} {vars(error)!r} {error.args!r}"
        error = error.__cause__ or error.__context__
    return shown


# Failures: each exception of aiohttp becomes one of ours

_KEY = ConnectionKey("127.0.0.1", 1, False, True, None, None, None)  # noqa: FBT003 - aiohttp's own order
_REQUEST = aiohttp.RequestInfo(
    URL(f"https://api.example/v1/x?{_QUERY}"), "GET", CIMultiDictProxy(CIMultiDict(_HEADERS)), URL("https://a.example")
)
_NEVER_SENT = {
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientHttpProxyError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "InvalidUrlClientError",
    "NonHttpUrlClientError",
    "ServerFingerprintMismatch",
    "UnixClientConnectorError",
}
_TIMEOUTS = {"ServerTimeoutError", "SocketTimeoutError"}
_FOREIGN = sorted(
    {
        found
        for module in (aiohttp, client_exceptions, http_exceptions)
        for found in vars(module).values()
        if inspect.isclass(found) and issubclass(found, Exception) and found.__module__.startswith("aiohttp")
    },
    key=lambda found: found.__name__,
)


def _made(cls: type[Exception]) -> Exception:
    """Return an exception of aiohttp that contains the request, if its class can."""
    arguments: dict[type, tuple[object, ...]] = {
        aiohttp.ServerFingerprintMismatch: (b"a", b"b", "api.example", 443),
        aiohttp.ClientResponseError: (_REQUEST, ()),
        aiohttp.ClientConnectorCertificateError: (_KEY, ssl.CertificateError()),
        client_exceptions.UnixClientConnectorError: ("/socket", _KEY, OSError(2, "No such file")),
        aiohttp.ClientConnectorError: (_KEY, OSError(111, "Connection refused")),
        aiohttp.WebSocketError: (1000, "gone"),
        http_exceptions.BadStatusLine: ("line",),
        http_exceptions.HttpProcessingError: (),
    }
    if issubclass(cls, http_exceptions.BadHttpMessage):
        return cls(f"https://api.example?{_QUERY}")
    known = next((given for base, given in arguments.items() if issubclass(cls, base)), None)
    return cls(*((f"https://api.example/v1/x?{_QUERY}",) if known is None else known))


async def _with_middleware(error: BaseException, method: str = "GET") -> RawAnswer:
    async def fail(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        raise error

    async with aiohttp.ClientSession(middlewares=(fail,)) as session:
        return await _ask("http://127.0.0.1:1", method, session=session)


async def _in_aiohttp(error: BaseException, method: str = "GET") -> RawAnswer:
    """Raise an exception inside aiohttp, once the request has a connection."""

    class Failing(aiohttp.ClientRequest):
        async def send(self, conn: Odd) -> aiohttp.ClientResponse:
            raise error

    async with RawServer(HANG) as server, aiohttp.ClientSession(request_class=Failing) as session:
        return await _ask(server.url, method, session=session)


def test_every_exception_of_aiohttp_is_tested() -> None:
    names = {found.__name__ for found in _FOREIGN}
    public = {name for name in aiohttp.__all__ if inspect.isclass(found := getattr(aiohttp, name))
              and issubclass(found, Exception)}  # fmt: skip
    assert (_NEVER_SENT | _TIMEOUTS | public) <= names


@pytest.mark.parametrize("cls", _FOREIGN)
async def test_each_exception_of_aiohttp_becomes_one_of_ours(cls: type[Exception]) -> None:
    with pytest.raises(TransportError) as caught:
        await _in_aiohttp(_made(cls))
    error = caught.value
    expected = (
        ConnectError if cls.__name__ in _NEVER_SENT
        else RequestTimeoutError if cls.__name__ in _TIMEOUTS
        else TransportError
    )  # fmt: skip
    assert type(error) is expected
    assert error.nothing_sent is (expected is ConnectError)
    assert is_ambiguous(error) is (expected is not ConnectError)
    assert cls.__name__ in str(error) or expected is RequestTimeoutError
    assert "GET /v1/predictions/phone" in str(error)


@pytest.mark.parametrize("cls", [found for found in _FOREIGN if found.__name__ in _NEVER_SENT])
async def test_middlewares_may_have_sent_an_earlier_try(cls: type[Exception]) -> None:
    with pytest.raises(TransportError, match=r"at the last try, no connection.*middlewares.*\(fail\)") as caught:
        await _with_middleware(_made(cls), "POST")
    error = caught.value
    assert (type(error), error.nothing_sent, error.is_unreachable) == (TransportError, False, True)
    assert is_ambiguous(error)
    assert "nothing was sent" not in str(error)


@pytest.mark.parametrize("cls", [found for found in _FOREIGN if issubclass(found, aiohttp.ClientError)])
async def test_no_error_shows_the_token_or_the_phone(cls: type[Exception]) -> None:
    with pytest.raises(TransportError) as caught:
        await _with_middleware(_made(cls))
    error = caught.value
    assert _TOKEN not in _everything(error)
    if error.__cause__ is None:
        assert _PHONE not in _everything(error)


@pytest.mark.parametrize(
    "cls",
    [
        aiohttp.ClientResponseError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.InvalidURL,
        aiohttp.NonHttpUrlClientError,
        aiohttp.ServerTimeoutError,
        aiohttp.TooManyRedirects,
    ],
)
async def test_an_exception_that_shows_the_request_is_not_in_the_chain(cls: type[Exception]) -> None:
    with pytest.raises(TransportError) as caught:
        await _with_middleware(_made(cls))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("foreign", [ValueError("odd"), RuntimeError("odd"), KeyError("odd"), OSError(5, "disk")])
async def test_any_other_exception_of_a_middleware_is_ambiguous(foreign: Exception) -> None:
    with pytest.raises(TransportError) as caught:
        await _with_middleware(foreign)
    assert type(caught.value) is TransportError
    assert caught.value.__cause__ is not None
    assert is_ambiguous(caught.value)


async def test_cancellation_passes_unchanged() -> None:
    with pytest.raises(asyncio.CancelledError, match="mine"):
        await _with_middleware(asyncio.CancelledError("mine"))


@pytest.mark.parametrize("reply", [HANG, Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")])
async def test_a_cancelled_request_ends_at_once_and_leaves_no_connection(reply: Reply) -> None:
    async with RawServer(reply) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        asking = asyncio.create_task(transport.send("GET", "x", headers=transport.headers(_HEADERS)))
        await asyncio.sleep(1.0)
        assert (len(server.seen), server.open_connections) == (1, 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0.1)
        assert server.open_connections == 0
        await transport.close()


# Failures: on the wire

_LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(DROP, id="dropped"),
        pytest.param(Reply(b"HTTP/1.1 200", close=True), id="cut in the status line"),
        pytest.param(Reply(b"HTTP/1.1 200 OK\r\nContent-Le", close=True), id="cut in the headers"),
        pytest.param(Reply(_LENGTH.format(10).encode() + b"{", close=True), id="cut in the body"),
        pytest.param(chunked(b'{"id": ', end=False), id="cut between chunks"),
        pytest.param(Reply(b"\x16\x03\x01 not HTTP at all\r\n\r\n", close=True), id="not HTTP"),
        pytest.param(Reply(b"HTTP/1.1 two hundred\r\n\r\n", close=True), id="no status"),
        pytest.param(Reply(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}", close=True), id="no length"),
        pytest.param(Reply(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", close=True), id="huge header"),
        pytest.param(Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", close=True), id="bad chunk"),
        pytest.param(answer(200, b"not gzip", Content_Encoding="gzip"), id="wrong encoding"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_broken_answer_is_ambiguous(method: str, reply: Reply) -> None:
    async with RawServer(reply) as server:
        with pytest.raises(TransportError) as caught:
            await _ask(server.url, method)
        assert type(caught.value) is TransportError
        assert is_ambiguous(caught.value)
        assert _TOKEN not in _everything(caught.value)
        assert _PHONE not in _everything(caught.value)


@pytest.mark.parametrize(("method", "sends"), [("POST", 1), ("PUT", 2), ("DELETE", 2), ("GET", 2)])
async def test_a_post_is_sent_once_after_a_dropped_connection(method: str, sends: int) -> None:
    # aiohttp itself resends the other methods, and has no setting against it (docs/design.md, rule 3).
    async with RawServer(answer(), DROP) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        await transport.send("POST", "x", headers=transport.headers(_HEADERS), content=b"{}")
        with pytest.raises(TransportError):
            await transport.send(
                method, "x", headers=transport.headers(_HEADERS), content=b"{}"
            )  # on the connection that was kept
        await transport.close()
        assert len(server.seen) == 1 + sends


async def test_a_refused_connection_means_that_nothing_was_sent() -> None:
    async with RawServer(HANG) as server:
        url = server.url
    with pytest.raises(ConnectError, match=r"ClientConnectorError.*nothing was sent") as caught:
        await _ask(url)
    assert not is_ambiguous(caught.value)


async def test_a_server_without_tls_means_that_nothing_was_sent() -> None:
    async with RawServer(HANG, greeting=b"220 mail.example ready\r\n") as server:
        with pytest.raises(ConnectError, match=r"ClientConnectorSSLError.*nothing was sent"):
            await _ask(server.url.replace("http:", "https:"))
        assert server.seen == []


class _NoNames(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(None, "no such name")

    async def close(self) -> None:
        return


async def test_an_unknown_host_name_means_that_nothing_was_sent() -> None:
    connector = aiohttp.TCPConnector(resolver=_NoNames())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(ConnectError, match="DNSError"):
            await _ask("https://api.example", session=session)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(HANG, id="never"),
        pytest.param(Reply(_LENGTH.format(99).encode() + b"{"), id="in the body"),
        pytest.param(Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"), id="between chunks"),
        pytest.param(Reply(answer().content, after=_TIMEOUT + 2.0), id="late"),
    ],
)
async def test_the_timeout_covers_the_whole_answer(reply: Reply) -> None:
    async with RawServer(reply) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(RequestTimeoutError, match="no answer within 30 seconds; the request may have arrived"):
            await _ask(server.url)
        assert asyncio.get_running_loop().time() - began == pytest.approx(_TIMEOUT, abs=1.1)


async def test_an_answer_within_the_timeout_is_returned() -> None:
    async with RawServer(Reply(answer().content, after=_TIMEOUT - 2.0)) as server:
        assert (await _ask(server.url)).status == 200


# Large bodies


_MEBIBYTE = b" " * (1024 * 1024)
_TOO_MANY = LARGEST_BODY // len(_MEBIBYTE) + 1


def _bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return b"".join(packer.compress(_MEBIBYTE) for _ in range(_TOO_MANY)) + packer.flush()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(200, _bomb(31), Content_Encoding="gzip"), id="gzip"),
        pytest.param(answer(200, _bomb(15), Content_Encoding="deflate"), id="deflate"),
        pytest.param(chunked(_bomb(31), Content_Encoding="gzip"), id="gzip in chunks"),
        pytest.param(chunked(*[_MEBIBYTE] * _TOO_MANY), id="chunks"),
        pytest.param(answer(200, _MEBIBYTE * _TOO_MANY), id="plain"),
        pytest.param(Reply(_LENGTH.format(LARGEST_BODY + 1).encode()), id="only its length"),
    ],
)
async def test_a_body_that_is_too_large_is_not_read_completely(reply: Reply) -> None:
    async with RawServer(reply) as server:
        said = rf"^GET /v1/predictions/phone: the answer is larger than {LARGEST_BODY} bytes.* currency and status$"
        with pytest.raises(TransportError, match=said) as caught:
            await _ask(server.url)
        assert is_ambiguous(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(200, b'{"a":1}'), id="plain"),
        pytest.param(chunked(b'{"a"', b":1}"), id="chunks"),
        pytest.param(answer(200, gzip.compress(b'{"a":1}'), Content_Encoding="gzip"), id="gzip"),
        pytest.param(Reply(b'HTTP/1.0 200 OK\r\n\r\n{"a":1}', close=True), id="until the end"),
    ],
)
async def test_a_body_in_any_encoding_is_read_completely(reply: Reply) -> None:
    async with RawServer(reply) as server:
        assert (await _ask(server.url)).content == b'{"a":1}'


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 404, 418, 429, 500, 503])
async def test_an_answer_of_any_status_is_returned(status: int) -> None:
    async with RawServer(answer(status, b"" if status == 204 else b"{}", Retry_After="7")) as server:
        found = await _ask(server.url)
        assert (found.status, found.headers["retry-after"]) == (status, "7")


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_redirect_is_never_followed(method: str, status: int) -> None:
    async with RawServer(answer()) as elsewhere, RawServer(answer(status, Location=f"{elsewhere.url}/v1/y")) as server:
        assert (await _ask(server.url, method, content=None if method == "GET" else b"{}")).status == status
        assert (len(server.seen), len(elsewhere.seen)) == (1, 0)


# Where requests go


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://api.heydollr.app", "https://api.heydollr.app"),
        ("https://api.heydollr.app/", "https://api.heydollr.app"),
        ("  https://api.heydollr.app//  ", "https://api.heydollr.app"),
        ("HTTPS://API.HEYDOLLR.APP", "HTTPS://API.HEYDOLLR.APP"),
        ("https://gateway.example:8443/dollr", "https://gateway.example:8443/dollr"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://localhost:80", "http://localhost:80"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_a_safe_address_is_accepted(given: str, taken: str) -> None:
    assert checked_base_url(given) == taken


@pytest.mark.parametrize(
    "given",
    [
        "",
        "   ",
        "api.heydollr.app",
        "//api.heydollr.app",
        "https://",
        "https:///v1",
        "https:api.heydollr.app",
        "http://api.heydollr.app",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://169.254.169.254",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.1",
        "http://2130706433",
        "http://127.0.0.1@evil.example",
        "http://localhost@evil.example",
        "http://evil.example#@127.0.0.1",
        "http://evil.example\\@127.0.0.1",
        "ftp://127.0.0.1",
        "ws://127.0.0.1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://[::1",
        "https://host:port",
        "https://host:99999",
        "https://user:password@api.heydollr.app",
        "https://user@api.heydollr.app",
        "https://api.heydollr.app?x=1",
        "https://api.heydollr.app#x",
        "https://api.heydollr.app/\r\nX-Injected: 1",
        "https://api.heydollr.app/\tx",
        "https://api.heydollr.app/a b",
        "https://api.heydollr.app\x00",
        "https://bücher.example",
        None,
        7,
    ],
)
def test_an_unsafe_address_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"https address|plain address") as caught:
        checked_base_url(given)
    assert "password" not in str(caught.value)


async def test_a_request_goes_to_its_path_unchanged() -> None:
    async with RawServer(answer()) as server:
        transport = Transport(f"{server.url}/gateway/", timeout=_TIMEOUT)
        await transport.send(
            "GET", "parties/a%2Fb%7E%0D%0A", headers=transport.headers(_HEADERS), query="q=%2B%26%3D+%0D%0A"
        )
        await transport.send("GET", "parties/list", headers=transport.headers(_HEADERS))
        await transport.close()
        assert [seen.target for seen in server.seen] == [
            "/gateway/v1/parties/a%2Fb%7E%0D%0A?q=%2B%26%3D+%0D%0A",
            "/gateway/v1/parties/list",
        ]


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\x00b"])
async def test_a_header_cannot_be_injected(value: str) -> None:
    async with RawServer(answer()) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        with pytest.raises(TransportError):
            await transport.send("GET", "x", headers=transport.headers({"Authorization": value}))
        await transport.close()
        assert server.seen == []


async def test_a_request_has_our_user_agent() -> None:
    async with RawServer(answer()) as server:
        await _ask(server.url, "POST", content=b'{"a":1}')
        (seen,) = server.seen
        assert seen.headers["user-agent"] == USER_AGENT
        assert USER_AGENT.startswith("dollr-async/")
        assert (seen.method, seen.content, seen.headers["authorization"]) == ("POST", b'{"a":1}', f"Bearer {_TOKEN}")


# The pool


async def test_connections_are_reused_and_limited() -> None:
    async with RawServer(Reply(answer().content, after=1.0)) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        for _ in range(2):
            await asyncio.gather(*(transport.send("GET", "x", headers=transport.headers(_HEADERS)) for _ in range(250)))
        assert (len(server.seen), server.connections) == (500, 100)
        await transport.close()
        await asyncio.sleep(0.1)
        assert server.open_connections == 0


async def test_cookies_are_not_kept() -> None:
    async with RawServer(answer(200, Set_Cookie="a=b; Path=/")) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        for _ in range(2):
            await transport.send("GET", "x", headers=transport.headers(_HEADERS))
        assert "cookie" not in server.seen[1].headers
        # An IP address gets no cookies anyway, and a host name cannot be resolved in virtual time.
        assert transport._own is not None
        assert isinstance(transport._own.cookie_jar, aiohttp.DummyCookieJar)
        await transport.close()


async def test_a_transport_that_never_opened_can_be_closed() -> None:
    transport = Transport("https://api.example", timeout=_TIMEOUT)
    await transport.close()
    await transport.close()


async def test_a_closed_transport_opens_no_second_session() -> None:
    async with RawServer(answer()) as server:
        transport = Transport(server.url, timeout=_TIMEOUT)
        await transport.send("GET", "x", headers=transport.headers(_HEADERS))
        await transport.close()
        with pytest.raises(ConfigurationError, match="this DollrClient is closed: make a new one"):
            await transport.send("GET", "x", headers=transport.headers(_HEADERS))


# The caller's own session


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with RawServer(answer(500, b'{"detail": "no"}')) as running:
        yield running


_DEFAULTS = {"Authorization": "Basic theirs", "Accept": "text/html", "Content-Type": "text/plain", "X-Theirs": "kept"}


async def test_our_headers_replace_those_of_a_given_session(server: RawServer) -> None:
    async with aiohttp.ClientSession(headers=_DEFAULTS) as session:
        transport = Transport(server.url, timeout=_TIMEOUT, session=session)
        ours = {**_HEADERS, "Content-Type": "application/json"}
        await transport.send("POST", "x", headers=transport.headers(ours), content=b"{}")
        (seen,) = server.seen
        assert {name: seen.headers[name.lower()] for name in ours} == ours
        assert (seen.headers["x-theirs"], seen.headers["user-agent"]) == ("kept", USER_AGENT)


async def test_a_given_session_keeps_its_user_agent(server: RawServer) -> None:
    async with aiohttp.ClientSession(headers={"user-agent": "shop/1"}) as session:
        await _ask(server.url, session=session)
        assert server.seen[0].headers["user-agent"] == "shop/1"


async def _never(response: aiohttp.ClientResponse) -> None:
    raise AssertionError


@pytest.mark.parametrize("policy", [True, _never])
async def test_raise_for_status_of_a_given_session_changes_nothing(server: RawServer, policy: Odd) -> None:
    async with aiohttp.ClientSession(raise_for_status=policy) as session:
        found = await _ask(server.url, session=session)
        assert (found.status, found.content) == (500, b'{"detail": "no"}')


async def test_a_given_session_is_used_as_it_is_and_never_closed(server: RawServer) -> None:
    passed: list[str] = []

    async def note(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        passed.append(request.method)
        return await handler(request)

    async with aiohttp.ClientSession(
        "https://elsewhere.example/", middlewares=(note,), timeout=aiohttp.ClientTimeout(total=0.001)
    ) as session:
        await _ask(server.url, session=session)
        assert not session.closed
        assert passed == ["GET"]


async def test_a_given_session_that_is_closed_is_an_error_that_says_so() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    with pytest.raises(ConfigurationError, match="the aiohttp session given to DollrClient is closed: keep it open"):
        await _ask("http://127.0.0.1:1", session=session)


def _session_with_credentials() -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    with pytest.warns(DeprecationWarning, match="auth"):
        return aiohttp.ClientSession(auth=aiohttp.BasicAuth("user", "password"))


async def test_a_given_session_with_its_own_credentials_is_refused() -> None:
    async with _session_with_credentials() as session:
        with pytest.raises(ConfigurationError, match="has auth= of its own: make one without it") as caught:
            await _ask("http://127.0.0.1:1", session=session)
        assert "password" not in _everything(caught.value)
