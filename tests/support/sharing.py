"""A token store and a poll budget in memory, on the loop's own clock."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.base.sharing import StoredToken


class MemoryStore:
    """A correct store for one process, and the base of those that break the contract."""

    def __init__(self) -> None:
        self.tokens: dict[str, StoredToken] = {}
        self.locks: dict[str, tuple[object, float]] = {}

    async def read(self, key: str) -> StoredToken | None:
        return self.tokens.get(key)

    async def write(self, key: str, token: StoredToken) -> None:
        self.tokens[key] = token

    async def discard(self, key: str, token: StoredToken) -> None:
        if key in self.tokens and self.tokens[key].secret == token.secret:
            del self.tokens[key]

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        me, now = object(), asyncio.get_running_loop().time
        # A holder may have died, so no event comes.
        while key in self.locks and self.locks[key][1] > now():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
        self.locks[key] = me, now() + 10.0
        try:
            yield
        except BaseException:
            self.free(key, me, failed=True)
            raise
        self.free(key, me, failed=False)

    def free(self, key: str, holder: object, *, failed: bool) -> None:
        if key in self.locks and self.locks[key][0] is holder:
            del self.locks[key]


class MemoryBudget:
    """A correct budget for one process, and the base of those that break the contract."""

    per_second = 50.0

    def __init__(self) -> None:
        self.next_at = 0.0

    async def reserve(self, n: int) -> float:
        now = asyncio.get_running_loop().time()
        begins_at = max(self.next_at, now)
        self.next_at = begins_at + n / self.per_second
        return begins_at - now

    async def pause(self, seconds: float) -> None:
        self.next_at = max(self.next_at, asyncio.get_running_loop().time() + seconds)
