"""Ending by Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from dollr_async.base.signals import stop_event

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    with stop_event() as stop:
        await stop.wait()


async def was_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Do some work, and return whether Ctrl-C or SIGTERM ended it before it was done."""
    with stop_event() as stop:
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
