"""Receipts of invoices and orders that are PAID: what was paid, by whom, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.world.world import OWNER_ID, OWNER_TYPE, World

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.parameters import IdPath, NumberPath
    from dollr_async.sandbox.world.records import Answer, Document, Payment


class Receipts:
    """The receipts of one kind of document."""

    def __init__(self, source_type: str) -> None:
        """Serve `INVOICE` or `ORDER`."""
        self._type = source_type

    def by_id(self, world: World, path: IdPath) -> Answer:
        """The receipt of a document by id."""
        return _receipt(world, world.document(self._type, path.id))

    def by_number(self, world: World, path: NumberPath) -> Answer:
        """The receipt of a document by number."""
        return _receipt(world, world.document_by_number(self._type, path.number))


def _receipt(world: World, document: Document) -> Answer:
    if document.status != "PAID" or document.paid_by is None:
        raise Refusal(world.quirks.unpaid_receipt_status, f"Receipt not found: {document.number} is {document.status}")
    return {**_bill(document), **_settlement(world.payments[document.paid_by])}


def _bill(document: Document) -> Answer:
    counterparty = document.counterparty
    kind = document.source_type.lower()
    bill: Answer = {
        f"{kind}_id": document.id,
        f"{kind}_number": document.number,
        "reference_id": document.reference_id,
        "currency": document.currency,
        "total_amount": document.total_amount,
        "status": document.status,
        "note": document.note,
        "as_payment_link": document.as_payment_link,
        "fee_bearer": document.fee_bearer,
        "owner_id": OWNER_ID,
        "owner_type": OWNER_TYPE,
        "created_at": document.created_at,
        "paid_at": document.paid_at,
        "counterparty_id": counterparty.id,
        "relationship_type": counterparty.relationship_type,
        "counterparty_name": counterparty.party.fullname,
        "counterparty_phone": counterparty.party.phone,
        "counterparty_email": counterparty.party.email,
        "items": [
            {"id": item.id, "name": item.name, "qty": item.qty, "amount": item.amount, "currency": item.currency}
            for item in document.items.values()
        ],
    }
    if document.source_type == "INVOICE":
        bill["due_date"] = document.due_date
    return bill


def _settlement(payment: Payment) -> Answer:
    cost = payment.price
    account = payment.account
    exchanged = cost.fx_rate is not None
    return {
        "payer_amount": cost.payer_amount,
        "payer_currency": cost.payer_currency,
        "payee_amount": cost.payee_amount,
        "payee_currency": cost.payee_currency,
        "platform_fee": cost.platform_fee,
        "platform_currency": cost.payee_currency,
        "gateway_fee": cost.gateway_fee,
        "gateway_currency": cost.payee_currency,
        "fx_fee": cost.fx_fee,
        "fx_rate": None if cost.fx_rate is None else format(cost.fx_rate, "f"),
        "fx_currency_from": cost.payee_currency if exchanged else None,
        "fx_currency_to": cost.payer_currency if exchanged else None,
        "payment_provider": account.provider if account else None,
        "payment_method": account.method if account else None,
        "account_name": account.account_name if account else None,
        "gateway_confirmed_at": payment.settled_at,
        "provider_transaction_id": payment.provider_transaction_id,
    }
