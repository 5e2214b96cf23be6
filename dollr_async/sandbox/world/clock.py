"""The sandbox's own time: the event loop's, plus whatever a test skipped over."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Seconds since the sandbox began, and the time of day that goes with them.

    It follows the running loop's clock, so that it stands still or jumps with a virtual one; outside a loop it shows
    the last second it saw.
    """

    def __init__(self) -> None:
        """Set the time of day to the system's; the seconds begin at the first `start`."""
        self._epoch = datetime.now(UTC)
        self._origin: float | None = None
        self._followed = 0.0
        self._skipped = 0.0

    def start(self) -> None:
        """Follow the running loop from here on, without losing the seconds that have passed."""
        self._origin = asyncio.get_running_loop().time() - self._followed

    def stop(self) -> None:
        """Stand still."""
        self.seconds()
        self._origin = None

    def seconds(self) -> float:
        """Seconds since the sandbox began, the skipped ones included."""
        if self._origin is not None:
            with suppress(RuntimeError):  # outside a loop: keep showing the last second seen
                self._followed = asyncio.get_running_loop().time() - self._origin
        return self._followed + self._skipped

    def advance(self, seconds: float) -> None:
        """Skip `seconds`, which may not be negative."""
        if seconds < 0:
            message = f"Time only moves forward: {seconds} seconds cannot be skipped."
            raise ValueError(message)
        self._skipped += seconds

    def now(self) -> datetime:
        """The sandbox's time of day, aware, in UTC."""
        return self.at(self.seconds())

    def at(self, seconds: float) -> datetime:
        """The time of day `seconds` after the sandbox began, aware, in UTC."""
        return self._epoch + timedelta(seconds=seconds)
