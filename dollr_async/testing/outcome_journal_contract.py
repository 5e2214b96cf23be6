"""The contract of a journal that hands outcomes out until they are handled, as tests."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import attrs

from dollr_async.base.errors import AlreadyHandledError, JournalError
from dollr_async.journal.entry import REFUSED, Entry
from dollr_async.journal.outcome_protocol import EndedPayment, OutcomeJournal
from dollr_async.testing.support import BEGAN, StoreContract, an_entry, claimed, expect

if TYPE_CHECKING:
    from collections.abc import Awaitable

_SETTLED = 10
_LATER = 1000.0


class OutcomeJournalContract(StoreContract[OutcomeJournal]):
    """The contract tests for an `OutcomeJournal`. They are used as those of `JournalContract` are."""

    async def test_it_is_an_outcome_journal(self) -> None:
        """It has every method of `OutcomeJournal`."""
        async with self.journal() as journal:
            expect(isinstance(journal, OutcomeJournal), "every method of OutcomeJournal")

    async def test_the_outcome_that_came_first_is_handed_out_first(self) -> None:
        """Each once while its lease lasts, with its entry, and none while the payment is open."""
        async with self.journal() as journal, self.another(journal) as other:
            entries = [await executed(journal) for _ in range(4)]
            for entry in (entries[2], entries[0]):
                await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            await journal.settle(entries[1].reference_id, "FAILED", "FAILED")
            found = [await one.hand_out(lease=journal.lease) for one in (journal, other, journal, other)]
            names = [None if one is None else one.entry.reference_id for one in found]
            wanted = [entries[number].reference_id for number in (2, 0, 1)]
            expect(names == [*wanted, None], "the outcomes in the order in which they came, each once")
            first = found[0]
            expect(first is not None and first.entry.outcome == "COMPLETED", "the entry with its outcome")

    async def test_no_outcome_is_handed_to_two_at_one_time(self) -> None:
        """Many ask at once, from two processes, and each outcome goes to one of them."""
        async with self.journal() as journal, self.another(journal) as other:
            entries = [await executed(journal, outcome="COMPLETED") for _ in range(_SETTLED)]
            asked = (one.hand_out(lease=journal.lease) for one in [journal, other] * _SETTLED)
            found = [one.entry.reference_id for one in await asyncio.gather(*asked) if one is not None]
            wanted = sorted(entry.reference_id for entry in entries)
            expect(sorted(found) == wanted, "each outcome handed out once")

    async def test_a_lease_that_ran_out_passes_on(self) -> None:
        """Under a greater number; the old holder can neither renew nor give back, but it can still mark."""
        async with self.journal() as journal, self.another(journal) as other:
            await executed(journal, outcome="COMPLETED")
            old = await handed_out(journal)
            await self.pass_time(journal.lease * 1.1)
            new = await handed_out(other)
            reference_id = new.entry.reference_id
            expect(new.number > old.number, "a number that grows with every hand-out")
            renewed = await journal.renew_hand_out(reference_id, old.number, lease=journal.lease)
            expect(not renewed, "the old holder not to renew the new lease")
            await journal.give_back(reference_id, old.number)
            expect(await journal.hand_out(lease=1.0) is None, "the old holder not to give the new lease back")
            await journal.mark_handled(old)
            await expect_handled(other.mark_handled(new))

    async def test_a_lease_can_be_renewed(self) -> None:
        """It lasts its full time again."""
        async with self.journal() as journal, self.another(journal) as other:
            await executed(journal, outcome="COMPLETED")
            ended = await handed_out(journal)
            for _ in range(2):
                await self.pass_time(journal.lease * 0.7)
                renewed = await journal.renew_hand_out(ended.entry.reference_id, ended.number, lease=journal.lease)
                expect(renewed, "the holder to renew its lease")
            expect(await other.hand_out(lease=1.0) is None, "a renewed lease not to pass on")

    async def test_what_is_given_back_is_handed_out_again(self) -> None:
        """At once, or after a delay; another outcome does not wait for it."""
        async with self.journal() as journal, self.another(journal) as other:
            first = await executed(journal, outcome="COMPLETED")
            ended = await handed_out(journal)
            await journal.give_back(first.reference_id, ended.number)
            again = await handed_out(other)
            expect(again.entry.reference_id == first.reference_id, "the same outcome at once")
            await other.give_back(first.reference_id, again.number, delay=journal.lease)
            second = await executed(journal, outcome="FAILED")
            next_one = await handed_out(other)
            expect(next_one.entry.reference_id == second.reference_id, "the other outcome meanwhile")
            await self.pass_time(journal.lease * 1.1)
            expect((await handed_out(journal)).entry.reference_id == first.reference_id, "the first after its delay")

    async def test_what_is_handled_is_never_handed_out_again(self) -> None:
        """Whoever marks it second is refused, in any process."""
        async with self.journal() as journal, self.another(journal) as other:
            await executed(journal, outcome="COMPLETED")
            ended = await handed_out(journal)
            await journal.mark_handled(ended)
            await self.pass_time(journal.lease * 1.1)
            expect(await other.hand_out(lease=1.0) is None, "nothing to hand out")
            await expect_handled(other.mark_handled(ended))
            await expect_handled(journal.mark_handled(attrs.evolve(ended, number=ended.number + 1)))

    async def test_a_payment_that_is_tried_again_has_another_end(self) -> None:
        """The mark of the old end is refused, the new end is handed out, and an end is no end while a run is live."""
        async with self.journal() as journal, self.another(journal) as other:
            entry = await executed(journal)
            number = await claimed(journal, entry)
            await journal.write(attrs.evolve(entry, outcome=REFUSED), number)
            expect(await other.hand_out(lease=1.0) is None, "no hand-out while a live run works on the payment")
            await journal.release(entry.reference_id, number)
            refused = await handed_out(other)
            number = await claimed(journal, entry)
            await journal.write(attrs.evolve(entry, sends=2, outcome=None), number)
            await expect_handled(other.mark_handled(refused))
            later = entry.updated_at + timedelta(seconds=9)
            await journal.write(attrs.evolve(entry, sends=2, outcome="COMPLETED", updated_at=later), number)
            await journal.release(entry.reference_id, number)
            ended = await handed_out(other)
            expect((ended.entry.outcome, ended.ended_at) == ("COMPLETED", later), "the new end, and when it came")
            await expect_handled(other.mark_handled(refused))
            await other.mark_handled(ended)

    async def test_a_refused_payment_that_is_marked_can_end_again(self) -> None:
        """The mark belongs to one end of a payment."""
        async with self.journal() as journal:
            entry = await executed(journal, outcome=REFUSED)
            await journal.mark_handled(await handed_out(journal))
            number = await claimed(journal, entry)
            await journal.write(attrs.evolve(entry, outcome=None), number)
            await journal.release(entry.reference_id, number)
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            expect((await handed_out(journal)).entry.outcome == "COMPLETED", "the second end to be handed out")

    async def test_a_worker_follows_open_payments_that_nobody_follows(self) -> None:
        """Executed ones without a live run, the oldest first, at most `limit`, each by one living worker."""
        async with self.journal() as journal, self.another(journal) as other:
            entries = [await executed(journal, began_at=BEGAN + timedelta(seconds=age)) for age in (2, 0, 1)]
            await executed(journal, outcome="COMPLETED")
            not_executed, live = an_entry(), await executed(journal)
            await journal.release(not_executed.reference_id, await claimed(journal, not_executed))
            await claimed(journal, live)
            first = await followed(journal, "first", limit=2)
            expect(first == [entries[1].reference_id, entries[2].reference_id], "the two oldest")
            expect(await followed(other, "second") == [entries[0].reference_id], "the one that is left")
            expect(await followed(journal, "first") == [], "nothing that somebody follows")

    async def test_a_dead_worker_is_replaced(self) -> None:
        """When its lease runs out, or when it leaves, others follow its payments; a living one keeps them."""
        async with self.journal() as journal, self.another(journal) as other:
            entry = await executed(journal)
            await followed(journal, "first")
            for _ in range(2):
                await self.pass_time(journal.lease * 0.7)
                await journal.follow("first", limit=0, lease=journal.lease)
            expect(await followed(other, "second") == [], "a worker that renews its lease to keep its payments")
            await self.pass_time(journal.lease * 1.1)
            expect(await followed(other, "second") == [entry.reference_id], "a dead worker to be replaced")
            await other.stop_following("second")
            expect(await followed(journal, "third") == [entry.reference_id], "a worker that leaves to be replaced")

    async def test_a_payment_that_is_put_off_waits_and_says_so(self) -> None:
        """It comes after those that were never put off; `is_early` takes it at once."""
        async with self.journal() as journal:
            late = await executed(journal, began_at=BEGAN - timedelta(days=1))
            await followed(journal, "first")
            await journal.stop_following("first", late.reference_id, check_again_in=journal.lease)
            await journal.stop_following("another", late.reference_id, check_again_in=_LATER)
            expect(await followed(journal, "first") == [], "nothing that was put off to a later time")
            young = await executed(journal)
            await self.pass_time(journal.lease * 1.1)
            found = await journal.follow("second", limit=_SETTLED, lease=journal.lease)
            wanted = [(young.reference_id, False), (late.reference_id, True)]
            expect([(one.entry.reference_id, one.was_postponed) for one in found] == wanted, "the new one first")
            await journal.stop_following("second", late.reference_id, check_again_in=_LATER)
            early = await journal.follow("second", limit=_SETTLED, lease=journal.lease, is_early=True)
            expect([one.entry.reference_id for one in early] == [late.reference_id], "is_early to take it at once")

    async def test_a_persons_verdict_ends_a_payment(self) -> None:
        """It is handed out once, with its reason; what has ended, is live or is unknown cannot be closed."""
        async with self.journal() as journal:
            entry, live = await executed(journal), await executed(journal)
            await journal.close_payment(entry.reference_id, REFUSED, "the operator has no trace of it")
            ended = await handed_out(journal)
            wanted = (entry.reference_id, REFUSED, "the operator has no trace of it")
            expect((ended.entry.reference_id, ended.entry.outcome, ended.reason) == wanted, "the verdict")
            await expect_refused(journal.close_payment(entry.reference_id, "COMPLETED", "no"))
            await journal.mark_handled(ended)
            await expect_refused(journal.close_payment(entry.reference_id, "COMPLETED", "no"))
            await claimed(journal, live)
            await expect_refused(journal.close_payment(live.reference_id, REFUSED, "no"))
            await expect_refused(journal.close_payment(uuid4(), REFUSED, "no"))

    async def test_a_contested_outcome_can_be_closed_until_it_is_handled(self) -> None:
        """Another run may have used the reference, so what was found may not be this payment's."""
        async with self.journal() as journal:
            entry = await executed(journal, outcome="COMPLETED", is_contested=True)
            await journal.close_payment(entry.reference_id, REFUSED, "another invoice was paid")
            ended = await handed_out(journal)
            expect(ended.entry.outcome == REFUSED, "the verdict in place of the outcome")
            await journal.mark_handled(ended)
            await expect_refused(journal.close_payment(entry.reference_id, "COMPLETED", "no"))

    async def test_it_says_whether_there_is_work(self) -> None:
        """An outcome that is not handled, or a payment that is open, young, and executed or live."""
        async with self.journal() as journal:
            before, after = BEGAN - timedelta(seconds=1), BEGAN + timedelta(seconds=1)
            expect(not await journal.has_work(since=before), "no work in an empty journal")
            new = an_entry()
            number = await claimed(journal, new)
            expect(await journal.has_work(since=before), "a live run to be work")
            await journal.release(new.reference_id, number)
            expect(not await journal.has_work(since=before), "a payment that was not executed to be no work")
            entry = await executed(journal)
            expect(await journal.has_work(since=before), "a young open payment to be work")
            expect(not await journal.has_work(since=after), "an old open payment to be no work")
            await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
            expect(await journal.has_work(since=after), "an outcome that is not handled to be work")
            ended = await handed_out(journal)
            expect(await journal.has_work(since=after), "an outcome that is handed out to be work")
            await journal.mark_handled(ended)
            expect(not await journal.has_work(since=before), "a handled outcome to be no work")

    async def test_only_what_was_handled_is_purged(self) -> None:
        """Up to a limit, and only what was handled before the given time."""
        async with self.journal() as journal:
            opened, unhandled = await executed(journal), await executed(journal, outcome=REFUSED)
            await journal.hand_out(lease=_LATER)
            handled = [await executed(journal, outcome="COMPLETED") for _ in range(3)]
            for _ in handled:
                await journal.mark_handled(await handed_out(journal))
            now = handled[0].updated_at + timedelta(days=36500)
            long_ago = BEGAN - timedelta(days=36500)
            expect(await journal.purge(handled_before=long_ago, limit=9) == 0, "nothing that was handled later")
            counts = [await journal.purge(handled_before=now, limit=2) for _ in range(3)]
            expect(counts == [2, 1, 0], "the handled payments, at most two at a time")
            kept = [await journal.read(entry.reference_id) for entry in (opened, unhandled)]
            expect(None not in kept, "what is open or not handled to stay")
            expect(await journal.read(handled[0].reference_id) is None, "what was purged to be gone")


async def executed(journal: OutcomeJournal, *, outcome: str | None = None, **fields: object) -> Entry:
    """Keep a payment whose execution was sent, without a live run, and return its entry."""
    entry = attrs.evolve(an_entry(), **{"sends": 1, **fields})  # type: ignore[arg-type] # by name
    number = await claimed(journal, entry)
    await journal.release(entry.reference_id, number)
    if outcome is not None:
        await journal.settle(entry.reference_id, outcome, outcome)
    return entry


async def handed_out(journal: OutcomeJournal) -> EndedPayment:
    """Return the next outcome that is handed out."""
    ended = await journal.hand_out(lease=journal.lease)
    if ended is None:
        raise AssertionError("expected of this journal: an outcome to hand out")
    return ended


async def followed(journal: OutcomeJournal, worker: str, *, limit: int = _SETTLED) -> list[UUID]:
    """Return the references of the payments that a worker gets to follow."""
    found = await journal.follow(worker, limit=limit, lease=journal.lease)
    return [one.entry.reference_id for one in found]


async def expect_handled(call: Awaitable[None]) -> None:
    """Fail unless the call raises an `AlreadyHandledError`."""
    try:
        await call
    except AlreadyHandledError:
        return
    raise AssertionError("expected of this journal: an AlreadyHandledError")


async def expect_refused(call: Awaitable[None]) -> None:
    """Fail unless the call raises a `JournalError`."""
    try:
        await call
    except JournalError:
        return
    raise AssertionError("expected of this journal: a JournalError, since this payment cannot be closed")
