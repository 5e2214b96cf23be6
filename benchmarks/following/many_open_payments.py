"""Many payments that stay open, followed at the same time; in a process of its own.

`python -m benchmarks.following.many_open_payments watch http://127.0.0.1:8080` follows each with a `watch`.

It prints the figures as JSON: polls per second, the microseconds of CPU per poll, how late the loop wakes a task that
sleeps (in milliseconds), and the bytes of memory per payment.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import time
import uuid

from benchmarks.harness.figures import quantile
from benchmarks.harness.gauges import ask_stub, loop_lags, resident_memory
from benchmarks.harness.processes import measure_and_print
from dollr_async import DollrClient, PollPolicy

_MOST_CALLS_AT_ONCE = 64
_FINAL = {"COMPLETED", "FAILED"}


async def by_hand(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them as a careful user would: one task each, and a semaphore that bounds the calls in flight."""
    from benchmarks.rivals.floor import open_calls  # noqa: PLC0415 - the other ways run without its packages

    semaphore = asyncio.Semaphore(_MOST_CALLS_AT_ONCE)
    async with open_calls(url) as call, asyncio.TaskGroup() as group:

        async def follow(reference: uuid.UUID) -> None:
            status = None
            while status not in _FINAL:
                async with semaphore:
                    execution = await call("GET", f"status/collection/{reference}")
                if execution["status"] != status:
                    status = execution["status"]
                await asyncio.sleep(interval * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load

        for reference in references:
            group.create_task(follow(reference))


async def watch(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them with one task and one `watch()` each."""
    async with _client(url, interval) as dollr, asyncio.TaskGroup() as group:

        async def follow(reference: uuid.UUID) -> None:
            async for _ in dollr.watch(reference):
                pass

        for reference in references:
            group.create_task(follow(reference))


async def watch_many(url: str, references: list[uuid.UUID], interval: float) -> None:
    """Follow them with one `watch_many()`."""
    async with _client(url, interval) as dollr:
        async for _ in dollr.watch_many(references, at_once=len(references)):
            pass


def _client(url: str, interval: float) -> DollrClient:
    policy = PollPolicy(interval=interval, max_interval=interval, timeout=None)
    return DollrClient("client", "secret", base_url=url, polling=policy)


WAYS = {"by-hand": by_hand, "watch": watch, "watch-many": watch_many}


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow them for a while, and measure the loop meanwhile."""
    references = [uuid.uuid4() for _ in range(options.payments)]
    gc.collect()
    memory = resident_memory()
    following = asyncio.create_task(WAYS[options.way](options.url, references, options.interval))
    await asyncio.sleep(options.warm_up)
    if options.freeze:
        gc.collect()
        gc.freeze()
    count, cpu = int(await ask_stub(options.url, "count")), time.process_time()
    lags = sorted([lag * 1000.0 async for lag in loop_lags(options.seconds)])
    cpu = time.process_time() - cpu
    polls = int(await ask_stub(options.url, "count")) - count
    gc.collect()
    held = resident_memory() - memory
    following.cancel()
    await asyncio.wait([following])
    return {
        "polls": polls / options.seconds,
        "cpu": cpu * 1e6 / polls,
        "p50": quantile(lags, 0.5),
        "p99": quantile(lags, 0.99),
        "max": lags[-1],
        "bytes": held / options.payments,
    }


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url", help="the stub server's URL")
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two polls of a payment")
    parser.add_argument("--warm-up", type=float, default=0.0, help="seconds before it is measured")
    parser.add_argument("--freeze", action="store_true", help="call gc.collect() and gc.freeze() after the warm-up")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to measure")
    measure_and_print(parser, measure)


if __name__ == "__main__":
    main()
