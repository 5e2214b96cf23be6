"""The document that is paid for: what is sent to make it, and whether its total is the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.enums import CheckoutMode
from dollr_async.errors import DollrError
from dollr_async.fields import rounded
from dollr_async.resources.checkouts import CheckoutItem, NewCheckout
from dollr_async.resources.documents import NewLineItem
from dollr_async.resources.invoices import NewInvoice
from dollr_async.resources.orders import NewOrder
from dollr_async.terms import KnownPayer, Payer

if TYPE_CHECKING:
    from decimal import Decimal

    from dollr_async.routing import Contact
    from dollr_async.terms import Terms


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


def new_checkout(terms: Terms, contact: Contact) -> NewCheckout:
    """Return the one-call checkout of a collection; its lines have no quantity, so the name says it."""
    if contact.phone is None:
        message = "a direct collection needs the payer's phone: give KnownPayer(counterparty_id, phone=...)"
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
    )


def check_total(terms: Terms, source_id: int, total: Decimal, currency: str) -> None:
    """Refuse a published total that is not the sum of the items (docs/design.md, rule 4).

    Raises:
        DollrError: they differ once both are rounded to the currency's smallest unit.
    """
    expected = rounded(terms.total, terms.currency)
    if rounded(total, terms.currency) == expected and currency.upper() == terms.currency:
        return
    message = (
        f"{terms.source_type} {source_id} was published with a total of {total} {currency}, while its items come to "
        f"{expected} {terms.currency}: look at the document before you go on"
    )
    raise DollrError(message)
