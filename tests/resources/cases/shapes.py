"""Answers of more than one operation, as JSON and as what the caller gets."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from dollr_async import (
    Counterparty,
    DocumentItem,
    Execution,
    ExecutionKind,
    ExecutionStatus,
    FeeBearer,
    Invoice,
    InvoiceDetail,
    InvoiceReceipt,
    NumberedTier,
    Order,
    OrderDetail,
    OrderReceipt,
    Party,
    Quote,
    ReceiptItem,
    RelationshipType,
    SourceStatus,
)

NINE = "2026-07-01T09:00:00Z"
AT_NINE = datetime(2026, 7, 1, 9, tzinfo=UTC)
REFERENCE = "7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11"
MADE = {"created_at": NINE, "updated_at": NINE}

PARTY = {
    "id": 310,
    "fullname": "Fatu Kollie",
    "email": "fatu@shop.example",
    "phone": "231880001122",
    "country_code": "LR",
    **MADE,
}
A_PARTY = Party(
    id=310,
    fullname="Fatu Kollie",
    email="fatu@shop.example",
    phone="231880001122",
    country_code="LR",
    created_at=AT_NINE,
    updated_at=AT_NINE,
)

COUNTERPARTY = {"id": 77, "relationship_type": "CUSTOMER", "party_id": 310, **MADE}
A_COUNTERPARTY = Counterparty(
    id=77, relationship_type=RelationshipType.CUSTOMER, party_id=310, created_at=AT_NINE, updated_at=AT_NINE
)
EMBEDDING = {
    "id": 77,
    "owner_party_type": "ORGANIZATION",
    "owner_party_id": 9,
    "relationship_type": "CUSTOMER",
    "party": PARTY,
    **MADE,
}
AN_EMBEDDING = Counterparty(
    id=77,
    owner_party_type="ORGANIZATION",
    owner_party_id=9,
    relationship_type=RelationshipType.CUSTOMER,
    party=A_PARTY,
    created_at=AT_NINE,
    updated_at=AT_NINE,
)

ITEM = {"id": 12, "name": "Panel", "currency": "USD", "qty": 2, "amount": 60.25, **MADE}
AN_ITEM = DocumentItem(
    id=12, name="Panel", currency="USD", qty=2, amount=Decimal("60.25"), created_at=AT_NINE, updated_at=AT_NINE
)

_DOCUMENT = {
    "reference_id": "order 7/12",
    "counterparty_id": 77,
    "currency": "USD",
    "total_amount": 120.5,
    "status": "ACTIVE",
    "note": "Solar kit deposit",
    "fee_bearer": "PAYER",
    "as_payment_link": True,
    "owner_id": 9,
    "owner_type": "ORGANIZATION",
    "paid_at": None,
    **MADE,
}
INVOICE = {"id": 501, "invoice_number": "INV-2026-00501", "due_date": None, **_DOCUMENT}
ORDER = {"id": 601, "order_number": "ORD-2026-0601", **_DOCUMENT}
INVOICE_DETAIL = {**INVOICE, "invoice_items": [ITEM], "counterparty": EMBEDDING}
ORDER_DETAIL = {**ORDER, "order_items": [ITEM], "counterparty": EMBEDDING}


def an_invoice(kind: type[Invoice] = Invoice, **more: object) -> Invoice:
    """Return the invoice as the caller gets it."""
    return kind(
        id=501,
        invoice_number="INV-2026-00501",
        reference_id="order 7/12",
        counterparty_id=77,
        currency="USD",
        total_amount=Decimal("120.5"),
        status=SourceStatus.ACTIVE,
        note="Solar kit deposit",
        fee_bearer=FeeBearer.PAYER,
        due_date=None,
        as_payment_link=True,
        owner_id=9,
        owner_type="ORGANIZATION",
        created_at=AT_NINE,
        updated_at=AT_NINE,
        **more,  # type: ignore[arg-type] # the lines and the counterparty of a detail
    )


def an_order(kind: type[Order] = Order, **more: object) -> Order:
    """Return the order as the caller gets it."""
    return kind(
        id=601,
        order_number="ORD-2026-0601",
        reference_id="order 7/12",
        counterparty_id=77,
        currency="USD",
        total_amount=Decimal("120.5"),
        status=SourceStatus.ACTIVE,
        note="Solar kit deposit",
        fee_bearer=FeeBearer.PAYER,
        as_payment_link=True,
        owner_id=9,
        owner_type="ORGANIZATION",
        created_at=AT_NINE,
        updated_at=AT_NINE,
        **more,  # type: ignore[arg-type] # the lines and the counterparty of a detail
    )


AN_INVOICE_DETAIL = an_invoice(InvoiceDetail, invoice_items=(AN_ITEM,), counterparty=AN_EMBEDDING)
AN_ORDER_DETAIL = an_order(OrderDetail, order_items=(AN_ITEM,), counterparty=AN_EMBEDDING)

_SETTLED = {
    "reference_id": None,
    "currency": "USD",
    "total_amount": 120.5,
    "status": "PAID",
    "note": "Solar kit deposit",
    "as_payment_link": True,
    "fee_bearer": "PAYER",
    "owner_id": 9,
    "owner_type": "ORGANIZATION",
    "created_at": NINE,
    "paid_at": NINE,
    "counterparty_id": 77,
    "relationship_type": "CUSTOMER",
    "counterparty_name": "Fatu Kollie",
    "counterparty_phone": "231880001122",
    "counterparty_email": None,
    "payer_amount": 24780,
    "payer_currency": "LRD",
    "payee_amount": 120.5,
    "payee_currency": "USD",
    "platform_fee": 1.2,
    "platform_currency": "USD",
    "gateway_fee": 2.2,
    "gateway_currency": "USD",
    "fx_fee": 0.62,
    "fx_rate": "200.000000000000000001",
    "fx_currency_from": "USD",
    "fx_currency_to": "LRD",
    "payment_provider": "PAWAPAY",
    "payment_method": "MTN_MOMO_LBR",
    "account_name": "Fatu wallet",
    "gateway_confirmed_at": NINE,
    "provider_transaction_id": "pw-7781",
    "items": [{"id": 12, "name": "Panel", "qty": 2, "amount": 60.25, "currency": "USD"}],
}
INVOICE_RECEIPT = {"invoice_id": 501, "invoice_number": "INV-2026-00501", "due_date": None, **_SETTLED}
ORDER_RECEIPT = {"order_id": 601, "order_number": "ORD-2026-0601", **_SETTLED}
_A_SETTLEMENT: dict[str, object] = {
    **_SETTLED,
    "total_amount": Decimal("120.5"),
    "status": SourceStatus.PAID,
    "fee_bearer": FeeBearer.PAYER,
    "created_at": AT_NINE,
    "paid_at": AT_NINE,
    "payer_amount": Decimal(24780),
    "payee_amount": Decimal("120.5"),
    "platform_fee": Decimal("1.2"),
    "gateway_fee": Decimal("2.2"),
    "fx_fee": Decimal("0.62"),
    "fx_rate": Decimal("200.000000000000000001"),
    "gateway_confirmed_at": AT_NINE,
    "items": (ReceiptItem(id=12, name="Panel", qty=2, amount=Decimal("60.25"), currency="USD"),),
}
AN_INVOICE_RECEIPT = InvoiceReceipt(
    invoice_id=501,
    invoice_number="INV-2026-00501",
    due_date=None,
    **_A_SETTLEMENT,  # type: ignore[arg-type] # the money fields of both kinds of receipts
)
AN_ORDER_RECEIPT = OrderReceipt(
    order_id=601,
    order_number="ORD-2026-0601",
    **_A_SETTLEMENT,  # type: ignore[arg-type] # the money fields of both kinds of receipts
)


def execution(kind: str) -> dict[str, object]:
    """Return an execution of a kind as the API sends it."""
    return {
        "reference_id": REFERENCE,
        "provider_transaction_id": None,
        "status": "PROCESSING",
        "payer_amount": 123.9,
        "payer_currency": "USD",
        "payee_amount": 120.5,
        "payee_currency": "USD",
        "operation_type": kind,
        "gateway_message": "Accepted",
        "wallet_message": None,
        "client_secret": "pi_1_secret_2",
        "requires_action": True,
    }


def an_execution(kind: ExecutionKind) -> Execution:
    """Return the same execution as the caller gets it."""
    return Execution(
        reference_id=REFERENCE,
        status=ExecutionStatus.PROCESSING,
        payer_amount=Decimal("123.9"),
        payer_currency="USD",
        payee_amount=Decimal("120.5"),
        payee_currency="USD",
        operation_type=kind,
        gateway_message="Accepted",
        client_secret="pi_1_secret_2",
        requires_action=True,
    )


QUOTE = {
    "payer_amount": "24780.00",
    "payer_currency": "LRD",
    "payee_amount": "120.50",
    "payee_currency": "USD",
    "platform_fee": "1.20",
    "platform_currency": "USD",
    "fx_fee": "0.62",
    "gateway_fee": None,
    "gateway_currency": None,
}
A_QUOTE = Quote(
    payer_amount=Decimal("24780.00"),
    payer_currency="LRD",
    payee_amount=Decimal("120.50"),
    payee_currency="USD",
    platform_fee=Decimal("1.20"),
    platform_currency="USD",
    fx_fee=Decimal("0.62"),
)

TIER = {"id": 1, "name": "default", "is_default": True, **MADE}
A_TIER = NumberedTier(id=1, name="default", is_default=True, created_at=AT_NINE, updated_at=AT_NINE)
