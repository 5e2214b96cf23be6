"""Payments that come and go, in a process of its own.

`python -m benchmarks.following.come_and_go watch-many http://127.0.0.1:8080` follows them with `watch_many`.

They are followed to their ends, as `benchmarks.course` has them. It prints the figures as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from array import array
from typing import TYPE_CHECKING

from benchmarks.following.course import SPREAD, Course
from benchmarks.harness.canned import REFERENCE
from benchmarks.harness.gauges import at_share, lags, resident, said
from benchmarks.harness.processes import run
from dollr_async import DollrClient, StatusChange

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

_GATE = 64
_FINAL = {"COMPLETED", "FAILED"}
_WHOLE = 3.2
"""When the last end is surely told, in spreads: a payment arrives in one, settles in two, and is looked at soon."""


async def by_hand(url: str, course: Course, ready: Callable[[], None]) -> None:
    """Follow them as a careful user would: a task for each, and a gate, so that few wait inside a call."""
    from benchmarks.rivals.floor import calls  # noqa: PLC0415 - ours runs without its packages

    gate = asyncio.Semaphore(_GATE)
    async with calls(url) as call, asyncio.TaskGroup() as group:
        await call("GET", f"status/collection/{REFERENCE}")
        ready()

        async def follow(reference: uuid.UUID) -> None:
            arrived = time.monotonic()
            while True:
                async with gate:
                    execution = await call("GET", f"status/collection/{reference}")
                if execution["status"] in _FINAL:
                    break
                await asyncio.sleep(course.policy.next_delay(time.monotonic() - arrived))
            course.saw_end(reference)

        async for reference in course.arriving():
            group.create_task(follow(reference))


async def watch_many(url: str, course: Course, ready: Callable[[], None]) -> None:
    """Follow them with one `watch_many()`, into which they come as they arrive."""
    async with DollrClient("client", "secret", base_url=url, polling=course.policy) as dollr:
        await dollr.status.collection(REFERENCE)
        ready()
        async for news in dollr.watch_many(course.arriving()):
            if isinstance(news, StatusChange) and news.is_final:
                course.saw_end(news.reference_id)


WAYS = {"by-hand": by_hand, "watch-many": watch_many}


class Gauges:
    """What is read of this process: from the moment that an idle client is there, until every payment has ended."""

    def __init__(self, course: Course) -> None:
        """Read nothing yet."""
        self._course = course
        self._memory = self._held = self._height = 0
        self._cpu = 0.0
        self.is_ready = asyncio.Event()

    def ready(self) -> None:
        """Take note of what an idle client holds, and begin."""
        gc.collect()
        self._memory = resident()
        self._cpu = time.process_time()
        self._course.begin()
        self.is_ready.set()

    async def late(self, seconds: float) -> list[float]:
        """Return, sorted, by how many ms the loop was late while half of the payments or more were followed."""
        late = array("d")
        async for lag in lags(seconds):
            followed = self._course.followed
            if 2 * followed >= len(self._course.arrivals):
                late.append(lag * 1000.0)
            if followed > self._height:
                self._height, self._held = followed, resident()
            if self._course.ended == len(self._course.arrivals):
                break
        return sorted(late)

    async def figures(self, seconds: float) -> dict[str, float]:
        """Follow the gauges for so long, and return what they come to."""
        await self.is_ready.wait()
        late = await self.late(seconds)
        cpu = time.process_time() - self._cpu
        return {
            "cpu": cpu,
            "share of a core": cpu / (time.monotonic() - self._course.began),
            "p50": at_share(late, 0.5),
            "p99": at_share(late, 0.99),
            "most": late[-1],
            "height": self._height,
            "bytes": (self._held - self._memory) / self._height,
        }


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow all of them to their ends."""
    course = Course(options.payments, options.spread)
    gauges = Gauges(course)
    following = asyncio.create_task(WAYS[options.way](options.url, course, gauges.ready))
    figures = await gauges.figures(_WHOLE * options.spread)
    following.cancel()
    await asyncio.wait([following])
    looks = course.looks(await said(options.url, "looks"))
    delays = sorted(course.delays)
    return figures | {
        "looks": looks.made,
        "made": looks.share,
        "cpu of a look": figures["cpu"] * 1e6 / looks.made,
        "ends": course.ended,
        "delay p50": at_share(delays, 0.5),
        "delay p99": at_share(delays, 0.99),
    }


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url", help="the URL of a stub server whose payments settle")
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--spread", type=float, default=SPREAD, help="the seconds over which they arrive")
    run(parser, measure)


if __name__ == "__main__":
    main()
