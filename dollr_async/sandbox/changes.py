"""Counting what changes, so that whoever shows the sandbox can wait for the next change."""

from __future__ import annotations

import asyncio


class Changes:
    """How many changes there were, and who waits for the next one."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def note(self) -> None:
        """Count one change, and wake everybody who waits."""
        self.count += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def after(self, seen: int) -> None:
        """Wait until there were more changes than those that were seen."""
        while self.count <= seen:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)
