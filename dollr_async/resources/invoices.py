"""Invoices: numbered bills (`/v1/invoices`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import FeeBearer, SourceStatus
from dollr_async.resources.counterparties import Counterparty
from dollr_async.resources.documents import DocumentChanges, DocumentItem, Documents, NewDocument, Settlement
from dollr_async.wire.codec import Answer


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewInvoice(NewDocument):
    """A draft invoice to create; `reference_id` is your own text on it, `due_date` a timezone-aware time.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    due_date: datetime | None = attrs.field(default=None, converter=fields.utc_time)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InvoiceChanges(DocumentChanges):
    """Changes of a draft invoice; fields that are None stay as they are. `due_date` is a timezone-aware time.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    due_date: datetime | None = attrs.field(default=None, converter=fields.utc_time)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Invoice(Answer):
    """An invoice at the API; `total_amount` is in major units."""

    id: int
    invoice_number: str
    counterparty_id: int
    currency: str
    total_amount: Decimal
    status: SourceStatus
    note: str
    fee_bearer: FeeBearer
    due_date: datetime | None
    as_payment_link: bool
    owner_id: int
    owner_type: str
    created_at: datetime
    updated_at: datetime
    reference_id: str | None = None
    paid_at: datetime | None = None

    @property
    def number(self) -> str:
        """The number on the document, `invoice_number`."""
        return self.invoice_number


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InvoiceDetail(Invoice):
    """An invoice with its lines and its counterparty."""

    invoice_items: tuple[DocumentItem, ...] = ()
    counterparty: Counterparty | None = None

    @property
    def items(self) -> tuple[DocumentItem, ...]:
        """The lines, under the same name as for orders."""
        return self.invoice_items


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InvoiceReceipt(Settlement):
    """The receipt of a PAID invoice."""

    invoice_id: int
    invoice_number: str
    currency: str
    total_amount: Decimal
    status: SourceStatus
    note: str
    due_date: datetime | None
    as_payment_link: bool
    fee_bearer: FeeBearer
    owner_id: int
    owner_type: str
    created_at: datetime
    counterparty_id: int
    relationship_type: str
    counterparty_name: str
    counterparty_phone: str

    @property
    def number(self) -> str:
        """The number on the document, `invoice_number`."""
        return self.invoice_number


class Invoices(Documents[NewInvoice, InvoiceChanges, Invoice, InvoiceDetail, InvoiceReceipt]):
    """Invoices: numbered bills (`/v1/invoices`)."""

    plural = "invoices"
    document_shape = Invoice
    detail_shape = InvoiceDetail
    receipt_shape = InvoiceReceipt
