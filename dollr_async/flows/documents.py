"""The document that is paid: what is sent to make it, and whether its lines and its total are right."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import CheckoutMode, SourceStatus
from dollr_async.base.errors import DollrError
from dollr_async.base.money import rounded
from dollr_async.flows.arguments import KnownPayer, Payer
from dollr_async.resources.checkouts import CheckoutItem, NewCheckout
from dollr_async.resources.documents import NewLineItem
from dollr_async.resources.invoices import NewInvoice
from dollr_async.resources.orders import NewOrder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from dollr_async.flows.routing import Contact
    from dollr_async.flows.terms import Terms
    from dollr_async.resources.documents import DocumentItem
    from dollr_async.resources.invoices import Invoice, InvoiceDetail
    from dollr_async.resources.orders import Order, OrderDetail
    from dollr_async.resources.status import SourceState


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PageTerms:
    """Where the payer goes after the page, and when the page ends."""

    success_url: str | None = attrs.field(default=None, validator=fields.optional_text)
    cancel_url: str | None = attrs.field(default=None, validator=fields.optional_text)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.utc_time)


def new_invoice(terms: Terms, counterparty_id: int) -> NewInvoice:
    """Return the draft invoice of a collection; without a payment link, which would let the payer pay twice."""
    return NewInvoice(
        counterparty_id=counterparty_id,
        currency=terms.currency,
        note=terms.note_text,
        fee_bearer=terms.fee_bearer,
        as_payment_link=False,
        reference_id=terms.document_text,
        due_date=terms.due_date,
    )


def new_order(terms: Terms, counterparty_id: int) -> NewOrder:
    """Return the draft order of a collection; without a payment link, which would let the payer pay twice."""
    return NewOrder(
        counterparty_id=counterparty_id,
        currency=terms.currency,
        note=terms.note_text,
        fee_bearer=terms.fee_bearer,
        as_payment_link=False,
        reference_id=terms.document_text,
    )


def new_lines(terms: Terms) -> list[NewLineItem]:
    """Return the lines of a draft, in the caller's order."""
    return [
        NewLineItem(name=item.name, currency=terms.currency, amount=item.amount, qty=item.qty) for item in terms.items
    ]


def new_checkout(terms: Terms, contact: Contact, page: PageTerms) -> NewCheckout:
    """Return the one-call checkout of a collection; its lines have no quantity, so it is in the name."""
    if contact.phone is None:
        message = "the API has no phone for this payer: give KnownPayer(counterparty_id, phone=...)"
        raise DollrError(message)
    payer = terms.payer
    lines = tuple(
        CheckoutItem(
            name=item.name if item.qty == 1 else f"{item.name} x {item.qty}", currency=terms.currency, amount=item.total
        )
        for item in terms.items
    )
    return NewCheckout(
        mode=terms.mode or CheckoutMode.DIRECT,
        source_kind=terms.source_type,
        party_name=contact.name,
        party_phone=contact.phone,
        party_email=payer.email if isinstance(payer, Payer) else None,
        counterparty_id=payer.counterparty_id if isinstance(payer, KnownPayer) else None,
        currency=terms.currency,
        items=lines,
        reference_id=terms.document_text,
        note=terms.note,
        due_date=terms.due_date,
        success_url=page.success_url,
        cancel_url=page.cancel_url,
        expires_at=page.expires_at,
    )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CheckedOut:
    """What a one-call checkout made, by its answer, or as it was found after a lost answer."""

    source_id: int
    source_number: str
    source_status: SourceStatus
    party_id: int | None
    counterparty_id: int
    url: str | None = None
    expires_at: datetime | None = None


def find_own(documents: Sequence[Invoice | Order], terms: Terms, counterparty_id: int | None) -> Invoice | Order | None:
    """Return the document whose answer was lost, or None if it was not made; its reference is this payment's text.

    A text of the caller's own may be on other documents too, so then the counterparty must be this attempt's.

    Raises:
        DollrError: there are several, or it is not known whether one belongs to this payment.
    """
    ours = [document for document in documents if fields.tidy(document.reference_id or "") == terms.document_text]
    if terms.document_reference is not None:
        if ours and counterparty_id is None:
            message = (
                f"no answer arrived, and a document with the reference {terms.document_text!r} exists. It is not known "
                "whether it belongs to this payment: check that document before you pay again"
            )
            raise DollrError(message)
        ours = [document for document in ours if document.counterparty_id == counterparty_id]
    if len(ours) > 1:
        numbers = ", ".join(document.number for document in ours)
        message = (
            f"no answer arrived, and {len(ours)} documents have the reference {terms.document_text!r} ({numbers}): "
            "cancel all but one"
        )
        raise DollrError(message)
    return ours[0] if ours else None


def missing_lines(lines: Sequence[NewLineItem], existing: Sequence[DocumentItem]) -> list[NewLineItem]:
    """Return the lines that a draft lacks, in their order; two lines may be equal."""
    left = Counter((fields.tidy(item.name), item.qty, item.amount) for item in existing)
    missing: list[NewLineItem] = []
    for line in lines:
        key = (line.name, line.qty, line.amount)
        if left[key]:
            left[key] -= 1
        else:
            missing.append(line)
    return missing


def check_lines(lines: Sequence[NewLineItem], document: InvoiceDetail | OrderDetail) -> None:
    """Refuse to publish a draft whose lines are not exactly this payment's.

    Raises:
        DollrError: a line is missing, or there is one too many.
    """
    existing = document.items
    if len(existing) == len(lines) and not missing_lines(lines, existing):
        return
    message = (
        f"an answer did not arrive, and the lines of the draft {document.number} ({len(existing)}) are not those of "
        f"this payment ({len(lines)}): cancel the draft, and start a new payment under another reference_id"
    )
    raise DollrError(message)


def check_total(source: str, total: Decimal, billed_in: str, *, expected: Decimal, currency: str) -> None:
    """Refuse a total that is not the expected one (docs/design.md, rule 4); `source` names the document.

    Raises:
        DollrError: they differ once both are rounded to the currency's smallest unit.
    """
    wanted = rounded(expected, currency)
    if rounded(total, currency) == wanted and billed_in.upper() == currency:
        return
    message = (
        f"{source} has a total of {total} {billed_in}, but {wanted} {currency} was expected: check the document before "
        "you pay it"
    )
    raise DollrError(message)


def check_payable(state: SourceState, *, expected: Decimal, currency: str) -> None:
    """Refuse a document that cannot be paid now, or that has another total.

    Raises:
        DollrError: it is not ACTIVE, or its total is not the expected one.
    """
    source = f"{state.source_type} {state.source_id}"
    if state.status != SourceStatus.ACTIVE:
        message = (
            f"{source} is {state.status}: only an ACTIVE document can be paid, so publish it first, or check how "
            "it was paid"
        )
        raise DollrError(message)
    check_total(source, state.total_amount, state.currency, expected=expected, currency=currency)
