"""The authenticated session: it owns the transport and the one token, which all tasks share and which is kept fresh.

A background task refreshes the token before it expires. It is never the only way to a fresh one: a task that needs a
token and finds no usable one fetches it at once (docs/design.md, rule 9).
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from functools import partial
from typing import TYPE_CHECKING

from dollr_async.base.errors import ConfigurationError, DollrError
from dollr_async.base.observing import TokenFetched
from dollr_async.wire import codec
from dollr_async.wire.answers import error_of
from dollr_async.wire.retry import retry_delay
from dollr_async.wire.tokens import (
    EXPIRED,
    STALE,
    TOKEN_PATH,
    Token,
    TokenRequest,
    token_of,
)
from dollr_async.wire.transport import RequestHeaders

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.base.clock import Clock
    from dollr_async.base.fields import Secret
    from dollr_async.base.reporting import Notify
    from dollr_async.base.sharing import TokenStore
    from dollr_async.wire.answers import RawAnswer
    from dollr_async.wire.options import CallOptions
    from dollr_async.wire.retry import RetryPolicy
    from dollr_async.wire.shared_token import SharedToken
    from dollr_async.wire.transport import Transport, WebSocket

logger = logging.getLogger("dollr_async.session")

CLOSED = "this DollrClient is closed: make a new one"
_SOONEST_REFRESH = 5.0
_SHORTEST_SLEEP = 1.0
_LONGEST_SLEEP = 30.0
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


class SessionManager:
    """Owns the transport, the token and the task that refreshes it; all belong to one event loop."""

    def __init__(
        self,
        transport: Transport,
        *,
        client_id: str,
        client_secret: Callable[[], Secret],
        retry: RetryPolicy,
        clock: Clock,
        token_store: TokenStore | None = None,
        notify: Notify | None = None,
    ) -> None:
        """Keep the credentials; nothing is opened, and no event loop is needed yet.

        `client_secret` is called at each token fetch, and raises what that fetch then raises.
        """
        self._transport = transport
        self._client_id = client_id
        self._client_secret = client_secret
        self._retry = retry
        self._clock = clock
        self._notify = notify
        self._shared = None if token_store is None else _shared_token(token_store, transport, client_id, clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._token: Token | None = None
        self._headers_of: Token | None = None
        self._headers = self._body_headers = transport.headers({})
        self._fetching: asyncio.Task[Token] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._is_closed = False

    def check_open(self) -> None:
        """Check that the client is open, and that the running loop is the first one that used it.

        Raises:
            ConfigurationError: the client is closed, or was opened in another event loop.
        """
        if self._is_closed:
            raise ConfigurationError(CLOSED)
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            message = (
                "this DollrClient was opened in another event loop: make one client in each loop, inside the "
                "coroutine that asyncio.run() runs"
            )
            raise ConfigurationError(message)

    async def token(self) -> Token:
        """Return a usable token; it is fetched now if there is none.

        Raises:
            AuthenticationError: the credentials were refused.
            ConfigurationError: the client is closed, or belongs to another event loop.
            DollrError: the token endpoint could not be reached, or its answer could not be read.
        """
        self.check_open()
        token = self._token
        if token is not None and (freshness := token.freshness(self._clock)) is not EXPIRED:
            if freshness is STALE:
                self._refresh_in_background()
            return token
        try:
            return await self._fetched()
        except DollrError as error:
            error.nothing_sent = True  # the request that needs the token was not sent
            raise

    def discard(self, token: Token) -> None:
        """Drop a token that the API refused, unless it was already replaced."""
        if self._token is token:
            self._token = None
            if self._shared is not None:
                self._shared.refuse(token)

    @property
    def has_token(self) -> bool:
        """Whether there is a token that can be used without waiting."""
        return self._token is not None and self._token.freshness(self._clock) is not EXPIRED

    async def open_another_connection(self, token: Token) -> None:
        """Open one more connection, by a request that changes nothing; a failure is ignored."""
        bearer = {"Authorization": f"Bearer {token.secret.reveal()}", "Accept": "application/json"}
        await self._transport.open_another("fees/tiers", self._transport.headers(bearer))

    def send(
        self,
        token: Token,
        method: str,
        path: str,
        *,
        query: str = "",
        content: bytes | None = None,
        options: CallOptions | None = None,
    ) -> Awaitable[RawAnswer]:
        """Send one request with the token; it raises what `Transport.send` raises."""
        if token is not self._headers_of:
            bearer = {"Authorization": f"Bearer {token.secret.reveal()}", "Accept": "application/json"}
            self._headers = self._transport.headers(bearer)
            self._body_headers = self._transport.headers(bearer | {"Content-Type": "application/json"})
            self._headers_of = token
        headers = self._headers if content is None else self._body_headers
        if options is None:
            return self._transport.send(method, path, headers=headers, query=query, content=content)
        more = RequestHeaders(headers)
        more.update(options.headers)
        return self._transport.send(method, path, headers=more, query=query, content=content, seconds=options.timeout)

    async def websocket(self, url: str) -> WebSocket:
        """Open a websocket without the token; it raises what `Transport.websocket` raises."""
        self.check_open()
        return await self._transport.websocket(url)

    async def _fetched(self) -> Token:
        if self._fetching is None:
            # Kept, and shared by all that wait: so without the context variables of the request that was first.
            self._fetching = asyncio.create_task(
                self._obtain(), name="dollr_async token fetch", context=contextvars.Context()
            )
            self._fetching.add_done_callback(self._fetch_ended)
        fetching = self._fetching
        try:
            # Shielded: when one waiting task is cancelled, the others still get the token.
            return await asyncio.shield(fetching)
        except asyncio.CancelledError:
            if fetching.cancelled() and self._is_closed and not _is_being_cancelled():
                raise ConfigurationError(CLOSED) from None  # the client was closed, this task was not cancelled
            raise

    def _fetch_ended(self, task: asyncio.Task[Token]) -> None:
        self._fetching = None
        if task.cancelled() or task.exception() is not None or self._is_closed:
            return
        self._token = task.result()
        self._refresh_in_background()

    async def _obtain(self) -> Token:
        secret = self._client_secret()
        if self._shared is None:
            return await self._reported_fetch(secret)
        return await self._shared.obtain(secret, self._token, partial(self._reported_fetch, secret))

    async def _reported_fetch(self, secret: Secret) -> Token:
        if self._notify is None:
            return await self._fetch(secret)
        began, failed = self._clock.monotonic(), None
        try:
            return await self._fetch(secret)
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            self._notify(TokenFetched(seconds=self._clock.monotonic() - began, error=failed))

    async def _fetch(self, secret: Secret) -> Token:
        body = codec.encode(TokenRequest(client_id=self._client_id, client_secret=secret.reveal()))
        headers = self._transport.headers({"Accept": "application/json", "Content-Type": "application/json"})
        sends = 0
        while True:
            sends += 1
            requested_monotonic, requested_time = self._clock.monotonic(), self._clock.time()
            try:
                answer = await self._transport.send("POST", TOKEN_PATH, headers=headers, content=body)
                if not answer.is_success:
                    address = self.address(TOKEN_PATH)
                    raise error_of(answer, "POST", TOKEN_PATH, self._clock, secrets=(secret.reveal(),), address=address)
                return token_of(answer, requested_monotonic, requested_time, now=self._clock.time())
            except DollrError as error:
                # Obtaining a token changes nothing, so this request may be retried.
                delay = retry_delay(self._retry, error, sends=sends, repeatable=True)
                if delay is None:
                    raise
                await self._clock.sleep(delay)

    def address(self, path: str) -> str:
        """Return the address that a path is asked at, without its query."""
        return self._transport.address(path)

    def _refresh_in_background(self) -> None:
        if self._refreshing is None or self._refreshing.done():
            # It lives as long as the client: as above.
            self._refreshing = asyncio.create_task(
                self._refresh(), name="dollr_async token refresh", context=contextvars.Context()
            )

    async def _refresh(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            token = self._token
            if token is None:
                return  # dropped after a 401: the task that needs the next one fetches it and starts this again
            # A lifetime of zero, as a wrong clock at the API may give, must not let this loop run without pauses.
            due = max(token.refresh_after, _SOONEST_REFRESH) - token.age(self._clock)
            if due > 0:
                # In short sleeps: after the machine was suspended, an old token is noticed in seconds, not in hours.
                await self._clock.sleep(min(max(due, _SHORTEST_SLEEP), _LONGEST_SLEEP))
                continue
            try:
                await self._fetched()
            except DollrError as error:
                logger.warning("the token could not be refreshed (%s); the next attempt is in %.0f s", error, pause)
                await self._clock.sleep(pause * random.uniform(0.75, 1.0))  # noqa: S311 - spreads load
                pause = min(pause * 2.0, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE

    async def close(self) -> None:
        """Stop the background tasks, then close the transport. Closing twice is fine.

        Raises:
            ConfigurationError: the client belongs to another event loop, which is not closed.
        """
        loop = self._loop
        if loop is not None and loop is not asyncio.get_running_loop() and not loop.is_closed():
            message = "this DollrClient was opened in another event loop: close it there"
            raise ConfigurationError(message)
        self._is_closed = True
        tasks: list[asyncio.Task[Token | None]] = [
            task for task in (self._refreshing, self._fetching) if task is not None and not task.done()
        ]
        self._refreshing = self._fetching = None
        if loop is not None and loop.is_closed():
            tasks = []  # they ended with their loop, and another loop cannot cancel them
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._shared is not None:
                await self._shared.close()
        finally:
            await self._transport.close()


def _shared_token(store: TokenStore, transport: Transport, client_id: str, clock: Clock) -> SharedToken:
    # A program that shares no token does not import it.
    from dollr_async.wire.shared_token import SharedToken  # noqa: PLC0415 - see above

    return SharedToken(store, base_url=transport.address(""), client_id=client_id, clock=clock)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
