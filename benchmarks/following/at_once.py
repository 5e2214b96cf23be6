"""Many payments followed at once, in a process of its own.

`python -m benchmarks.following.at_once watch http://127.0.0.1:8080` follows each with a `watch`.

None of them ends. It prints the figures as JSON: the microseconds of CPU for one look, how late the loop wakes whoever
sleeps (in milliseconds), and the bytes that each payment holds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import time
import uuid

from benchmarks.harness.gauges import at_share, lags, resident, said
from benchmarks.harness.processes import run
from dollr_async import DollrClient, PollPolicy

_GATE = 64
_FINAL = {"COMPLETED", "FAILED"}


async def by_hand(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them as a careful user would: a task for each, and a gate, so that few wait inside a call."""
    from benchmarks.rivals.floor import calls  # noqa: PLC0415 - ours runs without its packages

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
    memory, before = resident(), int(await said(options.url, "count"))
    cpu = time.process_time()
    following = asyncio.create_task(WAYS[options.way](options.url, references, options.interval))
    late = sorted([lag * 1000.0 async for lag in lags(options.seconds)])
    cpu = time.process_time() - cpu
    looks = int(await said(options.url, "count")) - before
    gc.collect()
    held = resident() - memory
    following.cancel()
    await asyncio.wait([following])
    return {
        "looks": looks / options.seconds,
        "cpu": cpu * 1e6 / looks,
        "p50": at_share(late, 0.5),
        "p99": at_share(late, 0.99),
        "most": late[-1],
        "bytes": held / options.payments,
    }


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url", help="the stub server's")
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two looks at a payment")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to follow them")
    run(parser, measure)


if __name__ == "__main__":
    main()
