"""Push beside polling, on a sandbox: collections are followed in both ways until they settle.

The sandbox speaks the push channel over real websockets, and lives in this process, since only there it can be told to
settle a payment. It prints the figures as JSON: for each way, how many seconds after a payment settled its end was told
(median and p99), and how often a payment was looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.harness.gauges import at_share
from benchmarks.harness.processes import run
from dollr_async import DollrClient, LineItem, Payer, RealtimeSettings, StatusChange
from dollr_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from dollr_async import Collection

PAYER = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
ITEMS = [LineItem(name="Strategy session", amount=Decimal("250.00"))]
_AT_ONCE = 16


async def collected(dollr: DollrClient, payments: int) -> list[Collection]:
    """Begin so many collections."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> Collection:
        async with gate:
            return await dollr.collect(payer=PAYER, items=ITEMS, currency="USD", direct=True)

    return list(await asyncio.gather(*(one() for _ in range(payments))))


async def settled(sandbox: Sandbox, collections: Sequence[Collection], seconds: float) -> dict[UUID, float]:
    """Settle each at a moment of its own within so many seconds, and return the moments."""
    chance = random.Random(0)  # noqa: S311 - moments that can be had again
    moments: dict[UUID, float] = {}

    async def one(reference_id: UUID, after: float) -> None:
        await asyncio.sleep(after)
        moments[reference_id] = time.perf_counter()
        sandbox.settle(reference_id)

    await asyncio.gather(*(one(each.reference_id, chance.uniform(0.0, seconds)) for each in collections))
    return moments


async def told(dollr: DollrClient, collections: Sequence[Collection]) -> dict[UUID, float]:
    """Follow them to their ends, and return the moments at which those were told."""
    moments: dict[UUID, float] = {}
    async for news in dollr.watch_many(collections):
        if isinstance(news, StatusChange) and news.is_final:
            moments[news.reference_id] = time.perf_counter()
    return moments


async def followed(sandbox: Sandbox, dollr: DollrClient, options: argparse.Namespace) -> dict[str, float]:
    """Follow payments by one client until all have settled; return the delays, and the looks at one payment."""
    collections = await collected(dollr, options.payments)
    ends, moments = await asyncio.gather(told(dollr, collections), settled(sandbox, collections, options.seconds))
    delays = sorted(ends[reference] - moment for reference, moment in moments.items())
    looks = Counter(request.path.rpartition("/")[2] for request in sandbox.requests_to("get_collection_status"))
    return {
        "p50": at_share(delays, 0.5),
        "p99": at_share(delays, 0.99),
        "looks": sum(looks[str(each.reference_id)] for each in collections) / len(collections),
    }


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow with push and without, side by side."""
    async with Sandbox(outcome="stay_pending") as sandbox:
        realtime = RealtimeSettings(**sandbox.realtime, max_channels=options.payments)
        async with (
            DollrClient(**sandbox.settings, realtime=realtime) as pushed,
            DollrClient(**sandbox.settings) as polled,
        ):
            ways = await asyncio.gather(*(followed(sandbox, dollr, options) for dollr in (pushed, polled)))
    names = ("pushed", "polled")
    return {f"{name} {key}": value for name, way in zip(names, ways, strict=True) for key, value in way.items()}


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--payments", type=int, default=200, help="how many are followed in each way")
    parser.add_argument("--seconds", type=float, default=45.0, help="the time within which they settle")
    run(parser, measure)


if __name__ == "__main__":
    main()
