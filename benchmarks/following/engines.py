"""CPU time for a check, by what makes the checks: `python -m benchmarks.following.engines --url postgresql://...`.

The same open payments are followed by `watch_many()`, by `outcomes()` and by the jobs of Procrastinate, each in a
process of its own that has one core. More checks are due than the process can make, so it prints the CPU time for a
check, and the checks a second at which one process is full. Journal and jobs are in a database of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.harness.gauges import ask_stub
from benchmarks.harness.postgres import own_database
from benchmarks.harness.processes import measure_and_print, run_in_process, stub_server
from benchmarks.harness.tables import table
from benchmarks.journal.handling import fill, reference
from dollr_async import DollrClient, PollPolicy
from dollr_async.journal import PostgresJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_LATER = 2**48 - 1
"""The moment at which the payments settle: never."""

_POLICY = PollPolicy(interval=0.5, max_interval=0.5, timeout=None)
_CONCURRENCY = 40


async def watch_many(options: argparse.Namespace, ready: asyncio.Event) -> None:
    """Follow them with one `watch_many()`."""
    ready.set()
    references = [reference(number, _LATER) for number in range(options.payments)]
    async with DollrClient("client", "secret", base_url=options.stub, polling=_POLICY) as dollr:
        async for _ in dollr.watch_many(references):
            pass


async def outcomes(options: argparse.Namespace, ready: asyncio.Event) -> None:
    """Follow what the journal calls open."""
    async with (
        PostgresJournal(options.url) as journal,
        DollrClient("client", "secret", base_url=options.stub, polling=_POLICY, journal=journal) as dollr,
    ):
        ready.set()
        async for _ in dollr.outcomes():
            pass


async def procrastinate(options: argparse.Namespace, ready: asyncio.Event) -> None:
    """Follow each with jobs; the sweep runs once a minute, as by default."""
    from procrastinate import App, PsycopgConnector  # noqa: PLC0415 - the other ways run without it

    from dollr_async.integrations.procrastinate import PaymentTasks  # noqa: PLC0415 - needs Procrastinate

    async def nothing(*_: object) -> None:
        """No payment ends here."""

    app = App(connector=PsycopgConnector(conninfo=options.url, min_size=1, max_size=_CONCURRENCY // 2))
    async with PostgresJournal(options.url) as journal, app.open_async():
        tasks = PaymentTasks(
            lambda: DollrClient("client", "secret", base_url=options.stub, polling=_POLICY, journal=journal),
            nothing,
        )
        tasks.register(app)
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for entry in await journal.unfinished():
            await tasks.follow(entry.reference_id)
        ready.set()
        await app.run_worker_async(
            concurrency=_CONCURRENCY, fetch_job_polling_interval=0.2, install_signal_handlers=False
        )


_WAYS: dict[str, Callable[[argparse.Namespace, asyncio.Event], Coroutine[None, None, None]]] = {
    "watch_many": watch_many,
    "outcomes": outcomes,
    "procrastinate": procrastinate,
}


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Follow the payments, and measure once all are under way."""
    ready = asyncio.Event()
    following = asyncio.create_task(_WAYS[options.way](options, ready))
    await ready.wait()
    await asyncio.wait([following], timeout=options.warm_up)
    count, cpu, began = int(await ask_stub(options.stub, "count")), time.process_time(), time.monotonic()
    await asyncio.wait([following], timeout=options.seconds)
    cpu, seconds = time.process_time() - cpu, time.monotonic() - began
    checks = int(await ask_stub(options.stub, "count")) - count
    if following.done():
        following.result()
    following.cancel()
    await asyncio.wait([following])
    return {"checks": checks / seconds, "cpu": cpu * 1e6 / checks, "busy": cpu / seconds}


def compare(options: argparse.Namespace) -> str:
    """Measure each way after the other, and return the table."""
    rows = []
    with stub_server(options.delay, "--settling") as stub, own_database(options.url) as url:
        asyncio.run(fill(url, options.payments, settles=_LATER))
        for way in _WAYS:
            seconds = ("--seconds", options.seconds, "--warm-up", options.warm_up)
            arguments = ("--url", url, "--stub", stub, "--payments", options.payments, *seconds)
            found = run_in_process("following.engines", [way, *arguments])
            rows.append([way, f"{found['cpu']:.0f} µs", f"{found['checks']:.0f}", f"{found['busy']:.0%}"])
    return table(["the checks are made by", "CPU time for a check", "checks per second", "of a core"], rows)


def main() -> None:
    """Measure one way in this process, or each in one of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--payments", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds before they are measured")
    parser.add_argument("--url", help="a server: postgresql://user@host/database", required=True)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds between a check and its answer")
    parser.add_argument("--stub", help="used by the program itself, for its ways")
    parser.add_argument("way", nargs="?", choices=_WAYS)
    if "--stub" in sys.argv:
        measure_and_print(parser, measure)
        return
    print(compare(parser.parse_args()))


if __name__ == "__main__":
    main()
