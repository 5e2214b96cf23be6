"""Outcomes a second: `python -m benchmarks.journal.handling payments.db` handles those of many open payments.

The journal at the URL must be empty. A stub server in another process answers every status check with COMPLETED. It
prints the CPU time for a payment of `watch_many` and of `outcomes()`, and what one and several workers handle.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from itertools import islice, repeat
from typing import TYPE_CHECKING

import attrs

from benchmarks.harness.processes import stub_server
from benchmarks.harness.tables import table
from dollr_async import DollrClient, StatusChange
from dollr_async.journal import Entry, StoredPayment, open_journal
from dollr_async.testing.support import an_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

_PART = 1000
_NUMBER_BITS = 96
_MICROSECONDS = 1e6


def reference(number: int, settles: int = 1) -> uuid.UUID:
    """Return a reference that the stub server takes for a payment that settles at a moment, by default long ago."""
    return uuid.UUID(int=number << _NUMBER_BITS | random.getrandbits(48) << 48 | settles, version=4)


def _stored(number: int, settles: int) -> StoredPayment:
    began_at, reference_id = datetime.now(UTC), reference(number, settles)
    entry: Entry = attrs.evolve(an_entry(began_at=began_at), reference_id=reference_id, sends=1)
    return StoredPayment(entry=entry, lease_number=1, ended_at=None, handled_at=None, hand_out_number=0, reason=None)


async def import_payments(url: str, moments: Iterable[int]) -> None:
    """Put open payments into the journal, each with the moment at which it settles."""
    stored = (_stored(number, settles) for number, settles in enumerate(moments))
    async with open_journal(url) as journal:
        while page := list(islice(stored, _PART)):
            await journal.import_page(page)


async def fill(url: str, payments: int, settles: int = 1) -> None:
    """Put open payments into the journal that settle at the same moment."""
    await import_payments(url, repeat(settles, payments))


async def watch(stub: str, payments: int) -> dict[str, float]:
    """Follow as many payments with `watch_many`."""
    async with DollrClient("client", "secret", base_url=stub) as dollr:
        await dollr.status.collection(reference(1))
        cpu, began = time.process_time(), time.monotonic()
        async for news in dollr.watch_many(reference(number) for number in range(payments)):
            assert isinstance(news, StatusChange)  # noqa: S101 - a measurement of something else is worth nothing
        return {"payments": payments, "cpu": time.process_time() - cpu, "seconds": time.monotonic() - began}


async def handle(stub: str, url: str) -> dict[str, float]:
    """Handle outcomes until none is left for two seconds."""
    async with open_journal(url) as journal, DollrClient("client", "secret", base_url=stub, journal=journal) as dollr:
        await dollr.status.collection(reference(1))
        handled, cpu, began, ended = 0, time.process_time(), time.monotonic(), 0.0
        async for outcome in dollr.outcomes(idle=2.0):
            await outcome.handled()
            handled, ended = handled + 1, time.monotonic()
        return {"payments": handled, "cpu": time.process_time() - cpu, "seconds": max(ended - began, 1e-9)}


def _in_processes(count: int, *words: str) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "benchmarks.journal.handling", *words]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [json.loads(process.communicate()[0]) for process in running]


def _row(name: str, found: list[dict[str, float]]) -> list[str]:
    payments = sum(one["payments"] for one in found)
    cpu = _MICROSECONDS * sum(one["cpu"] for one in found) / payments
    return [name, f"{cpu:.0f} µs", f"{payments / max(one['seconds'] for one in found):.0f}"]


def main() -> None:
    """Measure each way after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("url", help="an empty journal: a path, sqlite:///absolute/path or postgresql://...")
    parser.add_argument("--payments", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--stub", help="used by the program itself, for its workers")
    options = parser.parse_args()
    if options.stub:
        way = watch(options.stub, options.payments) if options.url == "-" else handle(options.stub, options.url)
        print(json.dumps(asyncio.run(way)))
        return
    with stub_server(0.0, "--settling") as stub:
        rows = [_row("watch_many()", _in_processes(1, "-", "--stub", stub, "--payments", str(options.payments)))]
        for workers in (1, options.workers):
            asyncio.run(fill(options.url, options.payments))
            name = f"outcomes(), {workers} worker{'s' * (workers > 1)}"
            rows.append(_row(name, _in_processes(workers, options.url, "--stub", stub)))
    print(table([f"{options.payments:,} payments that have settled", "CPU time for each", "handled per second"], rows))


if __name__ == "__main__":
    main()
