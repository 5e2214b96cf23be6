"""`RedisTokenStore`: one token for all processes that reach one Redis."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dollr_async.base.sharing import LOCK_HELD_AT_MOST, StoredToken
from dollr_async.fleet.leased_lock import LeasedLock
from dollr_async.fleet.redis_connection import RedisConnection, as_text

if TYPE_CHECKING:
    from dollr_async.fleet.redis_connection import RedisClient

# What is kept is "1795900000.25 the-token". Nothing but the token itself is compared.
_DISCARD = """
local kept = redis.call('GET', KEYS[1])
if kept and string.match(kept, '^%S+ (.*)$') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_UNLOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisTokenStore(LeasedLock):
    """One token for all processes that reach one Redis.

    The token is kept as a plain value under `dollr:token:<key>` until it expires. Needs the extra `[redis]`. A
    connection that was made from a URL is closed by the client's `close()` too; a later use opens it again.
    """

    def __init__(self, url_or_client: str | RedisClient) -> None:
        """Take a URL, as in `redis://localhost:6379/0`, or a `redis.asyncio.Redis` of your own, which stays open.

        Raises:
            InvalidInputError: it is neither.
        """
        super().__init__()
        self._redis = RedisConnection(url_or_client)

    @property
    def closes_with_client(self) -> bool:
        """Whether a client's `close()` closes the store too."""
        return self._redis.is_made_here

    async def read(self, key: str) -> StoredToken | None:
        """Return the token, or None."""
        kept = await self._redis.client().get(_token_key(key))
        if kept is None:
            return None
        expires_at, _, secret = as_text(kept).partition(" ")
        return StoredToken(secret, datetime.fromtimestamp(float(expires_at), UTC))

    async def write(self, key: str, token: StoredToken) -> None:
        """Keep a token in place of the one before."""
        expires_at = token.expires_at.timestamp()
        milliseconds = max(int((expires_at - time.time()) * 1000.0), 1)
        await self._redis.client().set(_token_key(key), f"{expires_at!r} {token.secret}", px=milliseconds)

    async def discard(self, key: str, token: StoredToken) -> None:
        """Remove a token, if that very token is still there."""
        await self._redis.client().eval(_DISCARD, 1, _token_key(key), token.secret)

    async def _try_lock(self, key: str, holder: str) -> bool:
        redis, name = self._redis.client(), _lock_key(key)
        if await redis.set(name, holder, nx=True, px=int(LOCK_HELD_AT_MOST * 1000.0)):
            return True
        # The answer to an earlier try may have been lost.
        holds = await redis.get(name)
        return holds is not None and as_text(holds) == holder

    async def _unlock(self, key: str, holder: str) -> None:
        await self._redis.client().eval(_UNLOCK, 1, _lock_key(key), holder)

    async def _close(self) -> None:
        await self._redis.close()


def _token_key(key: str) -> str:
    return f"dollr:token:{key}"


def _lock_key(key: str) -> str:
    return f"dollr:token-lock:{key}"
