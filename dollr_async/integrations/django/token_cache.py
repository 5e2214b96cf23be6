"""`CacheTokenStore`: the API's token in one of Django's caches, for all processes that share the cache."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.cache import caches

from dollr_async.base.sharing import LOCK_HELD_AT_MOST, LOCK_WAITED_AT_MOST, StoredToken
from dollr_async.integrations.django.one_thread import OneThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")
_POLL = 0.05
"""Seconds between two tries to get a lock."""


class CacheTokenStore:
    """A `TokenStore` in a cache of the project: its Redis, its Memcached, or its database.

    A cache in the memory of one process shares the token among the event loops of this process only. Whoever can read
    the cache can read the token.
    """

    def __init__(self, alias: str) -> None:
        """Take a key of the setting `CACHES`; nothing is opened yet."""
        self._alias = alias
        self._thread = OneThread("dollr-token")

    async def read(self, key: str) -> StoredToken | None:
        """Return the token, or None."""
        found = await self._call(lambda cache: cache.get(_name(key)))
        return None if found is None else StoredToken(found[0], datetime.fromtimestamp(found[1], UTC))

    async def write(self, key: str, token: StoredToken) -> None:
        """Keep a token in place of the one before, until it expires."""
        value = (token.secret, token.expires_at.timestamp())
        await self._call(lambda cache: cache.set(_name(key), value, max(value[1] - time.time(), 1.0)))

    async def discard(self, key: str, token: StoredToken) -> None:
        """Remove a token, if that very token is still there."""

        def discard(cache: Any) -> None:  # noqa: ANN401 - any cache
            found = cache.get(_name(key))
            if found is not None and found[0] == token.secret:
                cache.delete(_name(key))

        await self._call(discard)

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """Return a context that one process at a time is in, for at most 10 seconds.

        Raises:
            TimeoutError: it was not free within 12 seconds.
        """
        name, holder = f"{_name(key)}.lock", secrets.token_hex()
        async with asyncio.timeout(LOCK_WAITED_AT_MOST):
            while not await self._call(lambda cache: cache.add(name, holder, LOCK_HELD_AT_MOST)):  # noqa: ASYNC110 - another process holds it
                await asyncio.sleep(_POLL)
        try:
            yield
        finally:
            # In a thread that nothing cancels. One that was held too long may be another process's by now.
            self._thread.submit(self._on_cache, lambda cache: cache.get(name) == holder and cache.delete(name))

    async def close(self) -> None:
        """Close the connection to the cache."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)

    def _let_go(self) -> None:
        cache = caches[self._alias]
        cache.close()
        # Django has no call that closes the connections to Redis. Left to the garbage collector, their sockets warn.
        for pool in getattr(getattr(cache, "_cache", None), "_pools", {}).values():
            pool.disconnect()
        del caches[self._alias]

    async def _call(self, call: Callable[[Any], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._on_cache, call)

    def _on_cache(self, call: Callable[[Any], T]) -> T:
        return call(caches[self._alias])


def _name(key: str) -> str:
    return f"dollr.token.{key}"
