"""The lock of a token store: a lease in the store, tried again until it is free, and given back whatever happens."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from dollr_async.base.sharing import LOCK_WAITED_AT_MOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

_PAUSE = 0.1
"""Seconds between two tries, on average."""


class LeasedLock(ABC):
    """The base of the token stores: `lock`, the context manager, and the releases that are under way."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._releases: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Return the store. It opens at its first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        await self.close()

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of a key: 10 seconds at most, after waiting 12 seconds at most.

        Raises:
            TimeoutError: others held it all the time.
        """
        holder = uuid4().hex
        try:
            await self._wait(key, holder)
            yield
        finally:
            await self._release(key, holder)

    async def _wait(self, key: str, holder: str) -> None:
        now = asyncio.get_running_loop().time
        give_up_at = now() + LOCK_WAITED_AT_MOST
        while not await self._try_lock(key, holder):
            if now() >= give_up_at:
                raise TimeoutError(f"other processes held the lock for {LOCK_WAITED_AT_MOST:g} s")
            await asyncio.sleep(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing

    async def _release(self, key: str, holder: str) -> None:
        # A task of its own, since whoever cancels the holder may cancel every await of it.
        task = asyncio.create_task(self._unlock(key, holder), name="dollr_async lock release")
        self._releases.add(task)
        task.add_done_callback(self._released)
        await asyncio.shield(asyncio.wait([task]))

    def _released(self, task: asyncio.Task[None]) -> None:
        self._releases.discard(task)
        if not task.cancelled():
            # A lock that could not be given back is free when its time is over.
            task.exception()

    async def close(self) -> None:
        """Give locks back, and close what was opened here. Closing twice is fine; a later use opens it again."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(task for task in self._releases if task.get_loop() is loop), return_exceptions=True)
        await self._close()

    @abstractmethod
    async def _try_lock(self, key: str, holder: str) -> bool:
        """Take the lock for `LOCK_HELD_AT_MOST` seconds if it is free or this holder's, and return whether it is."""

    @abstractmethod
    async def _unlock(self, key: str, holder: str) -> None:
        """Free the lock if this holder has it."""

    @abstractmethod
    async def _close(self) -> None:
        """Close the connections that were opened here."""
