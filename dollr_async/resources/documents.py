"""Invoices and orders: what they share, once, for both."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import FeeBearer, SourceStatus
from dollr_async.base.errors import DollrError, InvalidRequestError, NotFoundError
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource, if_told, segment
from dollr_async.wire.codec import Answer, Body, shaped

if TYPE_CHECKING:
    from collections.abc import Awaitable


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewDocument(Body):
    """What a new invoice and a new order share; `reference_id` is the caller's own text, not a payment's key."""

    counterparty_id: int = attrs.field(converter=fields.identifier)
    currency: str = attrs.field(converter=fields.currency_code)
    note: str = attrs.field(default="", validator=fields.any_text)
    fee_bearer: FeeBearer = attrs.field(default=FeeBearer.PAYER, converter=enum_values.fee_bearer)
    as_payment_link: bool = attrs.field(default=False, validator=fields.flag)
    reference_id: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DocumentChanges(Body):
    """What may be changed of a draft, invoice or order; what is None stays as it is."""

    note: str | None = attrs.field(default=None, validator=fields.optional_text)
    fee_bearer: FeeBearer | None = attrs.field(default=None, converter=enum_values.optional_fee_bearer)
    reference_id: str | None = attrs.field(default=None, validator=fields.optional_text)


def _optional_amount(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else fields.amount(value)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewLineItem(Body):
    """A line to add to a draft; `amount` is for one, in major units, and the line costs `amount` times `qty`.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str = attrs.field(validator=fields.text)
    currency: str = attrs.field(converter=fields.currency_code)
    amount: Decimal = attrs.field(converter=fields.amount)
    qty: int = attrs.field(default=1, validator=fields.quantity)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class LineItemChanges(Body):
    """What to change of a draft's line; what is None stays as it is, and the currency always does.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str | None = attrs.field(default=None, validator=fields.optional_text)
    qty: int | None = attrs.field(default=None, validator=attrs.validators.optional(fields.quantity))
    amount: Decimal | None = attrs.field(default=None, converter=_optional_amount)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DocumentItem(Answer):
    """A line of a document; `amount` is for one, in major units."""

    id: int
    name: str
    currency: str
    qty: int
    amount: Decimal
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ReceiptItem(Answer):
    """A line of a receipt; `amount` is for one, in major units."""

    id: int
    name: str
    qty: int
    amount: Decimal
    currency: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Settlement(Answer):
    """What a receipt says of the money: what was paid and received, the fees and the rate, in major units."""

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
class Whatever(Answer):
    """An answer whose shape is not documented; all of it is in `extra`."""


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
    """The operations that invoices and orders share; a subclass says its path and its shapes."""

    plural: ClassVar[str]
    document: type[DocumentT_co]
    detail: type[DetailT_co]
    settled: type[ReceiptT_co]

    async def create(self, document: NewT_contra) -> DocumentT_co:
        """Create a draft (`create_invoice`, `create_order`)."""
        return await self._post(f"{self.plural}/create", self.document, document)

    async def list(
        self, *, currency: str | None = None, status: SourceStatus | str | None = None
    ) -> tuple[DocumentT_co, ...]:
        """List documents without their lines, all or those of a currency or a status (`list_invoice`, `list_order`)."""
        code = None if currency is None else fields.currency_code(currency)
        query = {"currency": code, "status": enum_values.optional_status(status)}
        return await self._list(f"{self.plural}/list", self.document, **query)

    async def retrieve(self, document_id: int | str) -> DetailT_co:
        """Fetch one document with its lines and its counterparty (`retrieve_invoice_by_id`, `retrieve_order_by_id`)."""
        return await self._get(f"{self.plural}/retrieve/{segment(document_id)}", self.detail)

    async def retrieve_by_number(self, number: str) -> DetailT_co:
        """Fetch one document by the number that people see (`retrieve_invoice_by_number`, and its twin)."""
        return await self._get(f"{self.plural}/retrieve/number/{segment(number)}", self.detail)

    async def update(self, document_id: int | str, changes: ChangesT_contra) -> DocumentT_co | None:
        """Change a draft; None where the API does not answer with it (`update_invoice`, `update_order`)."""
        path = f"{self.plural}/update/{segment(document_id)}"
        return await if_told(self._put(path, self.document, changes))

    async def add_item(self, document_id: int | str, item: NewLineItem) -> DocumentItem:
        """Add a line to a draft (`add_invoice_item`, `add_order_item`)."""
        return await self._post(f"{self.plural}/{segment(document_id)}/items/add", DocumentItem, item)

    async def update_item(
        self, document_id: int | str, item_id: int | str, changes: LineItemChanges
    ) -> DocumentItem | None:
        """Change a draft's line; None where the API does not answer with it (`update_invoice_item`, and its twin)."""
        path = f"{self.plural}/{segment(document_id)}/items/{segment(item_id)}/update"
        return await if_told(self._put(path, DocumentItem, changes))

    async def remove_item(self, document_id: int | str, item_id: int | str) -> None:
        """Remove a draft's line (`remove_invoice_item`, `remove_order_item`).

        A line that is gone already is a success: the request may have arrived twice.
        """
        path = f"{self.plural}/{segment(document_id)}/items/{segment(item_id)}/remove"
        await self._unless_gone(if_told(self._delete(path, Whatever)), document_id, item_id)

    async def publish(self, document_id: int | str) -> DocumentT_co | DetailT_co | None:
        """Publish a draft; None where the API answers with nothing (`publish_invoice`, `publish_order`).

        A document that is ACTIVE already is a success: the request may have arrived twice.
        """
        publishing = self._put(f"{self.plural}/publish/{segment(document_id)}", Whatever)
        return await self._unless_already(_if_any(publishing, self.document), document_id, SourceStatus.ACTIVE)

    async def cancel(self, document_id: int | str) -> DocumentT_co | DetailT_co | None:
        """Cancel a document; None where the API does not answer with it (`cancel_invoice`, `cancel_order`).

        A document that is CANCELED already is a success: the request may have arrived twice.
        """
        canceling = self._delete(f"{self.plural}/cancel/{segment(document_id)}", self.document)
        return await self._unless_already(if_told(canceling), document_id, SourceStatus.CANCELED)

    async def receipt(self, document_id: int | str) -> ReceiptT_co:
        """Fetch the receipt of a document that is PAID (`retrieve_invoice_receipt_by_id`, and the order's twin)."""
        return await self._get(f"{self.plural}/receipt/{segment(document_id)}", self.settled)

    async def receipt_by_number(self, number: str) -> ReceiptT_co:
        """Fetch a receipt by the document's number (`retrieve_invoice_receipt_by_number`, and the order's twin)."""
        return await self._get(f"{self.plural}/receipt/number/{segment(number)}", self.settled)

    # aiohttp sends a PUT or DELETE again when the connection drops, and the second one is refused: a refusal is
    # followed by one read, and "already so" is success (docs/design.md, rule 3).

    async def _unless_already(
        self, change: Awaitable[DocumentT_co | None], document_id: int | str, wanted: SourceStatus
    ) -> DocumentT_co | DetailT_co | None:
        try:
            return await change
        except (NotFoundError, InvalidRequestError):
            found = await self._found(document_id)
            if found is None or found.status != wanted:
                raise
            return found

    async def _unless_gone(self, change: Awaitable[object], document_id: int | str, item_id: int | str) -> None:
        try:
            await change
        except (NotFoundError, InvalidRequestError):
            found = await self._found(document_id)
            if found is None or not _lacks(found, item_id):
                raise

    async def _found(self, document_id: int | str) -> DetailT_co | None:
        try:
            return await self.retrieve(document_id)
        except DollrError:
            return None


async def _if_any(answer: Awaitable[Whatever], shape: type[T]) -> T | None:
    told = (await answer).extra
    return shaped(told, shape) if told else None


def _lacks(document: _Detail, item_id: int | str) -> bool:
    # Lines are not certain to be part of an answer: only a draft may have none, since nothing else is published.
    is_complete = bool(document.items) or document.status == SourceStatus.IDLE
    return is_complete and all(str(item.id) != str(item_id) for item in document.items)
