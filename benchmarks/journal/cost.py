"""What a journal costs: `python -m benchmarks.journal.cost` collects with and without one, alternately.

The sandbox runs in another process and answers without delay, so the journal's share of the time is as large as it can
be. The file is in the temporary directory, or with `--directory` in that one. With `--postgres` there is a journal on
that server too, in a database of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from benchmarks.harness.postgres import own_database
from benchmarks.harness.tables import table
from dollr_async import DollrClient, LineItem, Payer
from dollr_async.journal import SQLiteJournal, open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from dollr_async.journal import Journal
    from dollr_async.journal.sqlite.database import Database

PAYER = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
SLOW_SYNC = 0.002
SLOW_COMMIT = "&options=-c%20commit_delay%3D2000%20-c%20commit_siblings%3D0"
"""What makes PostgreSQL wait before each sync, as a slow disk would."""

ITEMS = [LineItem(name="Strategy session", amount=Decimal("250.00"))]


@contextmanager
def sandbox_process() -> Iterator[str]:
    """Run a sandbox in another process, and give its URL."""
    command = [sys.executable, "-m", "dollr_async.sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = iter(process.stdout or ())
        try:
            yield next(word for line in lines for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()


async def collect_all(dollr: DollrClient, *, collections: int, at_once: int, direct: bool) -> float:
    """Collect, and return the seconds that all took."""
    remaining = iter(range(collections))

    async def worker() -> None:
        for _ in remaining:
            await dollr.collect(payer=PAYER, items=ITEMS, currency="USD", direct=direct)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker())
    return time.perf_counter() - began


def slow_disk(journal: SQLiteJournal) -> SQLiteJournal:
    """Let each sync of a journal's disk take longer."""

    def slowed(database: Database) -> None:
        together = database.together

        def slow(changes: list[Callable[[Database], object]], *, is_durable: bool = True) -> list[object]:
            done = together(changes, is_durable=is_durable)
            time.sleep(SLOW_SYNC if is_durable else 0.0)
            return done

        database.together = slow  # type: ignore[method-assign] # a slow disk, on a fast one

    slowed(journal._file.opened())  # noqa: SLF001 - a slow disk, on a fast one
    return journal


@asynccontextmanager
async def journals(directory: Path, postgres: str | None) -> AsyncIterator[dict[str, Journal | None]]:
    """Open a journal of each kind; in PostgreSQL each has a schema of its own."""
    async with AsyncExitStack() as stack:
        found: dict[str, Journal | None] = {"without": None}
        for name in ("SQLite", "SQLite, 2 ms a sync"):
            journal = await stack.enter_async_context(SQLiteJournal(directory / f"{name}.db"))
            found[name] = slow_disk(journal) if "sync" in name else journal
        if postgres is not None:
            for name, options in (("PostgreSQL", ""), ("PostgreSQL, 2 ms a sync", SLOW_COMMIT)):
                url = f"{postgres}?schema=dollr_bench_{uuid4().hex[:8]}{options}"
                found[name] = await stack.enter_async_context(open_journal(url))
        yield found


async def compare(url: str, directory: Path, postgres: str | None, options: argparse.Namespace) -> str:
    """Measure all by turns, and return the table of the medians."""
    works: list[str] = []
    rows: list[list[str]] = []
    client = partial(DollrClient, "sandbox-client", "sandbox-secret", base_url=url)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(journals(directory, postgres))
        clients = {name: await stack.enter_async_context(client(journal=journal)) for name, journal in found.items()}
        for direct in (False, True):
            for at_once in options.at_once:
                measured = partial(collect_all, collections=options.collections, at_once=at_once, direct=direct)
                times: dict[str, list[float]] = {name: [] for name in clients}
                for _ in range(options.rounds + 1):
                    for name, dollr in clients.items():
                        times[name].append(await measured(dollr))
                # The first round warms up.
                medians = [1000.0 * statistics.median(seconds[1:]) / options.collections for seconds in times.values()]
                works.append(f"{'by one checkout' if direct else 'step by step'}, {at_once} at once")
                rows.append([f"{median:.2f} ms" for median in medians])
    return table(
        ["a collection", *works], [[name, *row] for name, row in zip(clients, zip(*rows, strict=True), strict=True)]
    )


def main() -> None:
    """Read the options, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--collections", type=int, default=100, help="how many payments in a round")
    parser.add_argument("--rounds", type=int, default=7, help="how many rounds, besides the first, which warms up")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 32], help="how many payments at once")
    parser.add_argument("--postgres", help="the URL of a database for tests, such as postgresql://user@host/database")
    parser.add_argument("--directory", help="where the journal's file is")
    options = parser.parse_args()
    database = nullcontext() if options.postgres is None else own_database(options.postgres)
    with (
        sandbox_process() as url,
        tempfile.TemporaryDirectory(dir=options.directory) as directory,
        database as postgres,
    ):
        print(asyncio.run(compare(url, Path(directory), postgres, options)))


if __name__ == "__main__":
    main()
