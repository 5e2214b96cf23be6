"""Ending by Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


async def stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    with _stop_event() as stop:
        await stop.wait()


async def was_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Do some work, and return whether Ctrl-C or SIGTERM ended it before it was done."""
    with _stop_event() as stop:
        working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)
    if working.cancelled():
        return True
    working.result()
    return False


@contextmanager
def _stop_event() -> Iterator[asyncio.Event]:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    handled: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: Ctrl-C ends the program with a KeyboardInterrupt
            break
        handled.append(number)
    try:
        yield stop
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
