"""The contract of a journal, as tests that any implementation can run, with or without pytest."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs

from dollr_async.journal.protocol import Journal
from dollr_async.testing.support import (
    BEGAN,
    StoreContract,
    a_full_entry,
    an_entry,
    claimed,
    expect,
    expect_lost,
    state,
)

_RACERS = 10
_MOST_OF_A_LEASE = 0.7


class JournalContract(StoreContract[Journal]):
    """The contract tests for a journal. Subclass it, let `journal` open an empty journal of yours, and run the tests.

    pytest with pytest-asyncio collects a subclass whose name begins with `Test`. Without pytest, await `check()`. A
    test that fails raises an `AssertionError` that says what was expected.
    """

    async def test_it_is_a_journal(self) -> None:
        """It has every method of `Journal`, and its lease is longer than 0 seconds."""
        async with self.journal() as journal:
            expect(isinstance(journal, Journal), "every method of Journal")
            expect(journal.lease > 0, "a lease longer than 0 seconds")

    async def test_a_new_reference_is_kept_and_leased(self) -> None:
        """The first claim keeps the entry and takes the lease."""
        entry = an_entry()
        async with self.journal() as journal:
            claim = await journal.claim(entry)
            expect(claim.is_new and claim.is_mine, "a claim that is new and holds the lease")
            expect(claim.entry == entry, "the entry that was claimed")
            async with self.another(journal) as other:
                expect(await other.read(entry.reference_id) == entry, "the entry to be readable by another process")

    async def test_an_unknown_reference_has_no_entry(self) -> None:
        """Reading returns None, settling and releasing change nothing, writing and renewing are refused."""
        entry = an_entry()
        async with self.journal() as journal:
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            await journal.release(entry.reference_id, 1)
            await expect_lost(journal.write(entry, 1))
            await expect_lost(journal.renew(entry.reference_id, 1))
            expect(await journal.read(entry.reference_id) is None, "no entry for an unknown reference")

    async def test_a_live_run_keeps_its_lease(self) -> None:
        """A second claim, in this process or another, gets the present entry and no lease."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            first = await claimed(journal, entry)
            written = attrs.evolve(entry, step="party", party_id=11)
            await journal.write(written, first)
            for claim in (await journal.claim(entry), await other.claim(entry)):
                expect(not claim.is_mine and not claim.is_new, "a claim that is not new and holds no lease")
                expect(claim.entry == written, "the entry as the live run wrote it")

    async def test_one_of_many_simultaneous_claims_gets_the_lease(self) -> None:
        """One claim gets the lease, and for that claim alone the reference is new."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            entries = [attrs.evolve(entry, step=f"run {number}") for number in range(_RACERS)]
            both = [journal, other] * (_RACERS // 2)
            claims = await asyncio.gather(*(one.claim(own) for one, own in zip(both, entries, strict=True)))
        winners = [(own, claim) for own, claim in zip(entries, claims, strict=True) if claim.is_mine or claim.is_new]
        expect(len(winners) == 1, "one claim that holds the lease")
        expect(winners[0][1].is_new, "the claim that holds the lease to be the one that is new")
        expect(all(claim.entry == winners[0][0] for claim in claims), "every claim to find the winner's entry")

    async def test_a_claim_leaves_an_existing_entry_as_it_is(self) -> None:
        """A claim with different terms gets the terms of the first claim, also when it takes the lease."""
        entry = an_entry()
        async with self.journal() as journal:
            await journal.release(entry.reference_id, await claimed(journal, entry))
            claim = await journal.claim(a_full_entry(entry.reference_id))
            expect(claim.is_mine and not claim.is_new, "a claim that holds the lease and is not new")
            expect(claim.entry == entry, "the entry of the first claim")
            expect(await journal.read(entry.reference_id) == entry, "the entry of the first claim to be kept")

    async def test_a_released_lease_is_free(self) -> None:
        """Another process can take it, with a greater number. Nothing is written under the old number."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            old = await claimed(journal, entry)
            await journal.release(entry.reference_id, old)
            await expect_lost(journal.write(attrs.evolve(entry, sends=1), old))
            expect(await claimed(other, entry) > old, "a number that grows with every lease")
            expect(await other.read(entry.reference_id) == entry, "nothing written under a released lease")

    async def test_a_run_whose_lease_expired_is_replaced_and_writes_nothing_more(self) -> None:
        """Another run takes the lease. The old run is refused, and cannot release the new lease."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            old = await claimed(journal, entry)
            await self.pass_time(journal.lease * 1.1)
            new = await claimed(other, entry)
            expect(new > old, "a number that grows with every lease")
            await expect_lost(journal.write(attrs.evolve(entry, sends=1), old))
            await expect_lost(journal.renew(entry.reference_id, old))
            await journal.release(entry.reference_id, old)
            expect(not (await journal.claim(entry)).is_mine, "the new run to keep its lease")
            expect(await other.read(entry.reference_id) == entry, "nothing written under an old number")
            await other.write(attrs.evolve(entry, sends=1), new)

    async def test_writing_and_renewing_renew_the_lease(self) -> None:
        """After either, the lease lasts its full time again."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            number = await claimed(journal, entry)
            await self.pass_time(journal.lease * _MOST_OF_A_LEASE)
            await journal.write(entry, number)
            await self.pass_time(journal.lease * _MOST_OF_A_LEASE)
            await journal.renew(entry.reference_id, number)
            await self.pass_time(journal.lease * _MOST_OF_A_LEASE)
            expect(not (await other.claim(entry)).is_mine, "a renewed lease not to expire")

    async def test_every_field_is_kept_exactly(self) -> None:
        """Exact amounts, times to the microsecond, unknown words, and None."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            number = await claimed(journal, entry)
            for wanted in (a_full_entry(entry.reference_id), entry):
                await journal.write(wanted, number)
                found = await other.read(entry.reference_id)
                expect(found == wanted, f"{wanted!r}, not {found!r}")

    async def test_settling_needs_no_lease(self) -> None:
        """A status can be kept while another run holds the lease."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            number = await claimed(journal, entry)
            await other.settle(entry.reference_id, "PROCESSING", None)
            expect(await state(journal, entry) == ("PROCESSING", None), "the status, and no outcome")
            await other.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            expect(await state(journal, entry) == ("COMPLETED", "COMPLETED"), "the status and the outcome")
            await journal.renew(entry.reference_id, number)

    async def test_an_outcome_is_never_replaced(self) -> None:
        """A status that arrives late changes neither the outcome nor its status."""
        entry = an_entry()
        async with self.journal() as journal:
            await claimed(journal, entry)
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            await journal.settle(entry.reference_id, "PROCESSING", None)
            await journal.settle(entry.reference_id, "FAILED", "FAILED")
            expect(await state(journal, entry) == ("COMPLETED", "COMPLETED"), "the first outcome to stay")

    async def test_unfinished_lists_the_open_entries_the_oldest_first(self) -> None:
        """It lists entries without a lease or with an expired one, and no entry with an outcome."""
        ages = (2, 0, 1, 3)
        entries = [an_entry(began_at=BEGAN + timedelta(microseconds=age)) for age in ages]
        finished, live = an_entry(), an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            for entry in (*entries, finished):
                await journal.release(entry.reference_id, await claimed(journal, entry))
            await journal.settle(finished.reference_id, "FAILED", "FAILED")
            number = await claimed(journal, live)
            wanted = sorted(entries, key=lambda entry: entry.began_at)
            expect(await other.unfinished() == wanted, "the open entries that no live run works on, the oldest first")
            everything = {entry.reference_id for entry in await other.unfinished(with_live=True)}
            expect(
                everything == {entry.reference_id for entry in (*entries, live)},
                "all open entries, also those that a live run works on",
            )
            await journal.write(attrs.evolve(live, began_at=BEGAN - timedelta(days=1)), number)
            await self.pass_time(journal.lease * 1.1)
            listed = [entry.reference_id for entry in await other.unfinished()]
            expect(listed[0] == live.reference_id, "an entry whose lease has expired")
