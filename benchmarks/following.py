"""Many payments followed at once, in a process of its own: `python -m benchmarks.following watch http://127.0.0.1:8080`.

None of them ends. It prints the figures as JSON: the microseconds of CPU for one look, how late the loop wakes whoever
sleeps (in milliseconds), and the bytes that each payment holds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import resource
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.processes import pin
from dollr_async import DollrClient, PollPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TICK = 0.005
_GATE = 64
_FINAL = {"COMPLETED", "FAILED"}


async def by_hand(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them as a careful user would: a task for each, and a gate, so that few wait inside a call."""
    from benchmarks.rival_floor import calls  # noqa: PLC0415 - ours runs without its packages

    gate = asyncio.Semaphore(_GATE)
    async with calls(url) as call, asyncio.TaskGroup() as group:

        async def follow(reference: uuid.UUID) -> None:
            status = None
            while status not in _FINAL:
                async with gate:
                    execution = await call("GET", f"status/collection/{reference}")
                if execution["status"] != status:
                    status = execution["status"]
                await asyncio.sleep(interval * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load

        for reference in references:
            group.create_task(follow(reference))


async def watch(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them with a task for each `watch()`."""
    async with _client(url, interval) as dollr, asyncio.TaskGroup() as group:

        async def follow(reference: uuid.UUID) -> None:
            async for _ in dollr.watch(reference):
                pass

        for reference in references:
            group.create_task(follow(reference))


async def watch_many(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them with one `watch_many()`."""
    async with _client(url, interval) as dollr:
        async for _ in dollr.watch_many(references):
            pass


def _client(url: str, interval: float) -> DollrClient:
    policy = PollPolicy(interval=interval, max_interval=interval, timeout=None)
    return DollrClient("client", "secret", base_url=url, polling=policy)


WAYS = {"by-hand": by_hand, "watch": watch, "watch-many": watch_many}


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow for a while, and look at the loop meanwhile."""
    references = [uuid.uuid4() for _ in range(options.payments)]
    gc.collect()
    memory, before = _resident(), await _answered(options.url)
    cpu = time.process_time()
    following = asyncio.create_task(WAYS[options.way](options.url, references, options.interval))
    lags = sorted([lag * 1000.0 async for lag in _lags(options.seconds)])
    cpu = time.process_time() - cpu
    looks = await _answered(options.url) - before
    gc.collect()
    held = _resident() - memory
    following.cancel()
    await asyncio.wait([following])
    return {
        "looks": looks / options.seconds,
        "cpu": cpu * 1e6 / looks,
        "p50": lags[len(lags) // 2],
        "p99": lags[len(lags) * 99 // 100],
        "most": lags[-1],
        "bytes": held / options.payments,
    }


async def _lags(seconds: float) -> AsyncIterator[float]:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (due := loop.time() + _TICK) < end:
        await asyncio.sleep(_TICK)
        yield max(loop.time() - due, 0.0)


async def _answered(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/count") as response:
        return int(await response.text())


def _resident() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url", help="the stub server's")
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two looks at a payment")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to follow them")
    parser.add_argument("--core", type=int, help="the core to run on")
    options = parser.parse_args()
    pin(options.core)
    print(json.dumps(asyncio.run(measure(options))))


if __name__ == "__main__":
    main()
