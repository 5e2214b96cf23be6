"""What a journal costs: `python -m benchmarks.journal.cost` collects with and without one, alternately.

The sandbox runs in another process and answers without delay, so the journal's share of the time is as large as it can
be. The journal is in the temporary directory, or with `--directory` in that one.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dollr_async import DollrClient, LineItem, Payer
from dollr_async.journal import SQLiteJournal

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYER = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
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


async def compare(url: str, directory: Path, options: argparse.Namespace) -> None:
    """Measure both alternately, and print the medians in milliseconds per collection."""
    client = partial(DollrClient, "sandbox-client", "sandbox-secret", base_url=url)
    async with (
        SQLiteJournal(directory / "payments.db") as journal,
        client() as without,
        client(journal=journal) as journaled,
    ):
        for direct in (False, True):
            for at_once in options.at_once:
                measured = partial(collect_all, collections=options.collections, at_once=at_once, direct=direct)
                rounds = [(await measured(without), await measured(journaled)) for _ in range(options.rounds + 1)]
                # The first round warms up.
                medians = (statistics.median(seconds) for seconds in zip(*rounds[1:], strict=True))
                plain, with_journal = (1000.0 * median / options.collections for median in medians)
                print(
                    f"{'direct' if direct else 'document first':15} {at_once:4} at once: {plain:6.2f} ms without, "
                    f"{with_journal:6.2f} ms with a journal, {with_journal - plain:+.2f} ms"
                )


def main() -> None:
    """Read the options, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--collections", type=int, default=100, help="how many payments in a round")
    parser.add_argument("--rounds", type=int, default=7, help="how many rounds, besides the first, which warms up")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 32], help="how many payments at once")
    parser.add_argument("--directory", help="where the journal's file is")
    options = parser.parse_args()
    with sandbox_process() as url, tempfile.TemporaryDirectory(dir=options.directory) as directory:
        asyncio.run(compare(url, Path(directory), options))


if __name__ == "__main__":
    main()
