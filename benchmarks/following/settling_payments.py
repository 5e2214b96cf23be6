"""Payments that arrive and settle, followed to their final status; in a process of its own.

`python -m benchmarks.following.settling_payments watch-many http://127.0.0.1:8080` follows them with `watch_many`.

The payments are those of `benchmarks.following.workload`. It prints the figures as JSON: polls, CPU, lag of the loop,
memory per payment, and the delay from settling to the report of the final status.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from array import array
from typing import TYPE_CHECKING

from benchmarks.following.workload import SPREAD, Workload
from benchmarks.harness.figures import quantile
from benchmarks.harness.gauges import ask_stub, loop_lags, resident_memory
from benchmarks.harness.processes import measure_and_print
from benchmarks.harness.stub_answers import REFERENCE
from dollr_async import DollrClient, StatusChange

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

_MOST_CALLS_AT_ONCE = 64
_FINAL = {"COMPLETED", "FAILED"}
_SPREADS_UNTIL_THE_END = 3.2
"""The run ends after so many spreads: a payment arrives in one, settles in two, and is polled soon after."""


async def by_hand(url: str, workload: Workload, ready: Callable[[], None]) -> None:
    """Follow them as a careful user would: one task each, and a semaphore that bounds the calls in flight."""
    from benchmarks.rivals.floor import open_calls  # noqa: PLC0415 - the other ways run without its packages

    semaphore = asyncio.Semaphore(_MOST_CALLS_AT_ONCE)
    async with open_calls(url) as call, asyncio.TaskGroup() as group:
        await call("GET", f"status/collection/{REFERENCE}")
        ready()

        async def follow(reference: uuid.UUID) -> None:
            arrived = time.monotonic()
            while True:
                async with semaphore:
                    execution = await call("GET", f"status/collection/{reference}")
                if execution["status"] in _FINAL:
                    break
                await asyncio.sleep(workload.policy.next_delay(time.monotonic() - arrived))
            workload.reported_final(reference)

        async for reference in workload.arriving():
            group.create_task(follow(reference))


async def watch_many(url: str, workload: Workload, ready: Callable[[], None]) -> None:
    """Follow them with one `watch_many()`, which gets them as they arrive."""
    async with DollrClient("client", "secret", base_url=url, polling=workload.policy) as dollr:
        await dollr.status.collection(REFERENCE)
        ready()
        async for news in dollr.watch_many(workload.arriving()):
            if isinstance(news, StatusChange) and news.is_final:
                workload.reported_final(news.reference_id)


WAYS = {"by-hand": by_hand, "watch-many": watch_many}


class Gauges:
    """Measures this process from the moment at which an idle client is there until every payment has ended."""

    def __init__(self, workload: Workload) -> None:
        """Measure nothing yet."""
        self._workload = workload
        self._idle_memory = self._peak_memory = self._peak = 0
        self._cpu = 0.0
        self.is_ready = asyncio.Event()

    def ready(self) -> None:
        """Record the memory of an idle client, and begin."""
        gc.collect()
        self._idle_memory = resident_memory()
        self._cpu = time.process_time()
        self._workload.begin()
        self.is_ready.set()

    async def lags(self, seconds: float) -> list[float]:
        """Return, sorted, the loop's lags in ms while at least half of the payments were followed."""
        lags = array("d")
        async for lag in loop_lags(seconds):
            followed = self._workload.followed
            if 2 * followed >= len(self._workload.arrivals):
                lags.append(lag * 1000.0)
            if followed > self._peak:
                self._peak, self._peak_memory = followed, resident_memory()
            if self._workload.ended == len(self._workload.arrivals):
                break
        return sorted(lags)

    async def figures(self, seconds: float) -> dict[str, float]:
        """Measure until all payments have ended, at most for these seconds, and return the figures."""
        await self.is_ready.wait()
        lags = await self.lags(seconds)
        cpu = time.process_time() - self._cpu
        return {
            "cpu": cpu,
            "share of a core": cpu / (time.monotonic() - self._workload.began),
            "p50": quantile(lags, 0.5),
            "p99": quantile(lags, 0.99),
            "max": lags[-1],
            "peak": self._peak,
            "bytes": (self._peak_memory - self._idle_memory) / self._peak,
        }


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow all of them to their final status."""
    workload = Workload(options.payments, options.spread)
    gauges = Gauges(workload)
    following = asyncio.create_task(WAYS[options.way](options.url, workload, gauges.ready))
    figures = await gauges.figures(_SPREADS_UNTIL_THE_END * options.spread)
    following.cancel()
    await asyncio.wait([following])
    polls = workload.polls(await ask_stub(options.url, "polls"))
    delays = sorted(workload.delays)
    return figures | {
        "polls": polls.made,
        "share of due polls": polls.share,
        "cpu per poll": figures["cpu"] * 1e6 / polls.made,
        "ended": workload.ended,
        "delay p50": quantile(delays, 0.5),
        "delay p99": quantile(delays, 0.99),
    }


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url", help="the URL of a stub server whose payments settle")
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--spread", type=float, default=SPREAD, help="the seconds over which they arrive")
    measure_and_print(parser, measure)


if __name__ == "__main__":
    main()
