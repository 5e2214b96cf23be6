"""The ratio of this library's costs to the floor's, both measured in one process.

`python -m benchmarks.calls.ratio_to_floor http://127.0.0.1:8080 --work status` measures a single call.

Both run on one event loop, alternately, in blocks of equal work of about 30 ms, in another order each time. It prints
as JSON, for each kind of work and each number at once, the ratios to the floor of a block's CPU time and rate, and of
the p99 of one piece of work. The twin is the floor a second time; its ratios have to be 1.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness.figures import quantile
from benchmarks.harness.processes import measure_and_print
from benchmarks.rivals.registry import FLOOR, RIVALS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_BLOCK_SECONDS = 0.03
_WARM_UPS = 5
TWIN, OURS = "twin", "ours"
CONTESTANTS = {FLOOR: FLOOR, TWIN: FLOOR, OURS: OURS}


class Block(NamedTuple):
    """What one block took, and each piece of work in it, in seconds."""

    cpu: float
    wall: float
    each: list[float]


async def block(work: Callable[[], Awaitable[None]], times: int, at_once: int) -> Block:
    """Do the work `times` times, `at_once` at the same time."""
    remaining = iter(range(times))
    each = []

    async def worker() -> None:
        for _ in remaining:
            began = time.perf_counter()
            await work()
            each.append(time.perf_counter() - began)

    cpu, wall = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker())
    return Block(time.process_time() - cpu, time.perf_counter() - wall, each)


async def alternate(
    works: dict[str, Callable[[], Awaitable[None]]], at_once: int, rounds: int
) -> dict[str, list[Block]]:
    """Let each contestant do one block in every round; every order comes equally often."""
    times = at_once
    for _ in range(min(_WARM_UPS, rounds)):
        first = [await block(work, times, at_once) for work in works.values()]
        times = max(at_once, round(_BLOCK_SECONDS / (first[0].wall / times)))
    found: dict[str, list[Block]] = {name: [] for name in works}
    orders = list(permutations(works))
    for turn in range(rounds):
        for name in orders[turn % len(orders)]:
            found[name].append(await block(works[name], times, at_once))
    return found


def ratios(blocks: Sequence[Block], floor: Sequence[Block]) -> dict[str, float]:
    """Compare block by block: a ratio is the median of the rounds. The p99 is that of all pieces of all blocks."""
    pairs = list(zip(blocks, floor, strict=True))
    p99, floor_p99 = (quantile(sorted(piece for one in many for piece in one.each), 0.99) for many in (blocks, floor))
    return {
        "cpu": statistics.median(one.cpu / other.cpu for one, other in pairs),
        "rate": statistics.median(other.wall / one.wall for one, other in pairs),
        "p99": p99 / floor_p99,
    }


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Measure every kind of work at every number at once."""
    figures: dict[str, float] = {}
    most_at_once = max(options.at_once)
    async with AsyncExitStack() as stack:
        rivals = {
            name: await stack.enter_async_context(RIVALS[rival].open(options.url, most_at_once))
            for name, rival in CONTESTANTS.items()
            if name != TWIN or not options.no_twin
        }
        for kind in options.work:
            works = {name: getattr(rival, kind) for name, rival in rivals.items()}
            for at_once in options.at_once:
                found = await alternate(works, at_once, options.pairs)
                for name in works.keys() - {FLOOR}:
                    for figure, value in ratios(found[name], found[FLOOR]).items():
                        figures[f"{name} {kind} {at_once} {figure}"] = value
    return figures


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("url", help="the stub server's URL")
    parser.add_argument("--work", nargs="+", required=True, help="status, party, direct or document_first")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1])
    parser.add_argument("--pairs", type=int, default=90, help="how many blocks each contestant does")
    parser.add_argument("--no-twin", action="store_true", help="leave out the comparison of the floor with itself")
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop")
    measure_and_print(parser, measure, is_on_uvloop=lambda options: bool(options.uvloop))


if __name__ == "__main__":
    main()
