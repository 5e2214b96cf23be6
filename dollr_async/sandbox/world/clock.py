"""The sandbox's own clock: the event loop's time, plus the seconds that a test skipped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Seconds since the sandbox began, and the time of day that goes with them.

    It follows the running loop's clock, virtual or real. Outside a loop it shows the last second that it read.
    """

    def __init__(self) -> None:
        """Take the time of day from the system; the seconds begin at the first `start`."""
        self._epoch = datetime.now(UTC)
        self._origin: float | None = None
        self._followed = 0.0
        self._skipped = 0.0

    def start(self) -> None:
        """Follow the running loop from now on, and keep the seconds that have passed."""
        self._origin = asyncio.get_running_loop().time() - self._followed

    def restart(self) -> None:
        """Begin again at second 0, now."""
        self._epoch = datetime.now(UTC)
        self._skipped = self._followed = 0.0
        if self._origin is not None:
            self.start()

    def stop(self) -> None:
        """Stop; `seconds` stays where it is."""
        self.seconds()
        self._origin = None

    def seconds(self) -> float:
        """Seconds since the sandbox began, the skipped ones included."""
        if self._origin is not None:
            with suppress(RuntimeError):  # outside a loop: show the last second that was read
                self._followed = asyncio.get_running_loop().time() - self._origin
        return self._followed + self._skipped

    def advance(self, seconds: float) -> None:
        """Skip `seconds`; a negative number is a ValueError."""
        if seconds < 0:
            message = f"Time only moves forward: {seconds} seconds cannot be skipped. Use 0 or more."
            raise ValueError(message)
        self._skipped += seconds

    def now(self) -> datetime:
        """The sandbox's time of day, in UTC and timezone-aware."""
        return self.at(self.seconds())

    def at(self, seconds: float) -> datetime:
        """The time of day `seconds` after the sandbox began, in UTC and timezone-aware."""
        return self._epoch + timedelta(seconds=seconds)
