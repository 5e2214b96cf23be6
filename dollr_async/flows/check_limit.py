"""How many status checks the recovery of one client makes at once, and in a second (docs/design.md, rule 2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock

CHECKS_AT_ONCE = 32
"""Status checks of recovery in flight at most, for one client."""

CHECKS_PER_SECOND = 200.0
"""Status checks of recovery in a second at most, for one client: a whole outage must not end in a stampede."""


class CheckLimit:
    """Bounds the status checks of recovery for all payments of one client; the first to wait is the first to check."""

    def __init__(self, clock: Clock) -> None:
        """Have nobody waiting."""
        self._clock = clock
        self._places = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._next_at = 0.0

    async def __aenter__(self) -> None:
        """Wait for a place, and for the time of the next check."""
        await self._places.acquire()
        now = self._clock.monotonic()
        at = max(self._next_at, now)
        self._next_at = at + 1.0 / CHECKS_PER_SECOND
        try:
            if at > now:
                await self._clock.sleep(at - now)
        except BaseException:
            self._places.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give the place back."""
        self._places.release()
