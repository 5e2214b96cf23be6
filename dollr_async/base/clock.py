"""Time behind a small protocol, so that every wait can be tested without waiting."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What this library knows of time."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""
        ...

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def time(self) -> float:
        """The same time of day, in seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class LoopClock:
    """The running event loop's own time, and the system's time of day."""

    def monotonic(self) -> float:
        """Seconds on the running loop's clock."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """The system's time of day, aware, in UTC."""
        return datetime.now(UTC)

    # Python's own function, since every call of the API asks for it.
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass on the running loop."""
        await asyncio.sleep(seconds)
