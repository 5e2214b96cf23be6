"""The contract tests for journals: our journals pass them, and a journal with one mistake does not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async.base.errors import InvalidInputError
from dollr_async.journal import Claim, Entry, LeaseLostError, MemoryJournal, SQLiteJournal
from dollr_async.journal.translating_journal import TranslatingJournal
from dollr_async.testing.journal_contract import JournalContract
from dollr_async.testing.support import an_entry
from tests.journal.stores import MemoryStore, SQLiteStore
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID


class TestMemoryJournal(MemoryStore, JournalContract):
    """A journal in memory."""


class TestTranslatingJournal(JournalContract):
    """The wrapper that a client puts around a journal is a journal itself."""

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[TranslatingJournal]:
        yield TranslatingJournal(MemoryJournal())


class TestSQLiteJournal(SQLiteStore, JournalContract):
    """A journal in a file."""


class DropsWrites(MemoryJournal):
    async def write(self, entry: Entry, number: int) -> None:
        await self.renew(entry.reference_id, number)


class OverwritesOnClaim(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        claim = await super().claim(entry)
        if claim.number is not None:
            await self.write(entry, claim.number)
        return attrs.evolve(claim, entry=entry)


class LeasesToEveryRun(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        claim = await super().claim(entry)
        return attrs.evolve(claim, number=claim.number or 1)


class LeasesToNoRun(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        return attrs.evolve(await super().claim(entry), number=None)


class LowersTheNumber(MemoryJournal):
    async def release(self, reference_id: UUID, number: int) -> None:
        self._stored[reference_id].lease_number -= 1
        await super().release(reference_id, number - 1)


class WritesUnderAnyNumber(MemoryJournal):
    async def write(self, entry: Entry, number: int) -> None:
        self._stored[entry.reference_id].entry = entry


class NeverReleases(MemoryJournal):
    async def release(self, reference_id: UUID, number: int) -> None:
        pass


class ReplacesAnOutcome(MemoryJournal):
    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        if reference_id in self._stored:
            stored = self._stored[reference_id]
            stored.entry = attrs.evolve(stored.entry, status=status, outcome=outcome)


class ListsInReverse(MemoryJournal):
    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        return (await super().unfinished(with_live=with_live))[::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        DropsWrites,
        OverwritesOnClaim,
        LeasesToEveryRun,
        LeasesToNoRun,
        LowersTheNumber,
        WritesUnderAnyNumber,
        NeverReleases,
        ReplacesAnOutcome,
        ListsInReverse,
    ],
)
async def test_a_journal_with_one_mistake_does_not_pass(wrong: type[MemoryJournal]) -> None:
    class Contract(JournalContract):
        @asynccontextmanager
        async def journal(self) -> AsyncIterator[MemoryJournal]:
            yield wrong()

    with pytest.raises((AssertionError, KeyError)):
        await Contract().check()


async def test_the_contract_runs_without_pytest() -> None:
    await TestMemoryJournal().check()


async def test_a_contract_without_a_journal_says_what_to_implement() -> None:
    with pytest.raises(NotImplementedError, match="opens an empty journal"):
        await JournalContract().check()


@pytest.mark.parametrize("lease", [0, -1.0, float("inf"), float("nan"), True, "15", 10**400])
def test_a_lease_that_is_not_a_number_of_seconds_is_refused(lease: float, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="lease must be a number of seconds above 0"):
        MemoryJournal(lease=lease)
    with pytest.raises(InvalidInputError, match="lease must be a number of seconds above 0"):
        SQLiteJournal(tmp_path / "payments.db", lease=lease)


def test_the_refusal_of_a_lease_shows_its_value() -> None:
    with pytest.raises(InvalidInputError, match=r"not -1\.0"):
        MemoryJournal(lease=-1.0)


async def test_the_lease_can_be_read(tmp_path: Path) -> None:
    assert MemoryJournal(lease=3).lease == SQLiteJournal(tmp_path / "payments.db", lease=3).lease == 3.0
    assert MemoryJournal().lease == SQLiteJournal(tmp_path / "payments.db").lease == 15.0


async def test_a_run_whose_lease_expired_continues_when_no_other_run_took_it() -> None:
    journal, entry = MemoryJournal(lease=1), an_entry()
    claim = await journal.claim(entry)
    await JournalContract().pass_time(1000)
    assert claim.number is not None
    await journal.write(entry, claim.number)
    assert await journal.unfinished() == []


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal])
async def test_a_claim_says_whether_it_holds_the_lease_and_whether_it_is_the_first(
    kind: type[MemoryJournal | SQLiteJournal], tmp_path: Path
) -> None:
    journal = MemoryJournal() if kind is MemoryJournal else SQLiteJournal(tmp_path / "payments.db")
    entry = an_entry()
    first, second = await journal.claim(entry), await journal.claim(entry)
    await journal.release(entry.reference_id, 1)
    third = await journal.claim(entry)
    assert (first, second, third) == (
        Claim(entry=entry, number=1, is_new=True),
        Claim(entry=entry, number=None, is_new=False),
        Claim(entry=entry, number=2, is_new=False),
    )
    if isinstance(journal, SQLiteJournal):
        await journal.close()


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal])
async def test_the_error_of_a_lost_lease_names_the_payment(
    kind: type[MemoryJournal | SQLiteJournal], tmp_path: Path
) -> None:
    journal = MemoryJournal() if kind is MemoryJournal else SQLiteJournal(tmp_path / "payments.db")
    entry = an_entry()
    await journal.claim(entry)
    for lost in (journal.write(entry, 2), journal.renew(entry.reference_id, 2)):
        with pytest.raises(LeaseLostError, match=f"^this run no longer works on payment {entry.reference_id}"):
            await lost
    if isinstance(journal, SQLiteJournal):
        await journal.close()


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal])
async def test_the_time_of_a_status_is_kept_in_utc(kind: type[MemoryJournal | SQLiteJournal], tmp_path: Path) -> None:
    journal = MemoryJournal() if kind is MemoryJournal else SQLiteJournal(tmp_path / "payments.db")
    entry = an_entry()
    await journal.claim(entry)
    await journal.settle(entry.reference_id, "PENDING", None)
    found = await journal.read(entry.reference_id)
    assert found is not None
    assert found.updated_at.utcoffset() == timedelta(0)
    assert timedelta(0) <= datetime.now(UTC) - found.updated_at < timedelta(minutes=1)
    if isinstance(journal, SQLiteJournal):
        await journal.close()


async def test_a_lease_in_memory_expires_after_its_seconds() -> None:
    journal, entry = MemoryJournal(lease=20.0), an_entry()
    number = (await journal.claim(entry)).number
    assert number == 1
    for is_written in (True, False):
        await asyncio.sleep(19.9)
        assert not (await journal.claim(entry)).is_mine
        await (journal.write(entry, 1) if is_written else journal.renew(entry.reference_id, 1))
    await asyncio.sleep(20.0)
    assert (await journal.claim(entry)).number == 2


async def test_a_lease_in_memory_can_use_the_callers_clock() -> None:
    class Set(FakeClock):
        seconds = 1000.0

        def monotonic(self) -> float:
            return self.seconds

    clock, entry = Set(), an_entry()
    journal = MemoryJournal(lease=20.0, clock=clock)
    await journal.claim(entry)
    await asyncio.sleep(20.0)
    assert not (await journal.claim(entry)).is_mine
    clock.seconds = 1020.0
    assert (await journal.claim(entry)).is_mine
