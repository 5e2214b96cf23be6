"""The contract tests for outcomes and narrow questions: our journals pass them, one with one mistake does not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async.base.errors import InvalidInputError
from dollr_async.journal import MemoryJournal
from dollr_async.testing import IndexedJournalContract, OutcomeJournalContract
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from tests.journal.stores import MemoryStore, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from uuid import UUID

    from dollr_async.journal import EndedPayment, Entry, OpenPayment
    from dollr_async.journal.memory import _Stored


class TestMemoryOutcomes(MemoryStore, OutcomeJournalContract):
    """The outcomes in memory."""


class TestMemoryIndexes(MemoryStore, IndexedJournalContract):
    """The narrow questions to a journal in memory."""


class TestSQLiteOutcomes(SQLiteStore, OutcomeJournalContract):
    """The outcomes in a file."""


class TestSQLiteIndexes(SQLiteStore, IndexedJournalContract):
    """The narrow questions to a file."""


class HandsOutTwice(MemoryJournal):
    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        return await super().hand_out(lease=0.0)


class ForgetsTheMark(MemoryJournal):
    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        await self.renew_hand_out(ended.entry.reference_id, ended.number, lease=1e9)


class MarksAnyEnd(MemoryJournal):
    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        stored = self._unhandled.get(ended.entry.reference_id)
        present = ended if stored is None or stored.ended_at is None else attrs.evolve(ended, ended_at=stored.ended_at)
        await super().mark_handled(present)


class GivesBackForAnybody(MemoryJournal):
    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        await super().give_back(reference_id, self._stored[reference_id].hand_out_number, delay=delay)


class HandsOutLiveRuns(MemoryJournal):
    def _is_live(self, stored: _Stored) -> bool:
        return stored.entry.outcome is None and super()._is_live(stored)


class FollowsForDeadWorkers(MemoryJournal):
    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        return await super().follow(worker, limit=limit, lease=1e9, is_early=is_early)


class PutsNothingOff(MemoryJournal):
    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        await super().stop_following(worker, reference_id)


class PurgesWhatIsNotHandled(MemoryJournal):
    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        self._stored = {name: stored for name, stored in self._stored.items() if stored.ended_at is None}
        return await super().purge(handled_before=handled_before, limit=limit)


class ClosesWhatHasEnded(MemoryJournal):
    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        stored = self._stored[reference_id]
        self._replace(stored, attrs.evolve(stored.entry, outcome=outcome))
        stored.reason = reason


class ForgetsNotExecuted(MemoryJournal):
    async def has_work(self, *, since: datetime) -> bool:
        return bool(self._unhandled or self._open)


@pytest.mark.parametrize(
    "wrong",
    [
        HandsOutTwice,
        ForgetsTheMark,
        MarksAnyEnd,
        GivesBackForAnybody,
        HandsOutLiveRuns,
        FollowsForDeadWorkers,
        PutsNothingOff,
        PurgesWhatIsNotHandled,
        ClosesWhatHasEnded,
        ForgetsNotExecuted,
    ],
)
async def test_a_journal_with_one_mistake_does_not_pass(wrong: type[MemoryJournal]) -> None:
    class Contract(OutcomeJournalContract):
        @asynccontextmanager
        async def journal(self) -> AsyncIterator[MemoryJournal]:
            yield wrong()

    with pytest.raises((AssertionError, KeyError)):
        await Contract().check()


_KINDS = ("INVOICE", "ORDER")


class PagesTwice(MemoryJournal):
    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        found = await super().unfinished_page(after, limit=limit, with_live=with_live)
        return found if after is None or not found else [after, *found[:-1]]


class PagesOfLiveRuns(MemoryJournal):
    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        return await super().unfinished_page(after, limit=limit, with_live=True)


class MixesDocuments(MemoryJournal):
    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        kinds = [
            await super(MixesDocuments, self).unfinished_of_source(kind, source_id) for kind in ("INVOICE", "ORDER")
        ]
        return [one for kind in kinds for one in kind]


class KeepsRunsAlive(MemoryJournal):
    async def is_live(self, reference_id: UUID) -> bool:
        return reference_id in self._stored


@pytest.mark.parametrize("wrong", [PagesTwice, PagesOfLiveRuns, MixesDocuments, KeepsRunsAlive])
async def test_an_indexed_journal_with_one_mistake_does_not_pass(wrong: type[MemoryJournal]) -> None:
    class Contract(IndexedJournalContract):
        @asynccontextmanager
        async def journal(self) -> AsyncIterator[MemoryJournal]:
            yield wrong()

    with pytest.raises(AssertionError):
        await Contract().check()


async def test_a_journal_without_transactions_refuses_a_connection_and_says_what_has_them() -> None:
    journal = MemoryJournal()
    await executed(journal, outcome="COMPLETED")
    ended = await handed_out(journal)
    with pytest.raises(InvalidInputError, match=r"without a connection.*PostgresJournal"):
        await journal.mark_handled(ended, object())
    await journal.mark_handled(ended)
