"""Invoices, orders and the one-call checkout."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from dollr_async import (
    Checkout,
    CheckoutItem,
    CheckoutMode,
    FeeBearer,
    InvoiceChanges,
    LineItemChanges,
    NewCheckout,
    NewInvoice,
    NewLineItem,
    NewOrder,
    OrderChanges,
    SourceStatus,
    SourceType,
)
from tests.resources.cases import shapes
from tests.resources.cases.case import WireCase

if TYPE_CHECKING:
    from collections.abc import Iterator

_DUE = datetime(2026, 7, 31, tzinfo=UTC)


def _both(kind: str) -> Iterator[WireCase]:
    # Invoices and orders have these operations and their bodies in common; only the shapes of the answers differ.
    source_type = SourceType(kind)
    is_order = source_type == SourceType.ORDER
    base, document_id = f"/v1/{kind}s", 601 if is_order else 501
    document = shapes.ORDER if is_order else shapes.INVOICE
    a_document = shapes.an_order() if is_order else shapes.an_invoice()
    detail = shapes.ORDER_DETAIL if is_order else shapes.INVOICE_DETAIL
    a_detail = shapes.AN_ORDER_DETAIL if is_order else shapes.AN_INVOICE_DETAIL
    receipt = shapes.ORDER_RECEIPT if is_order else shapes.INVOICE_RECEIPT
    a_receipt = shapes.AN_ORDER_RECEIPT if is_order else shapes.AN_INVOICE_RECEIPT
    yield WireCase(
        operation=f"list_{kind}",
        name=f"{kind}s.list",
        call=lambda api: api.documents(source_type).list(currency="usd", status="active"),
        method="GET",
        path=f"{base}/list",
        query={"currency": "USD", "status": "ACTIVE"},
        answer=[document],
        value=(a_document,),
    )
    yield WireCase(
        operation=f"retrieve_{kind}_by_id",
        name=f"{kind}s.retrieve",
        call=lambda api: api.documents(source_type).retrieve(document_id),
        method="GET",
        path=f"{base}/retrieve/{document_id}",
        answer=detail,
        value=a_detail,
    )
    yield WireCase(
        operation=f"retrieve_{kind}_by_number",
        name=f"{kind}s.retrieve_by_number",
        call=lambda api: api.documents(source_type).retrieve_by_number("NR 2026/0501?#%"),
        method="GET",
        path=f"{base}/retrieve/number/NR%202026%2F0501%3F%23%25",
        answer=detail,
        value=a_detail,
    )
    yield WireCase(
        operation=f"add_{kind}_item",
        name=f"{kind}s.add_item",
        call=lambda api: api.documents(source_type).add_item(
            document_id, NewLineItem(name="Panel", currency="usd", amount=Decimal("60.25"), qty=2)
        ),
        method="POST",
        path=f"{base}/{document_id}/items/add",
        body={"name": "Panel", "currency": "USD", "amount": Decimal("60.25"), "qty": 2},
        answer=shapes.ITEM,
        value=shapes.AN_ITEM,
    )
    yield WireCase(
        operation=f"update_{kind}_item",
        name=f"{kind}s.update_item",
        call=lambda api: api.documents(source_type).update_item(
            document_id, 12, LineItemChanges(qty=2, amount=Decimal("60.25"))
        ),
        method="PUT",
        path=f"{base}/{document_id}/items/12/update",
        body={"qty": 2, "amount": Decimal("60.25")},
        answer=shapes.ITEM,
        value=shapes.AN_ITEM,
    )
    yield WireCase(
        operation=f"remove_{kind}_item",
        name=f"{kind}s.remove_item",
        call=lambda api: api.documents(source_type).remove_item(document_id, "12"),
        method="DELETE",
        path=f"{base}/{document_id}/items/12/remove",
        answer={},
        value=None,
    )
    yield WireCase(
        operation=f"publish_{kind}",
        name=f"{kind}s.publish",
        call=lambda api: api.documents(source_type).publish(document_id),
        method="PUT",
        path=f"{base}/publish/{document_id}",
        answer=document,
        value=a_document,
    )
    yield WireCase(
        operation=f"cancel_{kind}",
        name=f"{kind}s.cancel",
        call=lambda api: api.documents(source_type).cancel(document_id),
        method="DELETE",
        path=f"{base}/cancel/{document_id}",
        answer=document,
        value=a_document,
    )
    yield WireCase(
        operation=f"retrieve_{kind}_receipt_by_id",
        name=f"{kind}s.receipt",
        call=lambda api: api.documents(source_type).receipt(document_id),
        method="GET",
        path=f"{base}/receipt/{document_id}",
        answer=receipt,
        value=a_receipt,
    )
    yield WireCase(
        operation=f"retrieve_{kind}_receipt_by_number",
        name=f"{kind}s.receipt_by_number",
        call=lambda api: api.documents(source_type).receipt_by_number("NR-1"),
        method="GET",
        path=f"{base}/receipt/number/NR-1",
        answer=receipt,
        value=a_receipt,
    )


CASES = (
    WireCase(
        operation="create_invoice",
        name="invoices.create",
        call=lambda api: api.invoices.create(
            NewInvoice(
                counterparty_id=77,
                currency="USD",
                note="Solar kit deposit",
                fee_bearer=FeeBearer.PAYEE,
                as_payment_link=True,
                reference_id="order 7/12",
                due_date=_DUE,
            )
        ),
        method="POST",
        path="/v1/invoices/create",
        body={
            "counterparty_id": 77,
            "currency": "USD",
            "note": "Solar kit deposit",
            "fee_bearer": "PAYEE",
            "as_payment_link": True,
            "reference_id": "order 7/12",
            "due_date": "2026-07-31T00:00:00Z",
        },
        answer=shapes.INVOICE,
        value=shapes.an_invoice(),
    ),
    WireCase(
        operation="update_invoice",
        name="invoices.update",
        call=lambda api: api.invoices.update("501", InvoiceChanges(note="Revised", due_date=_DUE)),
        method="PUT",
        path="/v1/invoices/update/501",
        body={"note": "Revised", "due_date": "2026-07-31T00:00:00Z"},
        answer=shapes.INVOICE,
        value=shapes.an_invoice(),
    ),
    *_both("invoice"),
    WireCase(
        operation="create_order",
        name="orders.create",
        call=lambda api: api.orders.create(NewOrder(counterparty_id="77", currency="usd", note="Solar kit deposit")),
        method="POST",
        path="/v1/orders/create",
        body={
            "counterparty_id": 77,
            "currency": "USD",
            "note": "Solar kit deposit",
            "fee_bearer": "PAYER",
            "as_payment_link": False,
        },
        answer=shapes.ORDER,
        value=shapes.an_order(),
    ),
    WireCase(
        operation="update_order",
        name="orders.update",
        call=lambda api: api.orders.update(601, OrderChanges(fee_bearer="payee", reference_id="order 7/12")),
        method="PUT",
        path="/v1/orders/update/601",
        body={"fee_bearer": "PAYEE", "reference_id": "order 7/12"},
        answer=shapes.ORDER,
        value=shapes.an_order(),
    ),
    *_both("order"),
    WireCase(
        operation="create_checkout_source",
        name="checkouts.create",
        call=lambda api: api.checkouts.create(
            NewCheckout(
                mode=CheckoutMode.HOSTED,
                source_kind=SourceType.ORDER,
                party_name="Fatu Kollie",
                party_phone="231880001122",
                party_relationship="customer",
                currency="USD",
                items=[CheckoutItem(name="Panel", currency="USD", amount=Decimal("120.50"))],
                success_url="https://shop.example/thanks",
                expires_at=_DUE,
            )
        ),
        method="POST",
        path="/v1/checkouts/create",
        body={
            "mode": "HOSTED",
            "source_kind": "ORDER",
            "party_name": "Fatu Kollie",
            "party_phone": "231880001122",
            "party_relationship": "CUSTOMER",
            "currency": "USD",
            "items": [{"name": "Panel", "currency": "USD", "amount": Decimal("120.50")}],
            "success_url": "https://shop.example/thanks",
            "expires_at": "2026-07-31T00:00:00Z",
        },
        answer={
            "mode": "HOSTED",
            "source_type": "ORDER",
            "source_id": 601,
            "source_number": "ORD-2026-0601",
            "source_status": "ACTIVE",
            "counterparty_id": 77,
            "party_id": 310,
            "source_checkout_config_id": 5,
            "currency": "USD",
            "total_amount": 120.5,
            "url": "https://pay.example/ORD-2026-0601",
            "success_url": "https://shop.example/thanks",
            "expires_at": "2026-07-31T00:00:00Z",
        },
        value=Checkout(
            mode=CheckoutMode.HOSTED,
            source_type=SourceType.ORDER,
            source_id=601,
            source_number="ORD-2026-0601",
            source_status=SourceStatus.ACTIVE,
            counterparty_id=77,
            party_id=310,
            source_checkout_config_id=5,
            currency="USD",
            total_amount=Decimal("120.5"),
            url="https://pay.example/ORD-2026-0601",
            success_url="https://shop.example/thanks",
            expires_at=_DUE,
        ),
    ),
)
