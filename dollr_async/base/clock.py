"""The clock that every wait goes through, so that tests can wait for hours without real time passing."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The functions of time that this library uses; a test passes its own."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences between two values have a meaning."""
        ...

    def now(self) -> datetime:
        """The time of day as a timezone-aware `datetime` in UTC."""
        ...

    def time(self) -> float:
        """The time of day in seconds since 1970 (Unix time)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        ...


class LoopClock:
    """The clock of the running event loop, and the system's time of day."""

    def monotonic(self) -> float:
        """Seconds on the running loop's clock."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """The system's time of day as a timezone-aware `datetime` in UTC."""
        return datetime.now(UTC)

    # Python's own function and not a method around it: every call of the API uses it.
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds on the running loop."""
        await asyncio.sleep(seconds)
