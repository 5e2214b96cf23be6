"""What the first collection of a process waits for: `python -m benchmarks.cold_start`.

It shows how long a collection takes, in round trips: from the start of the process, after `ready()`, once more at once,
and after a silence of 20 seconds, in which idle connections have closed. A stub server answers each request after one
round trip. Opening a connection takes three: one for TCP and two for TLS. By hand, the steps run concurrently too.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

from benchmarks.harness.processes import measure_and_print, run_in_process, stub_server
from benchmarks.harness.tables import table
from benchmarks.rivals.ours import Ours
from benchmarks.rivals.registry import FLOOR, RIVALS
from dollr_async import DollrClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_HANDSHAKE = 3
"""Round trips to open a connection: one for TCP and two for TLS."""

WORK = {"document_first": "step by step", "direct": "by one checkout"}
MOMENTS = {
    "cold": "the first",
    "ready": "the first, after ready()",
    "second": "the second, at once",
    "silence": "the second, after a silence",
    "by_hand": "by hand, the first",
}


async def _seconds(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Collect at one moment in the life of a process, and return the round trips that it took."""
    if options.moment == "by_hand":
        async with RIVALS[FLOOR].open(options.url, 1) as floor:
            return {"round_trips": await _seconds(getattr(floor, options.work)) / options.round_trip}
    async with DollrClient("client", "secret", base_url=options.url) as dollr:
        collect = getattr(Ours(dollr), options.work)
        if options.moment not in {"cold", "ready"}:
            await collect()
        if options.moment == "silence":
            await asyncio.sleep(options.silence)
        if options.moment == "ready":
            await dollr.ready()
        return {"round_trips": await _seconds(collect) / options.round_trip}


def cold_starts(options: argparse.Namespace) -> str:
    """Measure each moment, each time in a process of its own, and return the table of the medians."""
    seconds = (f"--round-trip={options.round_trip}", f"--silence={options.silence}")
    rows: list[list[Any]] = []
    with stub_server(options.round_trip, f"--handshake={_HANDSHAKE * options.round_trip}") as url:
        for moment, shown in MOMENTS.items():
            found = {
                work: statistics.median(
                    run_in_process("cold_start", [work, moment, url, *seconds])["round_trips"]
                    for _ in range(options.rounds)
                )
                for work in WORK
            }
            rows.append([shown, *(f"{found[work]:.1f}" for work in WORK)])
    return table(["collection", *WORK.values()], rows)


def main() -> None:
    """Measure one moment in this process, or all, each in one of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("work", nargs="?", choices=WORK)
    parser.add_argument("moment", nargs="?", choices=MOMENTS)
    parser.add_argument("url", nargs="?", help="the stub server's URL")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--round-trip", type=float, default=0.2, help="seconds between a request and its answer")
    parser.add_argument("--silence", type=float, default=20.0, help="seconds without a request")
    options, _ = parser.parse_known_args()
    if options.url:
        measure_and_print(parser, measure)
    else:
        print(cold_starts(options))


if __name__ == "__main__":
    main()
