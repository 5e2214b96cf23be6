"""Ending a program by SIGTERM or Ctrl-C, on every operating system."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """Give an event of the running loop that SIGTERM or Ctrl-C sets, until the block ends.

    Only the main thread may ask for this.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop_soon(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    with ExitStack() as undo:
        for number in (signal.SIGINT, signal.SIGTERM):
            if (before := signal.getsignal(number)) is not None:
                # The loop itself goes back to Python's default, but asyncio.run() had a handler of its own for Ctrl-C.
                undo.callback(signal.signal, number, before)
            try:
                loop.add_signal_handler(number, stop.set)
                undo.callback(loop.remove_signal_handler, number)
            except NotImplementedError:  # a loop of Windows: Python runs the handler, and the call wakes the loop
                signal.signal(number, stop_soon)
        yield stop
