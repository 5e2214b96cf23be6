"""The token that a fleet shares: read the store, lock, read again, fetch, write.

A store that fails, or does not answer in time, never stops a payment: the client then fetches a token for itself.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from dollr_async.base.bounded import BoundedCalls
from dollr_async.base.errors import DecodeError
from dollr_async.base.sharing import LOCK_WAITED_AT_MOST, StoredToken
from dollr_async.wire import redaction
from dollr_async.wire.tokens import checked_token, token_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from dollr_async.base.clock import Clock
    from dollr_async.base.fields import Secret
    from dollr_async.base.sharing import TokenStore
    from dollr_async.wire.tokens import Token

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger("dollr_async.session")

_ANSWER_WITHIN = 2.0
_LOCK_WITHIN = LOCK_WAITED_AT_MOST + 1.0
_LONGEST_JITTER = 1.0
_LEAST_LEFT = 5.0
"""Seconds that a stored token must still have: a request takes time."""


class _StoreFailedError(Exception):
    """The store cannot be used now; it was logged."""


class SharedToken:
    """What one client does with a token store."""

    def __init__(self, store: TokenStore, *, base_url: str, client_id: str, clock: Clock) -> None:
        """Use a store for the tokens of one client id at one address."""
        self._store = store
        self._name = f"{base_url}\0{client_id}".encode()
        self._clock = clock
        self._calls = BoundedCalls()
        self._refused: StoredToken | None = None
        self._is_down = False
        self._hidden: tuple[str, ...] = ()

    def refuse(self, token: Token) -> None:
        """Take note that the API refused a token: the next `obtain` removes it from the store, for all."""
        self._refused = _stored(token)

    async def obtain(self, secret: Secret, present: Token | None, fetch: Callable[[], Awaitable[Token]]) -> Token:
        """Return a token from the store that is newer than the present one, else fetch one and store it.

        It raises what `fetch` raises, and nothing else.
        """
        key = store_key(secret.reveal(), self._name)
        used_up = self._used_up(present)
        self._hidden = (secret.reveal(), *(token.secret for token in used_up))
        async with AsyncExitStack() as stack:
            try:
                token = await self._read(key, present, stack)
            except _StoreFailedError:
                return await fetch()
            if token is None:
                token = await fetch()
                if not await self._write(key, token):
                    return token
            self._is_down = False
            return token

    async def _read(self, key: str, present: Token | None, stack: AsyncExitStack) -> Token | None:
        """Return a stored token, or None and hold the lock."""
        if self._refused is not None:
            await self._call(self._store.discard, key, self._refused)
        token = await self._look(key, present)
        if token is not None:
            return token
        if not await stack.enter_async_context(self._lock(key)):
            # All that waited in vain must not fetch at the same moment.
            await self._clock.sleep(random.uniform(0.0, _LONGEST_JITTER))  # noqa: S311 - spreads load, guards nothing
        return await self._look(key, present)

    async def _write(self, key: str, token: Token) -> bool:
        self._hidden = (*self._hidden, token.secret.reveal())
        try:
            await self._call(self._store.write, key, _stored(token))
        except _StoreFailedError:
            return False  # this client has its token, and the others fetch theirs
        self._refused = None
        return True

    async def _look(self, key: str, present: Token | None) -> Token | None:
        """Return the stored token if it is good, and another one than the present one."""
        stored = await self._call(self._store.read, key)
        if stored is None:
            return None
        try:
            remaining = stored.expires_at.timestamp() - self._clock.time()
            if remaining <= _LEAST_LEFT or not self._is_newer(stored, present):
                return None
            return token_until(checked_token(stored.secret), remaining, self._clock)
        except DecodeError as error:
            logger.warning("the token in the store is not used, and a new one is fetched: %s", error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a store returns
            raise self._failed(error) from None

    def _is_newer(self, stored: StoredToken, present: Token | None) -> bool:
        """Whether a stored token is another one than those that are used up, and of no earlier time.

        After an outage of the store, what it kept may be older than what this client fetched alone and the API refused.
        """
        return all(
            stored.secret != token.secret and stored.expires_at >= token.expires_at for token in self._used_up(present)
        )

    def _used_up(self, present: Token | None) -> list[StoredToken]:
        stored = [self._refused, None if present is None else _stored(present)]
        return [token for token in stored if token is not None]

    @asynccontextmanager
    async def _lock(self, key: str) -> AsyncIterator[bool]:
        """Hold the lock of the store; the value says whether it was free in time."""
        try:
            lock = self._store.lock(key)
            await self._calls.run(lock.__aenter__(), _LOCK_WITHIN)
        except TimeoutError:
            yield False
            return
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            raise self._failed(error) from None
        try:
            yield True
        finally:
            # One that cannot be given back ends by itself.
            with suppress(Exception):
                await self._calls.run(lock.__aexit__(None, None, None), _ANSWER_WITHIN)

    async def _call(self, method: Callable[P, Awaitable[T]], *values: P.args, **more: P.kwargs) -> T:
        try:
            return await self._calls.run(method(*values, **more), _ANSWER_WITHIN)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> _StoreFailedError:
        if not self._is_down:
            self._is_down = True
            reason = redaction.hide(f"{type(error).__name__}: {error}", self._hidden, limit=300)
            logger.warning("the token store cannot be used: this client fetches a token for itself (%s)", reason)
        return _StoreFailedError()

    async def close(self) -> None:
        """Give calls that the store has not answered a little time to end."""
        await self._calls.close()


def store_key(client_secret: str, name: bytes) -> str:
    """Return the key of a token: it says nothing about the credentials, and changes with the client secret."""
    derived = hashlib.sha256(b"dollr_async token store " + client_secret.encode()).digest()
    return hmac.new(derived, name, hashlib.sha256).hexdigest()


def _stored(token: Token) -> StoredToken:
    expires_at = datetime.fromtimestamp(token.requested_time + token.lifetime, UTC)
    return StoredToken(token.secret.reveal(), expires_at)
