"""Single status checks that wait for their turn under the ceiling that a fleet shares."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dollr_async.following.schedule import Scheduled

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock
    from dollr_async.following.schedule import PollSchedule


class Turns:
    """The single checks of one client that wait for their turn."""

    def __init__(self, schedule: PollSchedule, clock: Clock) -> None:
        """Wait for nothing yet."""
        self._schedule = schedule
        self._clock = clock
        self._waiting: set[_Turn] = set()

    async def wait(self) -> None:
        """Wait until a check may be made; without a shared ceiling, it may be made at once.

        Raises:
            ConfigurationError: the client was closed meanwhile.
        """
        if not self._schedule.is_shared:
            return
        self._schedule.check_open()
        turn = _Turn()
        self._waiting.add(turn)
        try:
            self._schedule.plan(turn, self._clock.monotonic())
            await turn.has_come
        finally:
            self._waiting.discard(turn)
        self._schedule.check_open()

    def close(self) -> None:
        """Let all go on that wait: they find that the client is closed."""
        for turn in tuple(self._waiting):
            turn.come()


class _Turn(Scheduled):
    """One check, in the queue with the polls of everything that is followed."""

    __slots__ = ("has_come",)

    def __init__(self) -> None:
        super().__init__()
        self.has_come: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def due_at(self, now: float) -> float | None:
        return None if self.has_come.done() else now

    def cost(self, now: float) -> float:  # noqa: ARG002 - somebody waits for it, and only once
        return 0.0

    def is_awaited(self) -> bool:
        return not self.has_come.done()

    def poll_skipped(self) -> None:
        pass

    async def poll(self, delay: float) -> None:  # noqa: ARG002 - the check itself comes after it
        self.come()

    def come(self) -> None:
        if not self.has_come.done():
            self.has_come.set_result(None)
