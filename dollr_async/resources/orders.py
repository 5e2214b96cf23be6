"""Orders of a shop (`/v1/orders`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from dollr_async.base.enums import FeeBearer, SourceStatus
from dollr_async.resources.counterparties import Counterparty
from dollr_async.resources.documents import DocumentChanges, DocumentItem, Documents, NewDocument, Settlement
from dollr_async.wire.codec import Answer, also_named


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewOrder(NewDocument):
    """A draft order to create; `reference_id` is your own text on it. Orders have no due date.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """


@attrs.frozen(kw_only=True, eq=False, repr=False)
class OrderChanges(DocumentChanges):
    """Changes of a draft order; fields that are None stay as they are. Orders have no due date.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Order(Answer):
    """An order at the API; `total_amount` is in major units. Orders have no due date."""

    id: int
    order_number: str
    counterparty_id: int
    currency: str
    status: SourceStatus
    note: str
    fee_bearer: FeeBearer
    as_payment_link: bool
    created_at: datetime
    updated_at: datetime
    # The replies of an update and a cancel have these three; those of the other calls are not documented.
    total_amount: Decimal | None = None
    owner_id: int | None = None
    owner_type: str | None = None
    reference_id: str | None = None
    paid_at: datetime | None = None

    @property
    def number(self) -> str:
        """The number on the document, `order_number`."""
        return self.order_number


@attrs.frozen(kw_only=True, eq=False, repr=False)
class OrderDetail(Order):
    """An order with its lines and its counterparty."""

    # No answer with an order is documented: `order_items` follows the invoice, `items` is the other guess.
    order_items: tuple[DocumentItem, ...] = attrs.field(default=(), metadata=also_named("items"))
    counterparty: Counterparty | None = None

    @property
    def items(self) -> tuple[DocumentItem, ...]:
        """The lines, under the same name as for invoices."""
        return self.order_items


@attrs.frozen(kw_only=True, eq=False, repr=False)
class OrderReceipt(Settlement):
    """The receipt of a PAID order; only the first six fields are always there."""

    order_id: int
    order_number: str
    currency: str
    total_amount: Decimal
    status: SourceStatus
    created_at: datetime
    note: str | None = None
    as_payment_link: bool | None = None
    fee_bearer: FeeBearer | None = None
    owner_id: int | None = None
    owner_type: str | None = None
    counterparty_id: int | None = None
    relationship_type: str | None = None
    counterparty_name: str | None = None
    counterparty_phone: str | None = None

    @property
    def number(self) -> str:
        """The number on the document, `order_number`."""
        return self.order_number


class Orders(Documents[NewOrder, OrderChanges, Order, OrderDetail, OrderReceipt]):
    """Orders of a shop (`/v1/orders`)."""

    plural = "orders"
    document_shape = Order
    detail_shape = OrderDetail
    receipt_shape = OrderReceipt
