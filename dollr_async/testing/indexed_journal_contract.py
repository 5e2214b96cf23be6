"""The contract of a journal that finds a few open payments without reading all, as tests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from dollr_async.journal.outcome_protocol import IndexedJournal
from dollr_async.testing.support import BEGAN, StoreContract, an_entry, claimed, expect

if TYPE_CHECKING:
    from dollr_async.journal.entry import Entry


_MOST_PAGES = 20


class IndexedJournalContract(StoreContract[IndexedJournal]):
    """The contract tests for the methods of `IndexedJournal`. They are used as those of `JournalContract` are."""

    async def test_it_is_an_indexed_journal(self) -> None:
        """It has every method of `IndexedJournal`."""
        async with self.journal() as journal:
            expect(isinstance(journal, IndexedJournal), "every method of IndexedJournal")

    async def test_pages_list_every_open_entry_once_in_order(self) -> None:
        """By start time, then by reference, whatever the size of a page."""
        ages = (3, 1, 1, 0, 2, 1)
        entries = [an_entry(began_at=BEGAN + timedelta(microseconds=age)) for age in ages]
        async with self.journal() as journal, self.another(journal) as other:
            for entry in entries:
                await journal.release(entry.reference_id, await claimed(journal, entry))
            wanted = sorted(entries, key=lambda entry: (entry.began_at, entry.reference_id))
            for limit in (1, 2, len(entries) + 1):
                found = await _pages(other, limit)
                expect(found == wanted, f"each open entry once and in order, in pages of {limit}")

    async def test_pages_leave_out_what_ended_and_what_a_live_run_works_on(self) -> None:
        """`with_live` adds the latter; a page is full although some were left out."""
        async with self.journal() as journal:
            entries = [an_entry(began_at=BEGAN + timedelta(seconds=number)) for number in range(5)]
            for entry in entries:
                number = await claimed(journal, entry)
                if entry is not entries[1]:
                    await journal.release(entry.reference_id, number)
            await journal.settle(entries[0].reference_id, "FAILED", "FAILED")
            expect(await _pages(journal, 2) == entries[2:], "the open entries without a live run")
            live = await journal.unfinished_page(None, limit=2, with_live=True)
            expect(live == entries[1:3], "with_live to add those that a live run works on")

    async def test_the_payments_of_a_document_are_found(self) -> None:
        """Open ones only, and which of them a live run works on."""
        async with self.journal() as journal, self.another(journal) as other:
            live, stopped, ended, elsewhere = (an_entry() for _ in range(4))
            for entry, source_id in ((live, 310), (stopped, 310), (ended, 310), (elsewhere, 311)):
                number = await claimed(journal, entry)
                await journal.write(attrs.evolve(entry, source_type="INVOICE", source_id=source_id), number)
                if entry is not live:
                    await journal.release(entry.reference_id, number)
            await journal.settle(ended.reference_id, "COMPLETED", "COMPLETED")
            found = await other.unfinished_of_source("INVOICE", 310)
            expect(
                {(one.entry.reference_id, one.is_live) for one in found}
                == {(live.reference_id, True), (stopped.reference_id, False)},
                "the open payments of the document, and whether each is live",
            )
            expect(await other.unfinished_of_source("ORDER", 310) == [], "an order to be another document")

    async def test_it_says_whether_a_live_run_works_on_a_payment(self) -> None:
        """Not when the lease was given back or has expired, nor when the payment ended, nor for an unknown one."""
        async with self.journal() as journal, self.another(journal) as other:
            entry, ended = an_entry(), an_entry()
            await claimed(journal, ended)
            await journal.settle(ended.reference_id, "COMPLETED", "COMPLETED")
            expect(not await other.is_live(ended.reference_id), "an ended payment not to be live")
            expect(not await other.is_live(entry.reference_id), "an unknown payment not to be live")
            number = await claimed(journal, entry)
            expect(await other.is_live(entry.reference_id), "a live run to be seen by another process")
            await journal.release(entry.reference_id, number)
            expect(not await other.is_live(entry.reference_id), "no live run after its release")
            await claimed(journal, entry)
            await self.pass_time(journal.lease * 1.1)
            expect(not await other.is_live(entry.reference_id), "no live run after its lease")


async def _pages(journal: IndexedJournal, limit: int) -> list[Entry]:
    found: list[Entry] = []
    after: Entry | None = None
    for _ in range(_MOST_PAGES):
        page = await journal.unfinished_page(after, limit=limit)
        if not page:
            return found
        found += page
        after = page[-1]
    raise AssertionError("expected of this journal: pages that come to an end")
