"""A crowd of watchers of one payment beside a single one of another, in a process of its own, on one client.

`python -m benchmarks.following.watchers http://127.0.0.1:8080` prints as JSON how often each of the two payments was
looked at, as the stub counted. Neither of them ends.
"""

from __future__ import annotations

import argparse
import asyncio
import uuid
from collections import Counter

from benchmarks.harness.gauges import said
from benchmarks.harness.processes import run
from dollr_async import DollrClient, PollPolicy

_LOOKS = 20
_NEVER = 2**47 - 1
"""A moment to settle at, in ms, that no machine runs long enough for."""


async def watch(dollr: DollrClient, reference: uuid.UUID) -> None:
    """Watch a payment."""
    async for _ in dollr.watch(reference):
        pass


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Watch both for a while, and count the looks."""
    alone, crowded = (uuid.UUID(int=uuid.uuid4().int >> 48 << 48 | _NEVER, version=4) for _ in range(2))
    interval = options.seconds / _LOOKS
    policy = PollPolicy(interval=interval, max_interval=interval)
    async with DollrClient("client", "secret", base_url=options.url, polling=policy) as dollr:
        watched = [alone, *[crowded] * options.watchers]
        watches = [asyncio.create_task(watch(dollr, reference)) for reference in watched]
        await asyncio.sleep(options.seconds)
        for task in watches:
            task.cancel()
        await asyncio.wait(watches)
    looks = Counter(line.partition(" ")[0] for line in (await said(options.url, "looks")).splitlines())
    return {"one": looks[str(alone)], "many": looks[str(crowded)]}


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("url", help="the URL of a stub server whose payments settle")
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    run(parser, measure)


if __name__ == "__main__":
    main()
