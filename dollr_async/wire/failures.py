"""Makes one of our errors of each exception of aiohttp, and says whether the request can have left.

"Nothing was sent" is said only where no byte of any try can have left (docs/design.md, rule 2).
"""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING

import aiohttp

from dollr_async.base.errors import ConnectError, RequestTimeoutError, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Raised before the first byte of the request is sent: no DNS name, no connection, no TLS, refused by the proxy.
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
# aiohttp resends these by itself after a disconnect, and has no setting against it. It resends a GET too, which changes
# nothing.
_RESENT_BY_AIOHTTP = frozenset(("PUT", "DELETE"))
_CONNECT = aiohttp.BaseConnector.connect.__code__
_WAIT = "_wait_for_available_connection"


def failure_of(
    error: Exception, method: str, path: str, *, session: aiohttp.ClientSession, timeout: float
) -> TransportError:
    """Return the error for an exception that ended a request through `session` within `timeout` seconds."""
    where = f"{method} /v1/{path}"
    reason = _why_never_sent(error, timeout)
    if reason is not None:
        resender = _resender_below(session, method)
        if resender is None:
            return ConnectError(f"{where}: {reason}; nothing was sent")
        message = f"{where}: at the last try, {reason}; {resender}, so an earlier try may have been carried out"
        unreachable = TransportError(message)
        unreachable.is_unreachable = True
        return unreachable
    if isinstance(error, TimeoutError):
        message = f"{where}: no answer within {timeout:g} seconds; the request may have arrived"
        return RequestTimeoutError(message)
    # A caller's session may have middlewares, which may raise before or after the request was carried out: any
    # other error is ambiguous.
    message = (
        f"{where}: the connection broke before the answer was complete ({description(error)}); "
        "the request may have been carried out"
    )
    return TransportError(message)


def websocket_failure_of(error: Exception) -> TransportError:
    """Return the error for an exception while a websocket was opened."""
    status = f" {error.status}" if isinstance(error, aiohttp.ClientResponseError) and error.status else ""
    message = f"no websocket for live updates could be opened ({description(error)}{status})"
    if _made_no_connection(error):
        return ConnectError(message)
    return RequestTimeoutError(message) if isinstance(error, TimeoutError) else TransportError(message)


def is_disconnect(error: Exception) -> bool:
    """Whether the other side closed or reset an open connection before its answer began."""
    return isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and not _made_no_connection(error)


def description(error: BaseException) -> str:
    """Return what an exception says that shows nothing of the request."""
    # The full text of an error can contain the URL, and so a payer's phone number.
    reason = getattr(error, "os_error", None) or (error if isinstance(error, OSError) else None)
    text = getattr(reason, "strerror", None)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _made_no_connection(error: Exception) -> bool:
    return isinstance(error, _NEVER_SENT) and not isinstance(error, aiohttp.RedirectClientError)


def _why_never_sent(error: Exception, timeout: float) -> str | None:
    """Return why the last try was certainly not sent, or None where it may have been."""
    if _made_no_connection(error):
        return f"no connection to the API could be made ({description(error)})"
    if not isinstance(error, TimeoutError):
        return None
    # The whole timeout cancels the task where it waits. Where that was inside the connector, no byte had left. Reading
    # this from the traceback is free for a request that succeeds; a hook or a timeout of its own costs each 5 to 17 %.
    frames = [frame.f_code for frame, _ in walk_tb(_cancellation_of(error).__traceback__)]
    if _CONNECT not in frames:
        return None
    if _WAIT in {code.co_name for code in frames}:
        return f"no connection was free for {timeout:g} seconds (make fewer calls at once, or set a longer timeout)"
    return f"no connection to the API could be made within {timeout:g} seconds"


def _cancellation_of(error: BaseException) -> BaseException:
    # aiohttp makes a TimeoutError of the cancellation, outside the connector.
    return error.__cause__ or error


def _resender_below(session: aiohttp.ClientSession, method: str) -> str | None:
    """Return what may have sent a request more than once, in words, or None if nothing can have."""
    if type(session) is not aiohttp.ClientSession:
        return f"the session given to DollrClient is a {type(session).__name__}, which may retry"
    middlewares: Iterable[object] = session._middlewares or ()  # noqa: SLF001 - aiohttp has no public way to see them
    if middlewares:
        names = ", ".join(getattr(each, "__name__", type(each).__name__) for each in middlewares)
        return f"the middlewares of the session given to DollrClient ({names}) may retry"
    if method in _RESENT_BY_AIOHTTP:
        return f"aiohttp resends a {method} by itself after a disconnect"
    return None
