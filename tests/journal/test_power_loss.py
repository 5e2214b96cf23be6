"""What a SQLite journal still has after a loss of power: all that money depends on (docs/design.md, rule 7).

A sync of the log makes the log durable up to its present size. So a loss of power is the file, and its log cut off
where it was synced last.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, TypeVar

import attrs
import pytest

from dollr_async import DollrClient, DollrError
from dollr_async.journal import SQLiteJournal
from dollr_async.journal.entry import REFUSED
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from dollr_async.testing.support import an_entry, claimed
from tests.support.collections import collect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dollr_async.journal import Entry
    from dollr_async.journal.sqlite.database import Database
    from dollr_async.sandbox import Sandbox

T = TypeVar("T")
_STRACE = shutil.which("strace")


class Powered(SQLiteJournal):
    """A journal that knows which part of its log was synced."""

    synced = 0
    syncs = 0

    async def _change(self, make: Callable[[Database], T], *, is_durable: bool = False) -> T:
        done = await super()._change(make, is_durable=is_durable)
        if await self._query(_is_synced):
            self.syncs += is_durable
            self.synced = self._file.path.with_name(f"{self._file.path.name}-wal").stat().st_size
        return done

    def lose_power(self, place: Path) -> Path:
        """Return a copy of the file as a disk would have it after a loss of power."""
        path = self._file.path
        copied = place / f"{uuid.uuid4().hex}.db"
        shutil.copy(path, copied)
        log = path.with_name(f"{path.name}-wal").read_bytes()[: self.synced]
        copied.with_name(f"{copied.name}-wal").write_bytes(log)
        return copied


def _is_synced(database: Database) -> bool:
    full = 2
    row = database._connection.execute("PRAGMA synchronous").fetchone()
    return bool(row["synchronous"] == full)


async def test_what_money_depends_on_survives_a_loss_of_power(tmp_path: Path) -> None:
    async with Powered(tmp_path / "payments.db") as journal:
        entry = an_entry()
        number = await claimed(journal, entry)
        await _has(journal, tmp_path, entry, "the claim")
        await journal.write(attrs.evolve(entry, step="party", party_id=11), number)
        sent = attrs.evolve(entry, step="session", session_id=7, sends=1, in_doubt=True)
        await journal.write(sent, number)
        await _has(journal, tmp_path, sent, "the entry before an execution")
        await journal.release(entry.reference_id, number)
        await journal.claim(entry)
        async with SQLiteJournal(journal.lose_power(tmp_path)) as after:
            assert (await after.claim(entry)).number == number + 2, "a takeover with its number"
        refused = attrs.evolve(sent, in_doubt=False, outcome=REFUSED)
        await journal.write(refused, number + 1)
        await _has(journal, tmp_path, refused, "a refusal")
        await journal.release(entry.reference_id, number + 1)
        await journal.mark_handled(await handed_out(journal))
        async with SQLiteJournal(journal.lose_power(tmp_path)) as after:
            assert await after.hand_out(lease=1.0) is None, "the mark of a handled outcome"
        other = await executed(journal)
        await journal.close_payment(other.reference_id, "FAILED", "not on the bill")
        async with SQLiteJournal(journal.lose_power(tmp_path)) as after:
            assert (await handed_out(after)).reason == "not on the bill", "a person's verdict"


async def _has(journal: Powered, place: Path, entry: Entry, what: str) -> None:
    async with SQLiteJournal(journal.lose_power(place)) as after:
        assert await after.read(entry.reference_id) == entry, what


class PowerLostError(Exception):
    """The host stops after a write."""


class Losing(Powered):
    """A journal whose host loses its power after a number of writes."""

    left = -1
    last: Entry | None = None

    async def write(self, entry: Entry, number: int) -> None:
        await super().write(entry, number)
        self.last = entry
        self.left -= 1
        if self.left == 0:
            raise PowerLostError


async def test_whatever_else_is_lost_is_looked_for_before_it_is_repeated(sandbox: Sandbox, tmp_path: Path) -> None:
    lost = 0
    for writes in range(1, 9):
        reference_id = uuid.uuid4()
        invoices, charges = len(sandbox.requests_to("publish_invoice")), len(sandbox.ledger)
        async with Losing(tmp_path / f"{writes}.db") as journal:
            journal.left = writes
            async with DollrClient(**sandbox.settings, journal=journal) as dollr:
                with pytest.raises(DollrError):
                    await collect(dollr, reference_id=reference_id)
            copy, known = journal.lose_power(tmp_path), journal.last
        async with SQLiteJournal(copy) as after, DollrClient(**sandbox.settings, journal=after) as dollr:
            lost += await after.read(reference_id) != known
            assert (await (await collect(dollr, reference_id=reference_id)).wait()).status == "COMPLETED"
        assert len(sandbox.ledger) - charges == 1
        assert len(sandbox.requests_to("publish_invoice")) - invoices == 1
    assert lost >= 5, "a loss of power has to take something"


async def test_a_collection_syncs_the_disk_twice(sandbox: Sandbox, tmp_path: Path) -> None:
    async with Powered(tmp_path / "payments.db") as journal, DollrClient(**sandbox.settings, journal=journal) as dollr:
        await (await collect(dollr)).wait()
        assert journal.syncs == 2


_PROGRAM = """
import asyncio, sys
from dollr_async import DollrClient, DollrError
from dollr_async.journal import SQLiteJournal
from dollr_async.sandbox import Sandbox
from tests.support.collections import collect

async def main():
    async with Sandbox() as sandbox, SQLiteJournal(sys.argv[1]) as journal:
        async with DollrClient(**sandbox.settings, journal=journal) as dollr:
            for _ in range(int(sys.argv[2])):
                await collect(dollr)

asyncio.run(main())
"""


@pytest.mark.full(reason="it runs two programs under strace")
@pytest.mark.real_time
@pytest.mark.skipif(_STRACE is None, reason="strace, which counts the syncs, is not installed")
def test_the_operating_system_counts_at_most_two_and_a_half_syncs_a_collection(tmp_path: Path) -> None:
    counts = [_syncs(tmp_path, collections) for collections in (1, 41)]
    assert (counts[1] - counts[0]) / 40 <= 2.5


def _syncs(place: Path, collections: int) -> int:
    report = place / f"{collections}.txt"
    command = [_STRACE or "", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", str(report)]
    program = [sys.executable, "-c", _PROGRAM, str(place / f"{collections}.db"), str(collections)]
    subprocess.run([*command, *program], check=True, timeout=120)
    lines = [line.split() for line in report.read_text().splitlines() if line.rstrip().endswith("sync")]
    return sum(int(words[3]) for words in lines)
