"""One API call: get a token, send, replay once after a 401, turn a status into an error, decode, retry if safe."""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from dollr_async.base.errors import DecodeError, DollrError
from dollr_async.base.fields import check_sendable, tidy
from dollr_async.base.observing import RequestEnded
from dollr_async.wire import codec, large_lists
from dollr_async.wire.answers import error_of, is_unauthenticated, unreadable
from dollr_async.wire.retry import retry_delay
from dollr_async.wire.routes import route_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.wire.answers import RawAnswer
    from dollr_async.wire.options import CallOptions
    from dollr_async.wire.retry import RetryPolicy
    from dollr_async.wire.session import SessionManager
    from dollr_async.wire.tokens import Token

T = TypeVar("T")

logger = logging.getLogger("dollr_async.http")


class HttpCaller:
    """Makes API calls on an authenticated session."""

    def __init__(
        self,
        session: SessionManager,
        *,
        retry: RetryPolicy,
        clock: Clock,
        options: CallOptions | None = None,
        notify: Notify | None = None,
    ) -> None:
        """Use a session; `retry` is the policy of calls that have none of their own, `options` are those of a view."""
        self._options = options
        self._notify = notify
        self._session = session
        self._retry = retry
        self._clock = clock

    async def call(
        self,
        method: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, object] | None = None,
        body: codec.Body | None = None,
        retry: RetryPolicy | None = None,
    ) -> T:
        """Make one call and return its answer as `shape`.

        A GET is retried after a lost answer, a 408 or a 5xx. Every request is retried after a failed connection and
        a 429. `retry` replaces the client's own policy. (A lost answer did not arrive or cannot be read, so the request
        may or may not have been carried out.)

        Raises:
            APIStatusError: the API refused; the class says which status it was.
            TransportError: no usable answer arrived; the class says why.
            DecodeError: a success answer does not have the documented shape.
            ConfigurationError: the client is closed, or belongs to another event loop.
        """
        encoded = _encoded(query) if query else ""
        content = None if body is None else codec.encode(body)
        policy = retry or self._retry
        sends, replayed = 1, False
        while True:
            token = await self._session.token()
            try:
                answer = await self._sending(token, method, path, encoded, content, sends)
                if answer.is_success:
                    break
                if is_unauthenticated(answer) and not replayed:
                    # A refused token means that nothing ran: drop it, fetch a new one, and replay once.
                    self._session.discard(token)
                    replayed = True
                    continue
                secrets = (token.secret.reveal(), *codec.secrets_of(body))
                personal = (*_personal(query), *codec.personal_of(body))
                address = self._session.address(path)
                raise error_of(answer, method, path, self._clock, secrets=secrets, personal=personal, address=address)
            except DollrError as failure:
                delay = retry_delay(policy, failure, sends=sends, repeatable=method == "GET")
                if delay is None:
                    raise
            await self._clock.sleep(delay)
            sends += 1
        try:
            if large_lists.is_large_list(answer.content, shape):
                return await large_lists.decode(answer.content, shape)
            return codec.decode(answer.content, shape)
        except DecodeError as error:
            raise unreadable(error, answer, method, path) from None

    def _sending(
        self, token: Token, method: str, path: str, query: str, content: bytes | None, attempt: int
    ) -> Awaitable[RawAnswer]:
        sending = self._session.send(token, method, path, query=query, content=content, options=self._options)
        if self._notify is not None or logger.isEnabledFor(logging.DEBUG):
            return self._reported(sending, method, path, attempt)
        return sending

    async def _reported(self, sending: Awaitable[RawAnswer], method: str, path: str, attempt: int) -> RawAnswer:
        began = self._clock.monotonic()
        status: int | None = None
        failed: str | None = None
        try:
            answer = await sending
            status = answer.status
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            seconds = self._clock.monotonic() - began
            # Never the query or a body: they may have a phone number or a secret.
            logger.debug(
                "%s /v1/%s: %s (attempt %d, %.0f ms)", method, path, status or failed, attempt, seconds * 1000.0
            )
            if self._notify is not None:
                self._notify(
                    RequestEnded(
                        method=method,
                        route=route_of(path),
                        status=status,
                        attempt=attempt,
                        seconds=seconds,
                        error=failed,
                    )
                )
        return answer


def _personal(query: Mapping[str, object] | None) -> list[str]:
    """Return the values of the filters that may name somebody."""
    texts = {key: tidy(value) for key, value in (query or {}).items() if isinstance(value, str)}
    return [text for key, text in texts.items() if key in codec.PERSONAL and len(text) >= codec.SHORTEST_PERSONAL]


def _encoded(query: Mapping[str, object]) -> str:
    return urlencode([(key, _plain(key, value)) for key, value in query.items() if value is not None])


def _plain(key: str, value: object) -> str:
    if isinstance(value, str):
        tidied = tidy(value)
        check_sendable(f"the filter {key}", tidied)
        return tidied
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else str(value)
