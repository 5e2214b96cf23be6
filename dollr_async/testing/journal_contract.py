"""The contract of a journal, as tests that any implementation can run, with or without pytest."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import attrs

from dollr_async.journal.entry import Entry, Terms
from dollr_async.journal.protocol import Claim, Journal, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

_BEGAN = datetime(2026, 1, 31, 23, 59, 59, 250_001, tzinfo=UTC)
_RACERS = 10
_MOST_OF_A_LEASE = 0.7


def an_entry(*, began_at: datetime = _BEGAN) -> Entry:
    """Return a new payment, with a new reference and nothing done yet."""
    terms = Terms(key_id="8c1f", digest="5e" * 32, amount=Decimal("250.10"), currency="USD", lines="250.10 x 1")
    return Entry(reference_id=uuid4(), kind="COLLECTION", began_at=began_at, updated_at=began_at, terms=terms)


def a_full_entry(reference_id: UUID) -> Entry:
    """Return a payment with this reference in which no field has its default value."""
    return Entry(
        reference_id=reference_id,
        kind="PAYOUT",
        began_at=_BEGAN,
        updated_at=_BEGAN + timedelta(seconds=3),
        terms=Terms(key_id="77aa", digest="0f" * 32, amount=Decimal("1E+3"), currency=None, lines=""),
        step="execution",
        source_type="INVOICE",
        source_id=310,
        source_number="INV-2026-00001",
        party_id=11,
        counterparty_id=77,
        payment_account_id=204,
        session_id=2**40,
        session_expires_at=_BEGAN + timedelta(minutes=15),
        payer_currency="LRD",
        sends=3,
        session_sends=2,
        is_renewed=True,
        in_doubt=True,
        is_contested=True,
        status="AN_UNKNOWN_STATUS",
        outcome="COMPLETED",
    )


class JournalContract:
    """The contract tests for a journal. Subclass it, let `journal` open an empty journal of yours, and run the tests.

    pytest with pytest-asyncio collects a subclass whose name begins with `Test`. Without pytest, await `check()`. A
    test that fails raises an `AssertionError` that says what was expected.
    """

    def journal(self) -> AbstractAsyncContextManager[Journal]:
        """Return an async context manager that opens an empty journal. Every test opens one."""
        raise NotImplementedError("return an async context manager that opens an empty journal")

    @asynccontextmanager
    async def another(self, journal: Journal) -> AsyncIterator[Journal]:
        """Open a second journal on the same store, as another process would. By default it is the same journal."""
        yield journal

    async def pass_time(self, seconds: float) -> None:
        """Let `seconds` pass for the leases. By default it waits in real time: open your journal with a short lease."""
        await asyncio.sleep(seconds)

    async def check(self) -> None:
        """Run every test without pytest."""
        for name in dir(self):
            if name.startswith("test_"):
                await getattr(self, name)()

    async def test_it_is_a_journal(self) -> None:
        """It has every method of `Journal`, and its lease is longer than 0 seconds."""
        async with self.journal() as journal:
            _expect(isinstance(journal, Journal), "every method of Journal")
            _expect(journal.lease > 0, "a lease longer than 0 seconds")

    async def test_a_new_reference_is_kept_and_leased(self) -> None:
        """The first claim keeps the entry and takes the lease."""
        entry = an_entry()
        async with self.journal() as journal:
            claim = await journal.claim(entry)
            _expect(claim.is_new and claim.is_mine, "a claim that is new and holds the lease")
            _expect(claim.entry == entry, "the entry that was claimed")
            async with self.another(journal) as other:
                _expect(await other.read(entry.reference_id) == entry, "the entry to be readable by another process")

    async def test_an_unknown_reference_has_no_entry(self) -> None:
        """Reading returns None, settling and releasing change nothing, writing and renewing are refused."""
        entry = an_entry()
        async with self.journal() as journal:
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            await journal.release(entry.reference_id, 1)
            await _expect_lost(journal.write(entry, 1))
            await _expect_lost(journal.renew(entry.reference_id, 1))
            _expect(await journal.read(entry.reference_id) is None, "no entry for an unknown reference")

    async def test_a_live_run_keeps_its_lease(self) -> None:
        """A second claim, in this process or another, gets the present entry and no lease."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            first = await _claimed(journal, entry)
            written = attrs.evolve(entry, step="party", party_id=11)
            await journal.write(written, first)
            for claim in (await journal.claim(entry), await other.claim(entry)):
                _expect(not claim.is_mine and not claim.is_new, "a claim that is not new and holds no lease")
                _expect(claim.entry == written, "the entry as the live run wrote it")

    async def test_one_of_many_simultaneous_claims_gets_the_lease(self) -> None:
        """One claim gets the lease, and for that claim alone the reference is new."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            entries = [attrs.evolve(entry, step=f"run {number}") for number in range(_RACERS)]
            both = [journal, other] * (_RACERS // 2)
            claims = await asyncio.gather(*(one.claim(own) for one, own in zip(both, entries, strict=True)))
        winners = [(own, claim) for own, claim in zip(entries, claims, strict=True) if claim.is_mine or claim.is_new]
        _expect(len(winners) == 1, "one claim that holds the lease")
        _expect(winners[0][1].is_new, "the claim that holds the lease to be the one that is new")
        _expect(all(claim.entry == winners[0][0] for claim in claims), "every claim to find the winner's entry")

    async def test_a_claim_leaves_an_existing_entry_as_it_is(self) -> None:
        """A claim with different terms gets the terms of the first claim, also when it takes the lease."""
        entry = an_entry()
        async with self.journal() as journal:
            await journal.release(entry.reference_id, await _claimed(journal, entry))
            claim = await journal.claim(a_full_entry(entry.reference_id))
            _expect(claim.is_mine and not claim.is_new, "a claim that holds the lease and is not new")
            _expect(claim.entry == entry, "the entry of the first claim")
            _expect(await journal.read(entry.reference_id) == entry, "the entry of the first claim to be kept")

    async def test_a_released_lease_is_free(self) -> None:
        """Another process can take it, with a greater number. Nothing is written under the old number."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            old = await _claimed(journal, entry)
            await journal.release(entry.reference_id, old)
            await _expect_lost(journal.write(attrs.evolve(entry, sends=1), old))
            _expect(await _claimed(other, entry) > old, "a number that grows with every lease")
            _expect(await other.read(entry.reference_id) == entry, "nothing written under a released lease")

    async def test_a_run_whose_lease_expired_is_replaced_and_writes_nothing_more(self) -> None:
        """Another run takes the lease. The old run is refused, and cannot release the new lease."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            old = await _claimed(journal, entry)
            await self.pass_time(journal.lease * 1.1)
            new = await _claimed(other, entry)
            _expect(new > old, "a number that grows with every lease")
            await _expect_lost(journal.write(attrs.evolve(entry, sends=1), old))
            await _expect_lost(journal.renew(entry.reference_id, old))
            await journal.release(entry.reference_id, old)
            _expect(not (await journal.claim(entry)).is_mine, "the new run to keep its lease")
            _expect(await other.read(entry.reference_id) == entry, "nothing written under an old number")
            await other.write(attrs.evolve(entry, sends=1), new)

    async def test_writing_and_renewing_renew_the_lease(self) -> None:
        """After either, the lease lasts its full time again."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            number = await _claimed(journal, entry)
            await self.pass_time(journal.lease * _MOST_OF_A_LEASE)
            await journal.write(entry, number)
            await self.pass_time(journal.lease * _MOST_OF_A_LEASE)
            await journal.renew(entry.reference_id, number)
            await self.pass_time(journal.lease * _MOST_OF_A_LEASE)
            _expect(not (await other.claim(entry)).is_mine, "a renewed lease not to expire")

    async def test_every_field_is_kept_exactly(self) -> None:
        """Exact amounts, times to the microsecond, unknown words, and None."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            number = await _claimed(journal, entry)
            for wanted in (a_full_entry(entry.reference_id), entry):
                await journal.write(wanted, number)
                found = await other.read(entry.reference_id)
                _expect(found == wanted, f"{wanted!r}, not {found!r}")

    async def test_settling_needs_no_lease(self) -> None:
        """A status can be kept while another run holds the lease."""
        entry = an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            number = await _claimed(journal, entry)
            await other.settle(entry.reference_id, "PROCESSING", None)
            _expect(await _state(journal, entry) == ("PROCESSING", None), "the status, and no outcome")
            await other.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            _expect(await _state(journal, entry) == ("COMPLETED", "COMPLETED"), "the status and the outcome")
            await journal.renew(entry.reference_id, number)

    async def test_an_outcome_is_never_replaced(self) -> None:
        """A status that arrives late changes neither the outcome nor its status."""
        entry = an_entry()
        async with self.journal() as journal:
            await _claimed(journal, entry)
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            await journal.settle(entry.reference_id, "PROCESSING", None)
            await journal.settle(entry.reference_id, "FAILED", "FAILED")
            _expect(await _state(journal, entry) == ("COMPLETED", "COMPLETED"), "the first outcome to stay")

    async def test_unfinished_lists_the_open_entries_the_oldest_first(self) -> None:
        """It lists entries without a lease or with an expired one, and no entry with an outcome."""
        ages = (2, 0, 1, 3)
        entries = [an_entry(began_at=_BEGAN + timedelta(microseconds=age)) for age in ages]
        finished, live = an_entry(), an_entry()
        async with self.journal() as journal, self.another(journal) as other:
            for entry in (*entries, finished):
                await journal.release(entry.reference_id, await _claimed(journal, entry))
            await journal.settle(finished.reference_id, "FAILED", "FAILED")
            number = await _claimed(journal, live)
            wanted = sorted(entries, key=lambda entry: entry.began_at)
            _expect(await other.unfinished() == wanted, "the open entries that no live run works on, the oldest first")
            everything = {entry.reference_id for entry in await other.unfinished(with_live=True)}
            _expect(
                everything == {entry.reference_id for entry in (*entries, live)},
                "all open entries, also those that a live run works on",
            )
            await journal.write(attrs.evolve(live, began_at=_BEGAN - timedelta(days=1)), number)
            await self.pass_time(journal.lease * 1.1)
            listed = [entry.reference_id for entry in await other.unfinished()]
            _expect(listed[0] == live.reference_id, "an entry whose lease has expired")


async def _claimed(journal: Journal, entry: Entry) -> int:
    claim: Claim = await journal.claim(entry)
    if claim.number is None:
        raise AssertionError("expected of this journal: a free lease")
    return claim.number


async def _state(journal: Journal, entry: Entry) -> tuple[str | None, str | None]:
    found = await journal.read(entry.reference_id)
    _expect(found is not None, "the entry to be there")
    return (None, None) if found is None else (found.status, found.outcome)


async def _expect_lost(call: Awaitable[None]) -> None:
    try:
        await call
    except LeaseLostError:
        return
    raise AssertionError("expected of this journal: a LeaseLostError, since that run does not hold the lease")


def _expect(truth: bool, wanted: str) -> None:  # noqa: FBT001 - it stands for assert, which -O would remove
    if not truth:
        raise AssertionError(f"expected of this journal: {wanted}")
