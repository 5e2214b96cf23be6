"""What invoices and orders share: bodies, answers and operations."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

import attrs

from dollr_async.base import fields, money
from dollr_async.base.enums import FeeBearer, SourceStatus
from dollr_async.base.errors import DollrError, InvalidRequestError, NotFoundError
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource, answer_or_none, segment
from dollr_async.wire.codec import Answer, Body, shaped

if TYPE_CHECKING:
    from collections.abc import Awaitable


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewDocument(Body):
    """The common fields of a new invoice or order; `reference_id` is the caller's own text, not a payment's key."""

    counterparty_id: int = attrs.field(converter=fields.identifier)
    currency: str = attrs.field(converter=fields.currency_code)
    note: str = attrs.field(default="", validator=fields.any_text)
    fee_bearer: FeeBearer = attrs.field(default=FeeBearer.PAYER, converter=enum_values.fee_bearer)
    as_payment_link: bool = attrs.field(default=False, validator=fields.flag)
    reference_id: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DocumentChanges(Body):
    """The common changes of a draft invoice or order; fields that are None stay as they are."""

    note: str | None = attrs.field(default=None, validator=fields.optional_text)
    fee_bearer: FeeBearer | None = attrs.field(default=None, converter=enum_values.optional_fee_bearer)
    reference_id: str | None = attrs.field(default=None, validator=fields.optional_text)


def _optional_amount(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else money.amount(value)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewLineItem(Body):
    """A line to add to a draft; `amount` is the price of one, in major units, so the line costs `amount` x `qty`.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str = attrs.field(validator=fields.text)
    currency: str = attrs.field(converter=fields.currency_code)
    amount: Decimal = attrs.field(converter=money.amount)
    qty: int = attrs.field(default=1, validator=fields.quantity)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class LineItemChanges(Body):
    """Changes of a draft's line; fields that are None stay as they are, and the currency cannot change.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str | None = attrs.field(default=None, validator=fields.optional_text)
    qty: int | None = attrs.field(default=None, validator=attrs.validators.optional(fields.quantity))
    amount: Decimal | None = attrs.field(default=None, converter=_optional_amount)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DocumentItem(Answer):
    """A line of a document; `amount` is the price of one, in major units."""

    id: int
    name: str
    currency: str
    qty: int
    amount: Decimal
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ReceiptItem(Answer):
    """A line of a receipt; `amount` is the price of one, in major units."""

    id: int
    name: str
    qty: int
    amount: Decimal
    currency: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Settlement(Answer):
    """The money on a receipt, in major units: what was paid and received, the fees and the exchange rate."""

    paid_at: datetime | None = None
    counterparty_email: str | None = None
    payer_amount: Decimal | None = None
    payer_currency: str | None = None
    payee_amount: Decimal | None = None
    payee_currency: str | None = None
    platform_fee: Decimal | None = None
    platform_currency: str | None = None
    gateway_fee: Decimal | None = None
    gateway_currency: str | None = None
    fx_fee: Decimal | None = None
    fx_rate: Decimal | None = None
    fx_currency_from: str | None = None
    fx_currency_to: str | None = None
    payment_provider: str | None = None
    payment_method: str | None = None
    account_name: str | None = None
    gateway_confirmed_at: datetime | None = None
    provider_transaction_id: str | None = None
    reference_id: str | None = None
    items: tuple[ReceiptItem, ...] = ()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class UndocumentedAnswer(Answer):
    """An answer whose shape is not documented; all of its keys are in `extra`."""


class _Detail(Protocol):
    @property
    def status(self) -> SourceStatus: ...

    @property
    def items(self) -> tuple[DocumentItem, ...]: ...


T = TypeVar("T")
NewT_contra = TypeVar("NewT_contra", bound=NewDocument, contravariant=True)
ChangesT_contra = TypeVar("ChangesT_contra", bound=DocumentChanges, contravariant=True)
DocumentT_co = TypeVar("DocumentT_co", bound=Answer, covariant=True)
DetailT_co = TypeVar("DetailT_co", bound=_Detail, covariant=True)
ReceiptT_co = TypeVar("ReceiptT_co", bound=Settlement, covariant=True)


class Documents(Resource, Generic[NewT_contra, ChangesT_contra, DocumentT_co, DetailT_co, ReceiptT_co]):
    """The operations that invoices and orders share; a subclass sets its path and the shapes of its answers."""

    plural: ClassVar[str]
    document_shape: type[DocumentT_co]
    detail_shape: type[DetailT_co]
    receipt_shape: type[ReceiptT_co]

    async def create(self, document: NewT_contra) -> DocumentT_co:
        """Create a draft without lines (`create_invoice`, `create_order`)."""
        return await self._post(f"{self.plural}/create", self.document_shape, document)

    async def list(
        self, *, currency: str | None = None, status: SourceStatus | str | None = None
    ) -> tuple[DocumentT_co, ...]:
        """List documents without their lines: all, or by currency or status (`list_invoice`, `list_order`)."""
        code = None if currency is None else fields.currency_code(currency)
        query = {"currency": code, "status": enum_values.optional_status(status)}
        return await self._list(f"{self.plural}/list", self.document_shape, **query)

    async def retrieve(self, document_id: int | str) -> DetailT_co:
        """Fetch one document with its lines and its counterparty (`retrieve_invoice_by_id`, `retrieve_order_by_id`)."""
        return await self._get(f"{self.plural}/retrieve/{segment(document_id)}", self.detail_shape)

    async def retrieve_by_number(self, number: str) -> DetailT_co:
        """Fetch one document by its number (`retrieve_invoice_by_number`, `retrieve_order_by_number`)."""
        return await self._get(f"{self.plural}/retrieve/number/{segment(number)}", self.detail_shape)

    async def update(self, document_id: int | str, changes: ChangesT_contra) -> DocumentT_co | None:
        """Change a draft (`update_invoice`, `update_order`). It returns None if the answer has no document."""
        path = f"{self.plural}/update/{segment(document_id)}"
        return await answer_or_none(self._put(path, self.document_shape, changes))

    async def add_item(self, document_id: int | str, item: NewLineItem) -> DocumentItem:
        """Add a line to a draft (`add_invoice_item`, `add_order_item`)."""
        return await self._post(f"{self.plural}/{segment(document_id)}/items/add", DocumentItem, item)

    async def update_item(
        self, document_id: int | str, item_id: int | str, changes: LineItemChanges
    ) -> DocumentItem | None:
        """Change a line of a draft (`update_invoice_item`, `update_order_item`).

        It returns the line, or None if the answer has no line.
        """
        path = f"{self.plural}/{segment(document_id)}/items/{segment(item_id)}/update"
        return await answer_or_none(self._put(path, DocumentItem, changes))

    async def remove_item(self, document_id: int | str, item_id: int | str) -> None:
        """Remove a line of a draft (`remove_invoice_item`, `remove_order_item`).

        It is no error if the line is already removed, since the request may have arrived twice.
        """
        path = f"{self.plural}/{segment(document_id)}/items/{segment(item_id)}/remove"
        await self._accept_if_removed(answer_or_none(self._delete(path, UndocumentedAnswer)), document_id, item_id)

    async def publish(self, document_id: int | str) -> DocumentT_co | DetailT_co | None:
        """Publish a draft, so that it can be paid (`publish_invoice`, `publish_order`).

        It returns the document, or None if the answer is empty. It is no error if the document is already ACTIVE, since
        the request may have arrived twice.
        """
        path = f"{self.plural}/publish/{segment(document_id)}"
        publishing = _shaped_or_none(self._put(path, UndocumentedAnswer), self.document_shape)
        return await self._accept_if_already(publishing, document_id, SourceStatus.ACTIVE)

    async def cancel(self, document_id: int | str) -> DocumentT_co | DetailT_co | None:
        """Cancel a document (`cancel_invoice`, `cancel_order`).

        It returns the document, or None if the answer has no document. It is no error if the document is already
        CANCELED, since the request may have arrived twice.
        """
        canceling = self._delete(f"{self.plural}/cancel/{segment(document_id)}", self.document_shape)
        return await self._accept_if_already(answer_or_none(canceling), document_id, SourceStatus.CANCELED)

    async def receipt(self, document_id: int | str) -> ReceiptT_co:
        """Fetch the receipt of a PAID document (`retrieve_invoice_receipt_by_id`, `retrieve_order_receipt_by_id`)."""
        return await self._get(f"{self.plural}/receipt/{segment(document_id)}", self.receipt_shape)

    async def receipt_by_number(self, number: str) -> ReceiptT_co:
        """Fetch a receipt by the document's number (`retrieve_{invoice,order}_receipt_by_number`)."""
        return await self._get(f"{self.plural}/receipt/number/{segment(number)}", self.receipt_shape)

    # aiohttp resends a PUT or DELETE when the connection drops, and the API refuses the second one. So a refusal is
    # followed by one read, and a change that is already made is a success (docs/design.md, rule 3).

    async def _accept_if_already(
        self, change: Awaitable[DocumentT_co | None], document_id: int | str, wanted: SourceStatus
    ) -> DocumentT_co | DetailT_co | None:
        try:
            return await change
        except (NotFoundError, InvalidRequestError):
            found = await self._retrieved_or_none(document_id)
            if found is None or found.status != wanted:
                raise
            return found

    async def _accept_if_removed(self, change: Awaitable[object], document_id: int | str, item_id: int | str) -> None:
        try:
            await change
        except (NotFoundError, InvalidRequestError):
            found = await self._retrieved_or_none(document_id)
            if found is None or not _lacks(found, item_id):
                raise

    async def _retrieved_or_none(self, document_id: int | str) -> DetailT_co | None:
        try:
            return await self.retrieve(document_id)
        except DollrError:
            return None


async def _shaped_or_none(answer: Awaitable[UndocumentedAnswer], shape: type[T]) -> T | None:
    found = (await answer).extra
    return shaped(found, shape) if found else None


def _lacks(document: _Detail, item_id: int | str) -> bool:
    # An answer may leave out the lines. Only a draft can really have none, since a document without lines cannot be
    # published.
    is_complete = bool(document.items) or document.status == SourceStatus.IDLE
    return is_complete and all(str(item.id) != str(item_id) for item in document.items)
