"""With a journal, a document that exists is paid by one payment at a time."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dollr_async import CollectError, DollrClient, KnownSource, OutcomeUnknownError, PaymentFailedError
from dollr_async.journal import MemoryJournal
from tests.collecting import ITEM, PAYER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async import Collection
    from dollr_async.sandbox import Sandbox


@pytest.fixture
async def kept(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """A client with a journal."""
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        yield dollr


@pytest.fixture
async def source(kept: DollrClient) -> KnownSource:
    """A published document."""
    page = await kept.hosted_checkout(payer=PAYER, items=[ITEM], currency="USD")
    return KnownSource(page.source_type, page.source_id, Decimal("250.00"))


async def _pay(dollr: DollrClient, source: KnownSource, reference_id: uuid.UUID | None = None) -> Collection:
    return await dollr.collect(payer=PAYER, source=source, currency="USD", reference_id=reference_id)


async def test_a_second_payment_is_refused_while_the_fate_of_the_first_is_unknown(
    sandbox: Sandbox, kept: DollrClient, source: KnownSource
) -> None:
    sandbox.fail("executions.collection", "drop", times=None)
    sandbox.fail("status.collection", 503, times=None)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await _pay(kept, source)
    sandbox.clear_faults()
    with pytest.raises(CollectError, match=f"paid already by payment {unknown.value.reference_id}") as refused:
        await _pay(kept, source)
    assert refused.value.step == "document"
    assert sandbox.ledger == ()


async def test_after_a_failure_the_document_is_paid_again(
    sandbox: Sandbox, kept: DollrClient, source: KnownSource
) -> None:
    sandbox.set_outcome("decline")
    first = await _pay(kept, source)
    with pytest.raises(PaymentFailedError):
        await first.wait()
    sandbox.set_outcome("approve")
    second = await _pay(kept, source)
    assert (await second.wait()).status == "COMPLETED"
    assert [entry.status for entry in sandbox.ledger] == ["FAILED", "COMPLETED"]


async def test_of_two_at_once_one_is_made(sandbox: Sandbox, kept: DollrClient, source: KnownSource) -> None:
    ends = await asyncio.gather(*(_pay(kept, source) for _ in range(2)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["CollectError", "Collection"]
    assert len(sandbox.ledger) == 1


async def test_one_that_never_began_does_not_stand_in_the_way(
    sandbox: Sandbox, kept: DollrClient, source: KnownSource
) -> None:
    sandbox.fail("sessions.checkout", 422)
    with pytest.raises(CollectError):
        await _pay(kept, source)
    assert (await (await _pay(kept, source)).wait()).status == "COMPLETED"


async def test_the_same_reference_goes_on_with_its_own_document(
    sandbox: Sandbox, kept: DollrClient, source: KnownSource
) -> None:
    reference_id = uuid.uuid4()
    sandbox.fail("sessions.checkout", 422)
    with pytest.raises(CollectError):
        await _pay(kept, source, reference_id)
    assert (await (await _pay(kept, source, reference_id)).wait()).status == "COMPLETED"
    assert len(sandbox.ledger) == 1
