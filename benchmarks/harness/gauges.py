"""What a run measures of itself and of the stub: how late its loop wakes, its memory, and what the stub counted."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TICK = 0.005


async def loop_lags(seconds: float) -> AsyncIterator[float]:
    """Sleep for 5 ms again and again, and yield by how many seconds each sleep was too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (due := loop.time() + _TICK) < end:
        await asyncio.sleep(_TICK)
        yield max(loop.time() - due, 0.0)


def resident_memory() -> int:
    """Return the bytes of memory that this process holds, or the most it ever held, where only that is known."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def ask_stub(url: str, what: str) -> str:
    """Return what a stub server recorded: its `count` of requests, or its `polls`."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/{what}") as response:
        return await response.text()
