"""A fleet for a while: `python -m benchmarks.following.open_payments_of_a_fleet --url postgresql://...`.

Some processes follow the same open payments with `outcomes()` and mark each outcome as handled. It prints what they and
their database do while nothing settles, and then while the payments settle one after the other: checks and commits a
second, connections, and how long after a payment settled it was handled. The journal is in a database of its own on the
server. It needs the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import attrs
import psycopg

from benchmarks.harness.figures import quantile
from benchmarks.harness.gauges import ask_stub
from benchmarks.harness.postgres import own_database
from benchmarks.harness.processes import stub_server
from benchmarks.journal.handling import import_payments
from dollr_async import DollrClient, PollPolicy
from dollr_async.journal import PostgresJournal

if TYPE_CHECKING:
    from uuid import UUID

_MOMENT_BITS = 48
_IMPORTED_IN_A_SECOND = 2_000


def _now() -> float:
    return time.monotonic() * 1000.0


def _settles(reference_id: UUID) -> float:
    """Return the moment that a reference contains, in milliseconds of the monotonic clock."""
    return reference_id.int & (1 << _MOMENT_BITS) - 1


async def work(options: argparse.Namespace) -> None:
    """Handle outcomes until all payments are handled, and print how late each was, in seconds."""
    policy = PollPolicy(interval=options.interval, max_interval=options.interval, timeout=None)
    late: list[float] = []
    async with (
        PostgresJournal(options.url) as journal,
        DollrClient("client", "secret", base_url=options.stub, polling=policy, journal=journal) as dollr,
    ):
        async for outcome in dollr.outcomes(at_once=options.payments, idle=2 * options.interval):
            await outcome.handled()
            late.append((_now() - _settles(outcome.reference_id)) / 1000.0)
    print(json.dumps({"late": late, "cpu": time.process_time()}))


@attrs.frozen
class Counts:
    """What was counted since the start: checks, commits and handled payments; and the connections there are."""

    at: float
    checks: int
    commits: int
    handled: int
    connections: int


async def _count(stub: str, database: psycopg.AsyncConnection[Any]) -> Counts:
    # The statistics lag by a second at most.
    statement = (
        "SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()), "
        "(SELECT count(*) FROM dollr_journal_payments WHERE handled_at IS NOT NULL), "
        "(SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database() AND client_port IS NOT NULL)"
    )
    row = await (await database.execute(statement)).fetchone()
    commits, handled, connections = row or (0, 0, 0)
    return Counts(time.monotonic(), int(await ask_stub(stub, "count")), commits, handled, connections)


def _line(name: str, before: Counts, after: Counts) -> str:
    seconds = after.at - before.at
    checks, commits = (after.checks - before.checks) / seconds, (after.commits - before.commits) / seconds
    handled = (after.handled - before.handled) / seconds
    return (
        f"{name:14} {checks:6,.0f} checks, {commits:6,.0f} commits and {handled:6,.0f} handled a second, "
        f"{after.connections} connections, {seconds:.0f} s"
    )


async def _run(options: argparse.Namespace, stub: str, url: str) -> None:
    first = _now() + (options.payments / _IMPORTED_IN_A_SECOND + options.rest) * 1000.0
    moments = (int(first + 1000.0 * options.settling * number / options.payments) for number in range(options.payments))
    await import_payments(url, moments)
    began = time.monotonic()
    arguments = [
        sys.executable,
        "-m",
        "benchmarks.following.open_payments_of_a_fleet",
        *sys.argv[1:],
        "--url",
        url,
        "--stub",
        stub,
    ]
    pipe = asyncio.subprocess.PIPE
    workers = [await asyncio.create_subprocess_exec(*arguments, stdout=pipe) for _ in range(options.workers)]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        rest = first / 1000.0 - time.monotonic()
        # The first half is for the workers to take the payments and to check each once.
        await asyncio.sleep(rest / 2)
        half = await _count(stub, database)
        await asyncio.sleep(max(first / 1000.0 - time.monotonic(), 1.0))
        begun = await _count(stub, database)
        print(f"{options.payments:,} open payments, {options.workers} workers, after {half.at - began:.0f} s:")
        print(_line("at rest", half, begun), flush=True)
        await asyncio.sleep(options.settling)
        settled = await _count(stub, database)
        print(_line("settling", begun, settled), flush=True)
    found = [json.loads((await worker.communicate())[0]) for worker in workers]
    late = sorted(second for one in found for second in one["late"])
    assert len(late) == options.payments  # noqa: S101 - each is handled once, or the figures are of something else
    print(
        f"from the moment a payment settled until it was handled: {quantile(late, 0.5):.1f} s at the median, "
        f"{quantile(late, 0.99):.1f} s at the 99th percentile, {late[-1]:.1f} s at most"
    )
    print("CPU time of the workers:", ", ".join(f"{one['cpu']:.0f} s" for one in found))


def main() -> None:
    """Run the fleet, or one worker of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--url", help="a server: postgresql://user@host/database", required=True)
    parser.add_argument("--payments", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--interval", type=float, default=60.0, help="seconds between two checks of a payment")
    parser.add_argument("--rest", type=float, default=150.0, help="seconds in which nothing settles")
    parser.add_argument("--settling", type=float, default=250.0, help="seconds in which all settle")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds between a check and its answer")
    parser.add_argument("--stub", help="used by the program itself, for its workers")
    options = parser.parse_args()
    if options.stub:
        asyncio.run(work(options))
        return
    with stub_server(options.delay, "--settling") as stub, own_database(options.url) as url:
        asyncio.run(_run(options, stub, url))


if __name__ == "__main__":
    main()
