"""The contract that every journal keeps to: held by both of ours, and broken by journals that are wrong in one way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async.base.errors import InvalidInputError
from dollr_async.journal import Claim, Entry, LeaseLostError, MemoryJournal, SQLiteJournal
from dollr_async.journal.guarded import Guarded
from dollr_async.testing.journal_contract import JournalContract, an_entry
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from dollr_async.journal import Journal


class SetClock(SQLiteJournal):
    """A journal on a clock that the test sets."""

    time = 1000.0

    @staticmethod
    def _now() -> float:
        return SetClock.time


class TestMemoryJournal(JournalContract):
    @asynccontextmanager
    async def journal(self) -> AsyncIterator[MemoryJournal]:
        yield MemoryJournal()


class TestGuardedJournal(JournalContract):
    """What a client puts before a journal is one itself."""

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[Guarded]:
        yield Guarded(MemoryJournal())


class TestSQLiteJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "payments.db"

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[SQLiteJournal]:
        async with SetClock(self.path) as journal:
            yield journal

    @asynccontextmanager
    async def another(self, journal: Journal) -> AsyncIterator[SQLiteJournal]:
        async with SetClock(self.path) as other:
            yield other

    async def pass_time(self, seconds: float) -> None:
        SetClock.time += seconds


class Forgets(MemoryJournal):
    async def write(self, entry: Entry, number: int) -> None:
        await self.renew(entry.reference_id, number)


class Overwrites(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        claim = await super().claim(entry)
        if claim.number is not None:
            await self.write(entry, claim.number)
        return attrs.evolve(claim, entry=entry)


class GivesToAll(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        claim = await super().claim(entry)
        return attrs.evolve(claim, number=claim.number or 1)


class GivesToNone(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        return attrs.evolve(await super().claim(entry), number=None)


class CountsNot(MemoryJournal):
    async def release(self, reference_id: UUID, number: int) -> None:
        self._kept[reference_id].number -= 1
        await super().release(reference_id, number - 1)


class KeepsNoNumber(MemoryJournal):
    async def write(self, entry: Entry, number: int) -> None:
        self._kept[entry.reference_id].entry = entry


class NeverLetsGo(MemoryJournal):
    async def release(self, reference_id: UUID, number: int) -> None:
        pass


class SettlesAgain(MemoryJournal):
    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        if reference_id in self._kept:
            kept = self._kept[reference_id]
            kept.entry = attrs.evolve(kept.entry, status=status, outcome=outcome)


class ListsAnyhow(MemoryJournal):
    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        return (await super().unfinished(with_live=with_live))[::-1]


@pytest.mark.parametrize(
    "wrong",
    [Forgets, Overwrites, GivesToAll, GivesToNone, CountsNot, KeepsNoNumber, NeverLetsGo, SettlesAgain, ListsAnyhow],
)
async def test_a_journal_that_is_wrong_in_one_way_does_not_pass(wrong: type[MemoryJournal]) -> None:
    class Contract(JournalContract):
        @asynccontextmanager
        async def journal(self) -> AsyncIterator[MemoryJournal]:
            yield wrong()

    with pytest.raises((AssertionError, KeyError)):
        await Contract().check()


async def test_the_contract_runs_without_pytest() -> None:
    await TestMemoryJournal().check()


async def test_a_contract_without_a_journal_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="opens an empty journal"):
        await JournalContract().check()


@pytest.mark.parametrize("lease", [0, -1.0, float("inf"), float("nan"), True, "15", 10**400])
def test_a_lease_that_is_no_time_is_refused(lease: float, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="lease is a number of seconds above zero"):
        MemoryJournal(lease=lease)
    with pytest.raises(InvalidInputError, match="lease is a number of seconds above zero"):
        SQLiteJournal(tmp_path / "payments.db", lease=lease)


def test_the_refusal_of_a_lease_shows_it() -> None:
    with pytest.raises(InvalidInputError, match=r"it was -1\.0"):
        MemoryJournal(lease=-1.0)


async def test_the_lease_can_be_read(tmp_path: Path) -> None:
    assert MemoryJournal(lease=3).lease == SQLiteJournal(tmp_path / "payments.db", lease=3).lease == 3.0
    assert MemoryJournal().lease == SQLiteJournal(tmp_path / "payments.db").lease == 15.0


async def test_a_silent_run_that_nobody_replaced_may_go_on() -> None:
    journal, entry = MemoryJournal(lease=1), an_entry()
    claim = await journal.claim(entry)
    await JournalContract().pass_time(1000)
    assert claim.number is not None
    await journal.write(entry, claim.number)
    assert await journal.unfinished() == []


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal])
async def test_a_claim_says_whose_it_is_and_whether_it_is_the_first(
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
async def test_a_lease_that_was_lost_names_its_payment(
    kind: type[MemoryJournal | SQLiteJournal], tmp_path: Path
) -> None:
    journal = MemoryJournal() if kind is MemoryJournal else SQLiteJournal(tmp_path / "payments.db")
    entry = an_entry()
    await journal.claim(entry)
    for lost in (journal.write(entry, 2), journal.renew(entry.reference_id, 2)):
        with pytest.raises(LeaseLostError, match=f"^payment {entry.reference_id} is no longer this run's"):
            await lost
    if isinstance(journal, SQLiteJournal):
        await journal.close()


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal])
async def test_when_a_status_was_seen_is_kept_in_utc(kind: type[MemoryJournal | SQLiteJournal], tmp_path: Path) -> None:
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


async def test_a_lease_in_memory_lives_as_long_as_it_was_told_to() -> None:
    journal, entry = MemoryJournal(lease=20.0), an_entry()
    number = (await journal.claim(entry)).number
    assert number == 1
    for is_written in (True, False):
        await asyncio.sleep(19.9)
        assert not (await journal.claim(entry)).is_mine
        await (journal.write(entry, 1) if is_written else journal.renew(entry.reference_id, 1))
    await asyncio.sleep(20.0)
    assert (await journal.claim(entry)).number == 2


async def test_a_lease_in_memory_may_go_by_a_clock_of_the_callers() -> None:
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
