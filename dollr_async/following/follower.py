"""Those that follow one payment or document: what a poller tells them, and the task that awaits one change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from dollr_async.following.policy import Pace

T = TypeVar("T")


class Follower(Protocol[T]):
    """One that follows a payment or document, at a pace of its own; `known` is the state that it knows."""

    pace: Pace
    known: T | None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody awaits its next change at this moment."""
        ...

    def notify(self) -> None:
        """Note that the latest state differs from `known`."""
        ...

    def notify_error(self, error: Exception) -> None:
        """Note that the thing cannot be followed."""
        ...

    def poll_skipped(self) -> None:
        """Note that a poll was due and was skipped, since nobody awaited it."""
        ...


class Waiter(Generic[T]):
    """One task that awaits one change."""

    __slots__ = ("_future", "_traceback", "error", "known", "pace")

    is_awaited = True

    def __init__(self, pace: Pace, known: T | None) -> None:
        """Await a change from the state that is known."""
        self.pace = pace
        self.known = known
        self.error: Exception | None = None
        self._future = asyncio.get_running_loop().create_future()

    def notify(self) -> None:
        """End the wait."""
        if not self._future.done():
            self._future.set_result(None)

    def notify_error(self, error: Exception) -> None:
        """End the wait with an error."""
        # Not set on the future: a task that is cancelled just now would never fetch it, and asyncio logs an error then.
        self.error, self._traceback = error, error.__traceback__
        self.notify()

    def poll_skipped(self) -> None:
        """Never happens: it is awaited for as long as it lives."""

    async def wait(self) -> None:
        """Wait until it is notified, and raise the error if there is one."""
        await self._future
        if self.error is not None:
            # All followers get one error object; where another of them raised it does not belong in this traceback.
            raise self.error.with_traceback(self._traceback)
