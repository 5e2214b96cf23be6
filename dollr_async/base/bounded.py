"""Calls of what somebody else wrote and runs, each with a time limit that holds whatever the call does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


class BoundedCalls:
    """Runs calls with a time limit, and owns those that go on beyond it.

    A call that ran out of time is cancelled, and nobody waits for it: a database driver may take long to believe that
    its server is gone.
    """

    def __init__(self) -> None:
        """Run nothing yet."""
        self._late: set[asyncio.Task[object]] = set()

    async def run(self, call: Awaitable[T], seconds: float) -> T:
        """Return what a call returns, and raise what it raises.

        Raises:
            TimeoutError: it took longer.
        """
        task = asyncio.create_task(_result(call), name="dollr_async bounded call")
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                self._late.add(task)
                task.add_done_callback(self._ended)
                task.cancel()
        if not task.done():
            raise TimeoutError(f"no answer within {seconds:g} s")
        return task.result()

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more

    async def close(self, seconds: float = 1.0) -> None:
        """Give the late calls a little time to end."""
        loop = asyncio.get_running_loop()
        late = [task for task in self._late if task.get_loop() is loop]
        if late:
            await asyncio.wait(late, timeout=seconds)


async def _result(call: Awaitable[T]) -> T:
    return await call
