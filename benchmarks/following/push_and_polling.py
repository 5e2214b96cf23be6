"""Push and polling, on a sandbox: collections are followed in both ways until they settle.

`python -m benchmarks.following.push_and_polling` prints the figures as JSON: for each way, the seconds from a payment's
settling to the report of its final status (median and p99), and the polls per payment.

The sandbox speaks the push channel over real websockets. It runs in this process, since a payment can be settled by a
method call only there.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.harness.figures import quantile
from benchmarks.harness.processes import measure_and_print
from dollr_async import DollrClient, LineItem, Payer, RealtimeSettings, StatusChange
from dollr_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from dollr_async import Collection

PAYER = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
ITEMS = [LineItem(name="Strategy session", amount=Decimal("250.00"))]
_AT_ONCE = 16


async def collect_all(dollr: DollrClient, payments: int) -> list[Collection]:
    """Begin this many collections."""
    semaphore = asyncio.Semaphore(_AT_ONCE)

    async def one() -> Collection:
        async with semaphore:
            return await dollr.collect(payer=PAYER, items=ITEMS, currency="USD", direct=True)

    return list(await asyncio.gather(*(one() for _ in range(payments))))


async def settle_all(sandbox: Sandbox, collections: Sequence[Collection], seconds: float) -> dict[UUID, float]:
    """Settle each at a random moment within these seconds, and return the moments."""
    chance = random.Random(0)  # noqa: S311 - repeatable, no secret
    moments: dict[UUID, float] = {}

    async def one(reference_id: UUID, after: float) -> None:
        await asyncio.sleep(after)
        moments[reference_id] = time.perf_counter()
        sandbox.settle(reference_id)

    await asyncio.gather(*(one(each.reference_id, chance.uniform(0.0, seconds)) for each in collections))
    return moments


async def watch_all(dollr: DollrClient, collections: Sequence[Collection]) -> dict[UUID, float]:
    """Follow them to their final status, and return the moments at which it was reported."""
    moments: dict[UUID, float] = {}
    async for news in dollr.watch_many(collections):
        if isinstance(news, StatusChange) and news.is_final:
            moments[news.reference_id] = time.perf_counter()
    return moments


async def measure_client(sandbox: Sandbox, dollr: DollrClient, options: argparse.Namespace) -> dict[str, float]:
    """Follow payments with one client until all have settled; return the delays, and the polls per payment."""
    collections = await collect_all(dollr, options.payments)
    reported, settled = await asyncio.gather(
        watch_all(dollr, collections), settle_all(sandbox, collections, options.seconds)
    )
    delays = sorted(reported[reference] - moment for reference, moment in settled.items())
    polls = Counter(request.path.rpartition("/")[2] for request in sandbox.requests_to("get_collection_status"))
    return {
        "p50": quantile(delays, 0.5),
        "p99": quantile(delays, 0.99),
        "polls": sum(polls[str(each.reference_id)] for each in collections) / len(collections),
    }


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow with push and without, at the same time."""
    async with Sandbox(outcome="stay_pending") as sandbox:
        realtime = RealtimeSettings(**sandbox.realtime, max_channels=options.payments)
        async with (
            DollrClient(**sandbox.settings, realtime=realtime) as pushed,
            DollrClient(**sandbox.settings) as polled,
        ):
            ways = await asyncio.gather(*(measure_client(sandbox, dollr, options) for dollr in (pushed, polled)))
    names = ("pushed", "polled")
    return {f"{name} {key}": value for name, way in zip(names, ways, strict=True) for key, value in way.items()}


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--payments", type=int, default=200, help="how many are followed in each way")
    parser.add_argument("--seconds", type=float, default=45.0, help="the time within which they settle")
    measure_and_print(parser, measure)


if __name__ == "__main__":
    main()
