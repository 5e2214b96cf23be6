"""The client's side of a journal: what it keeps of the terms, how it compares them, and which errors it logs."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionKind, ExecutionStatus
from dollr_async.base.errors import InvalidInputError, JournalError, ReferenceUsedError
from dollr_async.flows.attempt import Attempt
from dollr_async.journal import Entry, MemoryJournal
from dollr_async.journal.client_journal import ClientJournal, journal_key, new_entry
from tests.resources.cases.shapes import an_execution
from tests.support.collections import REFERENCE
from tests.support.fakes import CLIENT_SECRET, MORNING, FakeClock
from tests.support.journals import PlainJournal

if TYPE_CHECKING:
    from dollr_async.journal import Claim

_ID = UUID(REFERENCE)
_PAYOUT, _COLLECTION = ExecutionKind.PAYOUT, ExecutionKind.COLLECTION


@attrs.frozen
class _Asked:
    """The terms of a payment."""

    name: str = "Amara Kamara"
    amount: Decimal = Decimal("250.10")

    def compared(self) -> dict[str, object]:
        return {"payer": {"name": self.name, "phone": "231771234567"}, "amount": self.amount}

    def priced(self) -> tuple[Decimal, str | None, str]:
        return self.amount, "USD", f"{self.amount} x 1"


def _entry(secret: str = CLIENT_SECRET) -> Entry:
    return new_entry(_Asked(), _ID, _COLLECTION, key=journal_key(secret), clock=FakeClock())


def _journal(journal: MemoryJournal, secret: str = CLIENT_SECRET) -> ClientJournal:
    return ClientJournal(journal, secret, LoopClock())


async def test_terms_that_an_earlier_version_kept_can_still_be_compared() -> None:
    entry = _entry()
    assert (entry.terms.key_id, entry.terms.digest) == (
        "e3e04567b08bce34",
        "8e75d785ceeb24f41b202b5327140771376c86c15d65a4c29b524e05245f2ee7",
    )


async def test_a_new_entry_has_the_terms_and_no_progress() -> None:
    entry = _entry()
    terms = (entry.terms.amount, entry.terms.currency, entry.terms.lines)
    assert terms == (Decimal("250.10"), "USD", "250.10 x 1")
    assert (entry.reference_id, entry.kind, entry.began_at, entry.updated_at) == (_ID, "COLLECTION", MORNING, MORNING)
    assert (entry.sends, entry.outcome, entry.executed) == (0, None, False)


async def test_the_kept_terms_cannot_be_read_without_the_secret() -> None:
    ours, others = _entry(), _entry("another secret")
    assert ours.terms.digest != others.terms.digest
    assert ours.terms.key_id != others.terms.key_id
    assert "Amara" not in repr(ours)


@pytest.mark.parametrize("secret", [CLIENT_SECRET, "after-the-change"])
async def test_a_reference_of_another_kind_of_money_is_refused_with_any_secret(secret: str) -> None:
    journal = MemoryJournal()
    await (await _journal(journal).claim(_Asked(), _ID, _PAYOUT)).release()
    words = rf"reference {_ID} names a payment with different terms, begun \d{{4}}-\d\d-\d\d \d\d:\d\d UTC"
    with pytest.raises(
        ReferenceUsedError, match=rf"{words}: nothing was charged under it, so start a new payment under another"
    ) as caught:
        await _journal(journal, secret).claim(_Asked(), _ID, _COLLECTION)
    assert caught.value.reference_id == _ID


async def test_different_terms_of_a_payment_that_was_executed_or_is_running_are_told_to_follow_it() -> None:
    journal = MemoryJournal()
    run = await _journal(journal).claim(_Asked(), _ID, _COLLECTION)
    follow = rf"UTC: follow that one with dollr\.watch\('{_ID}'\)$"
    with pytest.raises(ReferenceUsedError, match=follow):
        await _journal(journal).claim(_Asked(amount=Decimal(1)), _ID, _COLLECTION)
    attempt = Attempt(attempts=1, recovery=120.0, grace=30.0)
    await run.before_send(run.progress, attempt, session_expires_at=None, payer_currency="USD")
    await run.release()
    with pytest.raises(ReferenceUsedError, match=follow):
        await _journal(journal).claim(_Asked(amount=Decimal(1)), _ID, _COLLECTION)
    await (await _journal(journal).claim(_Asked(), _ID, _COLLECTION)).release()


async def test_names_are_compared_as_long_as_the_secret_is_the_same() -> None:
    journal = MemoryJournal()
    await (await _journal(journal).claim(_Asked(), _ID, _COLLECTION)).release()
    renamed = _Asked(name="Amara Kamarra")
    with pytest.raises(ReferenceUsedError):
        await _journal(journal).claim(renamed, _ID, _COLLECTION)
    assert (await _journal(journal, "after-the-change").claim(renamed, _ID, _COLLECTION)).is_resumed


async def test_a_refused_claim_holds_no_lease() -> None:
    journal = MemoryJournal()
    await (await _journal(journal).claim(_Asked(), _ID, _COLLECTION)).release()
    with pytest.raises(ReferenceUsedError):
        await _journal(journal).claim(_Asked(amount=Decimal(1)), _ID, _COLLECTION)
    assert [entry.reference_id for entry in await journal.unfinished()] == [_ID]


async def test_a_run_that_waits_for_another_claims_four_times_a_second() -> None:
    class Counting(MemoryJournal):
        claims = 0

        async def claim(self, entry: Entry) -> Claim:
            self.claims += 1
            return await super().claim(entry)

    journal, clock = Counting(), FakeClock()
    first = await _journal(journal).claim(_Asked(), _ID, _COLLECTION)
    waiting = ClientJournal(journal, CLIENT_SECRET, clock)
    journal.claims = 0
    # A lease that is not renewed expires after 15 seconds.
    second = await waiting.claim(_Asked(), _ID, _COLLECTION)
    assert (first.is_resumed, second.is_resumed) == (False, True)
    assert (journal.claims, set(clock.slept)) == (61, {0.25})


async def test_an_entry_that_cannot_be_read_is_logged_with_the_payments_reference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Unreadable(MemoryJournal):
        async def read(self, reference_id: UUID) -> Entry | None:
            raise JournalError(f"{reference_id} cannot be read")

    assert await _journal(Unreadable()).found(_ID) is None
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        f"payment {_ID}: its entry in the journal could not be read",
    )
    assert f"{_ID} cannot be read" in caplog.text
    assert vars(record)["reference_id"] == _ID


@pytest.mark.parametrize("make", [MemoryJournal, PlainJournal])
async def test_a_payment_is_live_while_a_run_works_on_it(make: type[MemoryJournal | PlainJournal]) -> None:
    journal = ClientJournal(make(), CLIENT_SECRET, LoopClock())
    assert not await journal.is_live(_ID), "it is unknown"
    run = await journal.claim(_Asked(), _ID, _COLLECTION)
    assert await journal.is_live(_ID)
    await run.release()
    assert not await journal.is_live(_ID)


@pytest.mark.parametrize("make", [MemoryJournal, PlainJournal])
async def test_every_open_payment_is_unfinished_however_many_there_are(
    make: type[MemoryJournal | PlainJournal],
) -> None:
    journal = make()
    ours = ClientJournal(journal, CLIENT_SECRET, LoopClock())
    ids = [UUID(int=number, version=4) for number in range(1, 602)]
    for number, reference_id in enumerate(ids):
        began_at = MORNING + timedelta(seconds=number)
        claim = await journal.claim(attrs.evolve(_entry(), reference_id=reference_id, began_at=began_at))
        assert claim.number is not None
        await journal.release(reference_id, claim.number)
    assert [entry.reference_id async for entry in ours.unfinished()] == ids


async def test_a_payment_that_has_ended_is_not_live_in_a_journal_of_open_payments() -> None:
    journal = PlainJournal()
    ours = ClientJournal(journal, CLIENT_SECRET, LoopClock())
    await (await ours.claim(_Asked(), _ID, _COLLECTION)).release()
    await journal.settle(_ID, "COMPLETED", "COMPLETED")
    assert not await ours.is_live(_ID)


async def test_all_that_ask_at_once_whether_a_run_is_live_share_a_reading_of_the_journal() -> None:
    class Counting(PlainJournal):
        readings = 0

        async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
            self.readings += 1
            await asyncio.sleep(1.0)
            return await super().unfinished(with_live=with_live)

    journal = Counting()
    ours = ClientJournal(journal, CLIENT_SECRET, LoopClock())
    run = await ours.claim(_Asked(), _ID, _COLLECTION)
    assert await asyncio.gather(*(ours.is_live(_ID) for _ in range(10))) == [True] * 10
    # One more for those that asked while the first was under way: it may have begun before theirs.
    assert journal.readings <= 2
    before = journal.readings
    await run.release()
    assert not await ours.is_live(_ID)
    assert journal.readings == before + 1, "a later question reads it again"


async def test_a_journal_that_cannot_say_whether_a_run_is_live_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Unreadable(MemoryJournal):
        async def is_live(self, reference_id: UUID) -> bool:
            raise JournalError(f"{reference_id} cannot be read")

    assert await _journal(Unreadable()).is_live(_ID) is False
    (record,) = caplog.records
    assert record.getMessage() == f"payment {_ID}: its entry in the journal could not be read"
    assert vars(record)["reference_id"] == _ID


async def test_a_status_is_written_until_the_journal_has_it_without_the_first_payments_context_variables() -> None:
    payment: ContextVar[str] = ContextVar("payment", default="none")

    class DownAtFirst(MemoryJournal):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[str] = []

        async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
            self.seen.append(payment.get())
            if len(self.seen) < 4:
                raise JournalError("down")
            await super().settle(reference_id, status, outcome)

    journal = DownAtFirst()
    ours = _journal(journal)
    await (await ours.claim(_Asked(), _ID, _COLLECTION)).release()
    payment.set("the first")
    await ours.saw(an_execution(_COLLECTION), _ID)
    await asyncio.sleep(60.0)
    assert journal.seen == ["the first", "none", "none", "none"]
    kept = await journal.read(_ID)
    assert kept is not None
    assert kept.status == "PROCESSING"
    await ours.close()


async def test_a_status_that_could_not_be_written_does_not_replace_a_later_one() -> None:
    class DownAtFirst(MemoryJournal):
        settled: tuple[str, ...] = ()

        async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
            self.settled += (status,)
            if len(self.settled) == 1:
                raise JournalError("down")
            await super().settle(reference_id, status, outcome)

    journal = DownAtFirst()
    ours = _journal(journal)
    await (await ours.claim(_Asked(), _ID, _COLLECTION)).release()
    await ours.saw(an_execution(_COLLECTION), _ID)
    await ours.saw(attrs.evolve(an_execution(_COLLECTION), status=ExecutionStatus("COMPLETED")), _ID)
    await asyncio.sleep(60.0)
    assert journal.settled == ("PROCESSING", "COMPLETED")
    await ours.close()


async def test_an_unknown_payment_is_not_found() -> None:
    journal = MemoryJournal()
    assert await _journal(journal).found(_ID) is None
    await journal.claim(_entry())
    found = await _journal(journal).found(_ID)
    assert found is not None
    assert found.began_at == MORNING


async def test_a_value_that_is_not_a_journal_is_refused_with_an_example() -> None:
    with pytest.raises(InvalidInputError, match=r"such as dollr_async\.journal\.SQLiteJournal\('payments\.db'\)"):
        ClientJournal("payments.db", CLIENT_SECRET, LoopClock())  # type: ignore[arg-type] # the point


async def test_its_repr_shows_the_journal_and_no_secret() -> None:
    journal = MemoryJournal()
    assert repr(_journal(journal)) == f"<ClientJournal of {journal!r}>"
