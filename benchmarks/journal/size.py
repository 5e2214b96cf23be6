"""A journal at size: `python -m benchmarks.journal.size payments.db --handled 1000000 --open 100000`.

The journal at the URL must be empty. Each operation is measured before and after it is filled: the median and the
longest of many calls, in milliseconds, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from dollr_async.journal import Entry, MovableJournal, StoredPayment, open_journal
from dollr_async.testing.support import an_entry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_BEGAN = datetime(2026, 1, 31, tzinfo=UTC)
_PART = 1000
_SECONDS = 1e3


def _payment(number: int, *, is_handled: bool) -> StoredPayment:
    moment = _BEGAN + timedelta(milliseconds=number)
    entry = attrs.evolve(
        an_entry(began_at=moment),
        sends=1,
        source_type="INVOICE",
        source_id=number,
        outcome="COMPLETED" if is_handled else None,
        status="COMPLETED" if is_handled else "PENDING",
    )
    ended = moment if is_handled else None
    return StoredPayment(
        entry=entry, lease_number=1, ended_at=ended, handled_at=ended, hand_out_number=int(is_handled), reason=None
    )


async def fill(journal: MovableJournal, handled: int, opened: int) -> None:
    """Put payments into the journal."""
    for first in range(0, handled + opened, _PART):
        numbers = range(first, min(first + _PART, handled + opened))
        await journal.import_page([_payment(number, is_handled=number < handled) for number in numbers])


async def _measured(name: str, calls: int, make: Callable[[], Awaitable[object]]) -> str:
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        await make()
        times.append(_SECONDS * (time.perf_counter() - began))
    return f"{name:34} {statistics.median(times):8.2f} {max(times):8.2f}"


async def measure(journal: Any, calls: int) -> list[str]:  # noqa: ANN401 - every kind of journal has all protocols here
    """Return one line for each operation."""
    entries = [attrs.evolve(an_entry(began_at=datetime.now(UTC)), sends=1) for _ in range(calls)]
    each: list[Entry] = list(entries)
    lines = [await _measured("claim", calls, lambda: journal.claim(each.pop()))]
    each = list(entries)
    lines.append(await _measured("write", calls, lambda: journal.write(each.pop(), 1)))
    each = [attrs.evolve(entry, in_doubt=True) for entry in entries]
    lines.append(await _measured("write before an execution", calls, lambda: journal.write(each.pop(), 1)))
    each = list(entries)
    lines.append(await _measured("read", calls, lambda: journal.read(each.pop().reference_id)))
    each = list(entries)
    lines.append(await _measured("release", calls, lambda: journal.release(each.pop().reference_id, 1)))
    lines.append(await _measured("payments of a document", calls, lambda: journal.unfinished_of_source("INVOICE", 1)))
    lines.append(await _measured("a page of 100 open payments", 20, lambda: journal.unfinished_page(None, limit=100)))
    worker = uuid.uuid4().hex
    follow = partial(journal.follow, worker, lease=60.0)
    lines.append(await _measured("a sweep that finds 250", 20, lambda: follow(limit=250)))
    lines.append(await _measured("a worker's lease", calls, lambda: follow(limit=0)))
    each = list(entries)
    settle = partial(journal.settle, status="COMPLETED", outcome="COMPLETED")
    lines.append(await _measured("settle", calls, lambda: settle(each.pop().reference_id)))
    ended: list[Any] = []

    async def hand_out() -> None:
        ended.append(await journal.hand_out(lease=60.0))

    lines.append(await _measured("hand out", calls, hand_out))
    lines.append(await _measured("mark as handled", calls, lambda: journal.mark_handled(ended.pop())))
    lines.append(await _measured("hand out, with none left", calls, lambda: journal.hand_out(lease=60.0)))
    await journal.stop_following(worker)
    return lines


async def lag(work: Awaitable[object]) -> tuple[float, float]:
    """Return how long some work takes, and the longest time for which it held the loop; in milliseconds."""
    longest = 0.0
    task = asyncio.ensure_future(work)
    began = last = time.perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return _SECONDS * (last - began), _SECONDS * longest


async def main() -> None:
    """Measure an empty journal, fill it, and measure it again."""
    parser = argparse.ArgumentParser(description="Measure a journal when it is empty and when it has grown.")
    parser.add_argument("url", help="an empty journal: a path, sqlite:///absolute/path or postgresql://...")
    parser.add_argument("--handled", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=100_000, dest="opened")
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    async with open_journal(options.url) as journal:
        print(f"{'ms, empty':34} {'median':>8} {'longest':>8}")
        print("\n".join(await measure(journal, options.calls)))
        began = time.perf_counter()
        await fill(journal, options.handled, options.opened)
        print(f"\nfilled in {time.perf_counter() - began:.0f} s")
        print(f"\n{f'ms, {options.handled:,} handled, {options.opened:,} open':34} {'median':>8} {'longest':>8}")
        print("\n".join(await measure(journal, options.calls)))
        whole, longest = await lag(journal.unfinished())
        print(f"\nunfinished(): {whole:.0f} ms in all, the loop is held for {longest:.1f} ms at most")


if __name__ == "__main__":
    asyncio.run(main())
