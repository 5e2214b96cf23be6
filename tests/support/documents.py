"""Invoices and orders: a draft, a published one, and a made-up answer to a check of its status."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dollr_async import KnownSource, NewInvoice, NewLineItem, NewOrder, SourceType
from dollr_async.sandbox import Fault
from tests.support.payments import a_counterparty

if TYPE_CHECKING:
    from dollr_async import DollrClient

TOTAL = Decimal("250.00")


async def a_draft(dollr: DollrClient, source_type: SourceType = SourceType.INVOICE, **terms: Any) -> int:  # noqa: ANN401 - passed on as they are
    """Create a draft of 250 for Amara Kamara, and return its id."""
    about = {"counterparty_id": await a_counterparty(dollr), "currency": "USD", "as_payment_link": True, **terms}
    made: Any
    if source_type == SourceType.ORDER:
        made = await dollr.orders.create(NewOrder(**about))
    else:
        made = await dollr.invoices.create(NewInvoice(**about))
    line = NewLineItem(name="Strategy session", currency=about["currency"], amount=TOTAL)
    await dollr.documents(source_type).add_item(made.id, line)
    return int(made.id)


async def a_document(dollr: DollrClient, source_type: SourceType = SourceType.INVOICE, **terms: Any) -> KnownSource:  # noqa: ANN401 - as above
    """Create and publish a document of 250 for Amara Kamara."""
    source_id = await a_draft(dollr, source_type, **terms)
    await dollr.documents(source_type).publish(source_id)
    return KnownSource(source_type, source_id, TOTAL)


def a_state(**changes: object) -> Fault:
    """Answer a status check of the first invoice with this state instead of its own."""
    state = {"source_id": 300_001, "source_type": "INVOICE", "source_number": "INV-2026-00001", "status": "PAID"}
    return Fault.answer(200, {**state, "currency": "USD", "total_amount": 250.00, **changes})
