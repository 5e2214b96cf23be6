"""The cost of one call or one collection, in a process of its own.

`python -m benchmarks.calls.cost_per_call ours http://127.0.0.1:8080 --work status` measures one kind of work.

It prints the figures as JSON: for each kind of work and each number at once, the microseconds of CPU (user and system,
of the whole process) and of wall-clock time that one takes.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import TYPE_CHECKING

from benchmarks.harness.processes import measure_and_print
from benchmarks.rivals.registry import RIVALS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_SLICES = 5
"""A run has this many slices, and the fastest one counts: the others include what other programs cost."""


async def timed(work: Callable[[], Awaitable[None]], times: int, at_once: int) -> tuple[float, float]:
    """Do the work `times` times, `at_once` at the same time; return the microseconds of CPU and of time for one."""
    remaining = iter(range(times))

    async def worker() -> None:
        for _ in remaining:
            await work()

    cpu, wall = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu * 1e6 / times, wall * 1e6 / times


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Measure every kind of work at every number at once."""
    figures: dict[str, float] = {}
    async with RIVALS[options.rival].open(options.url, max(options.at_once)) as rival:
        for name in options.work:
            work = getattr(rival, name)
            for at_once in options.at_once:
                times = max(options.times // _SLICES, at_once)
                await timed(work, times, at_once)  # warms up
                slices = [await timed(work, times, at_once) for _ in range(_SLICES)]
                cpu, wall = (min(one) for one in zip(*slices, strict=True))
                figures |= {f"{name} {at_once} cpu": cpu, f"{name} {at_once} wall": wall}
    return figures


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("rival", choices=RIVALS)
    parser.add_argument("url", help="the stub server's URL")
    parser.add_argument("--work", nargs="+", required=True, help="status, party, direct or document_first")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1])
    parser.add_argument("--times", type=int, default=1000)
    measure_and_print(parser, measure, is_on_uvloop=lambda options: RIVALS[options.rival].on_uvloop)


if __name__ == "__main__":
    main()
