"""Ending a program by SIGTERM or Ctrl-C, on every operating system."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def call_at_the_end(stop: Callable[[], None]) -> None:
    """Call a function of the running loop at SIGTERM or Ctrl-C. Only the main thread may ask for this."""
    loop = asyncio.get_running_loop()

    def stop_soon(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # a loop of Windows: Python runs the handler, and the call wakes the loop
            signal.signal(number, stop_soon)
