"""Many watchers of one payment, and a single one of another: how often each payment is polled.

`python -m benchmarks.following.many_watchers http://127.0.0.1:8080` prints as JSON how often each of the two payments
was polled, as the stub counted. One client follows both, and neither settles.
"""

from __future__ import annotations

import argparse
import asyncio
import uuid
from collections import Counter

from benchmarks.harness.gauges import ask_stub
from benchmarks.harness.processes import measure_and_print
from dollr_async import DollrClient, PollPolicy

_POLLS = 20
_NEVER = 2**47 - 1
"""A moment to settle at, in ms, that no machine runs long enough for."""


async def watch(dollr: DollrClient, reference: uuid.UUID) -> None:
    """Watch a payment."""
    async for _ in dollr.watch(reference):
        pass


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Watch both for a while, and count the polls."""
    alone, crowded = (uuid.UUID(int=uuid.uuid4().int >> 48 << 48 | _NEVER, version=4) for _ in range(2))
    interval = options.seconds / _POLLS
    policy = PollPolicy(interval=interval, max_interval=interval)
    async with DollrClient("client", "secret", base_url=options.url, polling=policy) as dollr:
        watched = [alone, *[crowded] * options.watchers]
        watches = [asyncio.create_task(watch(dollr, reference)) for reference in watched]
        await asyncio.sleep(options.seconds)
        for task in watches:
            task.cancel()
        await asyncio.wait(watches)
    polls = Counter(line.partition(" ")[0] for line in (await ask_stub(options.url, "polls")).splitlines())
    return {"one": polls[str(alone)], "many": polls[str(crowded)]}


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("url", help="the URL of a stub server whose payments settle")
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    measure_and_print(parser, measure)


if __name__ == "__main__":
    main()
