"""What a run reads: how late its loop wakes whoever sleeps, the memory that it holds, and what the stub says."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_TICK = 0.005


async def lags(seconds: float) -> AsyncIterator[float]:
    """Sleep for 5 ms again and again, and tell by how many seconds each sleep was too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (due := loop.time() + _TICK) < end:
        await asyncio.sleep(_TICK)
        yield max(loop.time() - due, 0.0)


def resident() -> int:
    """Return the bytes of memory that this process holds; where the system does not say, the most that it ever did."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def at_share(values: Sequence[float], share: float) -> float:
    """Return the value under which this share of sorted values lies: 0.5 is the median, 0.99 the p99."""
    return values[min(int(len(values) * share), len(values) - 1)]


async def said(url: str, what: str) -> str:
    """Return what a stub server says of itself: its `count`, or its `looks`."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/{what}") as response:
        return await response.text()
