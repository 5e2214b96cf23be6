"""A journal as a client uses it: what it keeps of the terms, how they are compared, and what is complained of."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import InvalidInputError, JournalError, ReferenceUsedError
from dollr_async.journal import Entry, MemoryJournal
from dollr_async.journal.client_journal import ClientJournal, journal_key, new_entry
from tests.support.collections import REFERENCE
from tests.support.fakes import CLIENT_SECRET, MORNING, FakeClock

if TYPE_CHECKING:
    from dollr_async.journal import Claim

_ID = UUID(REFERENCE)
_PAYOUT, _COLLECTION = ExecutionKind.PAYOUT, ExecutionKind.COLLECTION


@attrs.frozen
class _Asked:
    """What a payment was asked with."""

    name: str = "Amara Kamara"
    amount: Decimal = Decimal("250.10")

    def compared(self) -> dict[str, object]:
        return {"payer": {"name": self.name, "phone": "231771234567"}, "amount": self.amount}

    def priced(self) -> tuple[Decimal, str | None, str]:
        return self.amount, "USD", f"{self.amount} x 1"


async def _entry(secret: str = CLIENT_SECRET, kind: ExecutionKind = _COLLECTION, asked: _Asked | None = None) -> Entry:
    return new_entry(asked or _Asked(), _ID, kind, key=journal_key(secret), clock=FakeClock())


def _journal(journal: MemoryJournal, secret: str = CLIENT_SECRET) -> ClientJournal:
    return ClientJournal(journal, secret, LoopClock())


async def test_what_an_earlier_version_kept_of_the_terms_can_still_be_compared() -> None:
    entry = await _entry()
    assert (entry.terms.key_id, entry.terms.digest) == (
        "e3e04567b08bce34",
        "8e75d785ceeb24f41b202b5327140771376c86c15d65a4c29b524e05245f2ee7",
    )


async def test_an_entry_begins_with_what_was_asked_and_with_nothing_done() -> None:
    entry = await _entry()
    terms = (entry.terms.amount, entry.terms.currency, entry.terms.lines)
    assert terms == (Decimal("250.10"), "USD", "250.10 x 1")
    assert (entry.reference_id, entry.kind, entry.began_at, entry.updated_at) == (_ID, "COLLECTION", MORNING, MORNING)
    assert (entry.sends, entry.outcome, entry.executed) == (0, None, False)


async def test_the_terms_say_nothing_to_those_who_have_not_the_secret() -> None:
    ours, others = await _entry(), await _entry("another secret")
    assert ours.terms.digest != others.terms.digest
    assert ours.terms.key_id != others.terms.key_id
    assert "Amara" not in repr(ours)


@pytest.mark.parametrize("secret", [CLIENT_SECRET, "after-the-change"])
async def test_a_reference_of_another_kind_of_money_is_refused_whatever_the_secret(secret: str) -> None:
    journal = MemoryJournal()
    await (await _journal(journal).claimed(_Asked(), _ID, _PAYOUT)).release()
    words = (
        rf"reference {_ID} names a payment on other terms, begun \d{{4}}-\d\d-\d\d \d\d:\d\d UTC: follow that one with"
    )
    with pytest.raises(ReferenceUsedError, match=rf"{words} dollr\.watch\('{_ID}', kind='PAYOUT'\)") as caught:
        await _journal(journal, secret).claimed(_Asked(), _ID, _COLLECTION)
    assert caught.value.reference_id == _ID


async def test_names_are_compared_as_long_as_the_secret_is_the_same() -> None:
    journal = MemoryJournal()
    await (await _journal(journal).claimed(_Asked(), _ID, _COLLECTION)).release()
    renamed = _Asked(name="Amara Kamarra")
    with pytest.raises(ReferenceUsedError):
        await _journal(journal).claimed(renamed, _ID, _COLLECTION)
    assert (await _journal(journal, "after-the-change").claimed(renamed, _ID, _COLLECTION)).is_resumed


async def test_a_refused_reference_is_left_free_for_those_who_know_its_terms() -> None:
    journal = MemoryJournal()
    await (await _journal(journal).claimed(_Asked(), _ID, _COLLECTION)).release()
    with pytest.raises(ReferenceUsedError):
        await _journal(journal).claimed(_Asked(amount=Decimal(1)), _ID, _COLLECTION)
    assert [entry.reference_id for entry in await journal.unfinished()] == [_ID]


async def test_whoever_waits_for_another_run_asks_four_times_a_second() -> None:
    class Counting(MemoryJournal):
        claims = 0

        async def claim(self, entry: Entry) -> Claim:
            self.claims += 1
            return await super().claim(entry)

    journal, clock = Counting(), FakeClock()
    first = await _journal(journal).claimed(_Asked(), _ID, _COLLECTION)
    waiting = ClientJournal(journal, CLIENT_SECRET, clock)
    journal.claims = 0
    # A run that renews nothing holds its lease for 15 seconds.
    second = await waiting.claimed(_Asked(), _ID, _COLLECTION)
    assert (first.is_resumed, second.is_resumed) == (False, True)
    assert (journal.claims, set(clock.slept)) == (61, {0.25})


async def test_a_journal_that_fails_is_complained_of_by_the_payments_reference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Unreadable(MemoryJournal):
        async def read(self, reference_id: UUID) -> Entry | None:
            raise JournalError(f"{reference_id} cannot be read")

    assert await _journal(Unreadable()).found(_ID) is None
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", f"payment {_ID}: its entry could not be read")
    assert f"{_ID} cannot be read" in caplog.text


async def test_nothing_is_found_of_what_no_journal_knows() -> None:
    journal = MemoryJournal()
    assert await _journal(journal).found(_ID) is None
    await journal.claim(await _entry())
    found = await _journal(journal).found(_ID)
    assert found is not None
    assert found.began_at == MORNING


async def test_what_is_no_journal_is_refused_with_one_that_is() -> None:
    with pytest.raises(InvalidInputError, match=r"as dollr_async\.journal\.SQLiteJournal\('payments\.db'\) does"):
        ClientJournal("payments.db", CLIENT_SECRET, LoopClock())  # type: ignore[arg-type] # the point


async def test_a_keeper_shows_its_journal_and_no_secret() -> None:
    journal = MemoryJournal()
    assert repr(_journal(journal)) == f"<ClientJournal of {journal!r}>"
