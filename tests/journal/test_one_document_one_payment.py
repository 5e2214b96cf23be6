"""With a journal, an existing document is paid by one payment at a time."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async import CollectError, DollrClient, DollrError, KnownSource, OutcomeUnknownError, PaymentFailedError
from dollr_async.base.clock import LoopClock
from dollr_async.journal import Claim, MemoryJournal
from dollr_async.journal.journaled_run import JournaledRun
from dollr_async.journal.translating_journal import TranslatingJournal
from dollr_async.testing.support import an_entry
from tests.support.collections import ITEM, PAYER
from tests.support.journals import PlainJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async import Collection
    from dollr_async.journal import Entry, Journal
    from dollr_async.sandbox import Sandbox


@pytest.fixture(params=[MemoryJournal, PlainJournal])
def journal(request: pytest.FixtureRequest) -> Journal:
    """A journal that finds the payments of a document by itself, and one that lists all open payments."""
    made: Journal = request.param()
    return made


@pytest.fixture
async def journaled(sandbox: Sandbox, journal: Journal) -> AsyncIterator[DollrClient]:
    """A client with a journal."""
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        yield dollr


@pytest.fixture
async def source(journaled: DollrClient) -> KnownSource:
    """A published document."""
    page = await journaled.hosted_checkout(payer=PAYER, items=[ITEM], currency="USD")
    return KnownSource(page.source_type, page.source_id, Decimal("250.00"))


async def _pay(dollr: DollrClient, source: KnownSource, reference_id: uuid.UUID | None = None) -> Collection:
    return await dollr.collect(payer=PAYER, source=source, currency="USD", reference_id=reference_id)


async def test_a_second_payment_is_refused_while_the_outcome_of_the_first_is_unknown(
    sandbox: Sandbox, journaled: DollrClient, source: KnownSource
) -> None:
    sandbox.fail("executions.collection", "drop", times=None)
    sandbox.fail("status.collection", 503, times=None)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await _pay(journaled, source)
    sandbox.clear_faults()
    with pytest.raises(CollectError, match=f"already being paid by payment {unknown.value.reference_id}") as refused:
        await _pay(journaled, source)
    assert refused.value.step == "document"
    assert sandbox.ledger == ()


async def test_after_a_failed_payment_the_document_can_be_paid_again(
    sandbox: Sandbox, journaled: DollrClient, source: KnownSource
) -> None:
    sandbox.set_outcome("decline")
    first = await _pay(journaled, source)
    with pytest.raises(PaymentFailedError):
        await first.wait()
    sandbox.set_outcome("approve")
    second = await _pay(journaled, source)
    assert (await second.wait()).status == "COMPLETED"
    assert [entry.status for entry in sandbox.ledger] == ["FAILED", "COMPLETED"]


async def test_of_two_payments_at_the_same_time_one_is_made(
    sandbox: Sandbox, journaled: DollrClient, source: KnownSource
) -> None:
    ends = await asyncio.gather(*(_pay(journaled, source) for _ in range(2)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["CollectError", "Collection"]
    assert len(sandbox.ledger) == 1


async def test_a_payment_that_was_never_executed_does_not_block_another(
    sandbox: Sandbox, journaled: DollrClient, source: KnownSource
) -> None:
    sandbox.fail("sessions.checkout", 422)
    with pytest.raises(CollectError):
        await _pay(journaled, source)
    assert (await (await _pay(journaled, source)).wait()).status == "COMPLETED"


async def test_the_same_reference_continues_with_its_own_document(
    sandbox: Sandbox, journaled: DollrClient, source: KnownSource
) -> None:
    reference_id = uuid.uuid4()
    sandbox.fail("sessions.checkout", 422)
    with pytest.raises(CollectError):
        await _pay(journaled, source, reference_id)
    assert (await (await _pay(journaled, source, reference_id)).wait()).status == "COMPLETED"
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("fault", [401, "rate_limited"])
async def test_a_document_is_kept_for_a_payment_that_was_not_executed_and_the_error_says_to_try_that_one(
    sandbox: Sandbox, journaled: DollrClient, source: KnownSource, fault: str | int
) -> None:
    reference_id = uuid.uuid4()
    sandbox.fail("executions.collection", fault, times=4)
    with pytest.raises(CollectError, match="no money moved"):
        await _pay(journaled, source, reference_id)
    sandbox.clear_faults()
    with pytest.raises(CollectError, match=f"is kept for payment {reference_id}.* with reference_id='{reference_id}'"):
        await _pay(journaled, source)
    assert (await (await _pay(journaled, source, reference_id)).wait()).status == "COMPLETED"
    assert len(sandbox.ledger) == 1


_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_FAR_IN_THE_FUTURE = datetime(2999, 1, 1, tzinfo=UTC)


async def _claimed_elsewhere(journal: Journal, source: KnownSource, **changes: object) -> Entry:
    """Let another run work on a payment for a document, and hold its lease."""
    entry = attrs.evolve(an_entry(), source_type=source.source_type, source_id=source.source_id)
    entry = attrs.evolve(entry, **changes)  # type: ignore[arg-type] # fields of an entry
    await journal.claim(entry)
    return entry


@pytest.mark.parametrize(("began_at", "sends"), [(_LONG_AGO, 0), (_LONG_AGO, 1), (_FAR_IN_THE_FUTURE, 1)])
async def test_a_payment_that_is_older_or_was_executed_blocks_another_while_its_run_lives(
    sandbox: Sandbox,
    journaled: DollrClient,
    journal: Journal,
    source: KnownSource,
    began_at: datetime,
    sends: int,
) -> None:
    other = await _claimed_elsewhere(journal, source, began_at=began_at, sends=sends)
    words = f"INVOICE {source.source_id} is already being paid by payment {other.reference_id}"
    with pytest.raises(CollectError, match=rf"{words}: follow that one with dollr\.wait\('{other.reference_id}'\)"):
        await _pay(journaled, source)
    assert sandbox.ledger == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"began_at": _FAR_IN_THE_FUTURE},
        {"source_type": "ORDER", "sends": 1},
        {"source_id": 299_999, "sends": 1},
        {"source_id": None, "source_type": None, "sends": 1},
        {"outcome": "FAILED", "sends": 1},
    ],
    ids=["a later one", "an order", "another document", "no document yet", "one that failed"],
)
async def test_an_entry_that_is_not_an_older_payment_for_the_document_does_not_block_another(
    sandbox: Sandbox, journaled: DollrClient, journal: Journal, source: KnownSource, changes: dict[str, object]
) -> None:
    await _claimed_elsewhere(journal, source, **{"began_at": _LONG_AGO, **changes})
    await _pay(journaled, source)
    assert len(sandbox.ledger) == 1


async def test_of_two_payments_with_the_same_start_one_is_refused(journal: Journal, source: KnownSource) -> None:
    runs = []
    for _ in range(2):
        entry = await _claimed_elsewhere(journal, source)
        claim = Claim(entry=entry, number=1, is_new=True)
        wrapped = TranslatingJournal(journal)
        run = JournaledRun(wrapped, claim, LoopClock(), hold=asyncio.ensure_future, write_later=_never)
        runs.append(run)
    ends = [await _refused(run) for run in runs]
    assert sorted(ends) == [False, True]


def _never(*_: object) -> None:
    raise AssertionError("nothing is written in vain")


async def _refused(run: JournaledRun) -> bool:
    try:
        await run.refuse_second_on_source(run.progress)
    except DollrError:
        return True
    return False
