"""The contract of a journal that finds outcomes without a lease, as tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.journal.outcome_protocol import SearchableOutcomeJournal
from dollr_async.testing.support import StoreContract, an_entry, claimed, expect

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.journal.outcome_protocol import EndedPayment

_MOST_PAGES = 20


class SearchableOutcomeJournalContract(StoreContract[SearchableOutcomeJournal]):
    """The contract tests for the methods of `SearchableOutcomeJournal`. They are used as those of `JournalContract`."""

    async def test_it_is_a_searchable_journal(self) -> None:
        """It has every method of `SearchableOutcomeJournal`."""
        async with self.journal() as journal:
            expect(isinstance(journal, SearchableOutcomeJournal), "every method of SearchableOutcomeJournal")

    async def test_an_outcome_is_found_by_its_reference_until_it_is_handled(self) -> None:
        """Not while the payment is open, and not for an unknown one; a hand-out does not hide it."""
        async with self.journal() as journal, self.another(journal) as other:
            reference = await _released(journal)
            expect(await other.unhandled(reference) is None, "an open payment to have no outcome")
            expect(await other.unhandled(an_entry().reference_id) is None, "an unknown payment to have no outcome")
            await journal.settle(reference, "FAILED", "FAILED")
            await journal.hand_out(lease=60.0)
            found = await other.unhandled(reference)
            expect(found is not None, "the outcome that another process handles just now")
            if found is not None:
                expect(found.entry == await journal.read(reference), "the entry as it is kept")
                await other.mark_handled(found)
            expect(await journal.unhandled(reference) is None, "a handled outcome not to be found")

    async def test_an_outcome_is_not_found_while_a_live_run_works_on_it(self) -> None:
        """The run may still say more about it."""
        async with self.journal() as journal:
            entry = an_entry()
            number = await claimed(journal, entry)
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            live = await journal.unhandled(entry.reference_id)
            expect(live is None, "no outcome while the run holds its lease")
            expect(await journal.unhandled_page(None, limit=5) == [], "no page with it")
            await journal.release(entry.reference_id, number)
            expect(await journal.unhandled(entry.reference_id) is not None, "the outcome after the run's end")

    async def test_pages_have_each_outcome_once_in_the_order_of_their_ends(self) -> None:
        """Whatever the size of a page; without those that are handled or open."""
        async with self.journal() as journal, self.another(journal) as other:
            references = [await _released(journal) for _ in range(6)]
            for reference in references[:5]:
                await journal.settle(reference, "COMPLETED", "COMPLETED")
            first = await journal.unhandled(references[0])
            if first is not None:
                await journal.mark_handled(first)
            for limit in (1, 2, 10):
                found = await _pages(other, limit)
                ended = [(one.ended_at, one.entry.reference_id) for one in found]
                expect(ended == sorted(ended), "the first that ended to be first")
                expect({name for _, name in ended} == set(references[1:5]), f"each once, in pages of {limit}")
                expect(len(ended) == len(references[1:5]), f"none twice, in pages of {limit}")


async def _released(journal: SearchableOutcomeJournal) -> UUID:
    entry = an_entry()
    await journal.release(entry.reference_id, await claimed(journal, entry))
    return entry.reference_id


async def _pages(journal: SearchableOutcomeJournal, limit: int) -> list[EndedPayment]:
    found: list[EndedPayment] = []
    for _ in range(_MOST_PAGES):
        page = await journal.unhandled_page(found[-1] if found else None, limit=limit)
        if not page:
            return found
        found += page
    raise AssertionError("expected of this journal: pages that come to an end")
