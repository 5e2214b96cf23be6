"""Invoices and orders: what they share, once, for both."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

import attrs

from dollr_async import fields
from dollr_async.codec import Answer, Body, shaped
from dollr_async.enums import FeeBearer, SourceStatus
from dollr_async.errors import DollrError, InvalidRequestError, NotFoundError
from dollr_async.resources.base import Resource, segment

if TYPE_CHECKING:
    from collections.abc import Coroutine


@attrs.frozen(kw_only=True)
class NewDocument(Body):
    """What a new invoice and a new order share; `reference_id` is the caller's own text, not a payment's key."""

    counterparty_id: int = attrs.field(converter=fields.identifier)
    currency: str = attrs.field(converter=fields.currency_code)
    note: str = attrs.field(default="", validator=fields.any_text)
    fee_bearer: FeeBearer = attrs.field(default=FeeBearer.PAYER, converter=FeeBearer)
    as_payment_link: bool = False
    reference_id: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(kw_only=True)
class NewLineItem(Body):
    """A line to add to a draft; `amount` is for one, in major units, and the line costs `amount` times `qty`.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str = attrs.field(validator=fields.text)
    currency: str = attrs.field(converter=fields.currency_code)
    amount: Decimal = attrs.field(converter=fields.amount)
    qty: int = attrs.field(default=1, validator=fields.quantity)


@attrs.frozen(kw_only=True)
class DocumentItem(Answer):
    """A line of a document; `amount` is for one, in major units."""

    id: int
    name: str
    currency: str
    qty: int
    amount: Decimal
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True)
class ReceiptItem(Answer):
    """A line of a receipt; `amount` is for one, in major units."""

    id: int
    name: str
    qty: int
    amount: Decimal
    currency: str


@attrs.frozen(kw_only=True)
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


@attrs.frozen(kw_only=True)
class Whatever(Answer):
    """An answer whose shape is not documented; all of it is in `extra`."""


class _HasStatus(Protocol):
    @property
    def status(self) -> SourceStatus: ...


NewT_contra = TypeVar("NewT_contra", bound=NewDocument, contravariant=True)
DocumentT_co = TypeVar("DocumentT_co", bound=Answer, covariant=True)
DetailT_co = TypeVar("DetailT_co", bound=_HasStatus, covariant=True)
ReceiptT_co = TypeVar("ReceiptT_co", bound=Settlement, covariant=True)


class Documents(Resource, Generic[NewT_contra, DocumentT_co, DetailT_co, ReceiptT_co]):
    """The operations that invoices and orders share; a subclass says its path and its shapes."""

    plural: ClassVar[str]
    document: type[DocumentT_co]
    detail: type[DetailT_co]
    settled: type[ReceiptT_co]

    async def create(self, document: NewT_contra) -> DocumentT_co:
        """Create a draft (`create_invoice`, `create_order`)."""
        return await self._post(f"{self.plural}/create", self.document, document)

    async def retrieve(self, document_id: int | str) -> DetailT_co:
        """Fetch one document with its lines and its counterparty (`retrieve_invoice_by_id`, `retrieve_order_by_id`)."""
        return await self._get(f"{self.plural}/retrieve/{segment(document_id)}", self.detail)

    async def add_item(self, document_id: int | str, item: NewLineItem) -> DocumentItem:
        """Add a line to a draft (`add_invoice_item`, `add_order_item`)."""
        return await self._post(f"{self.plural}/{segment(document_id)}/items/add", DocumentItem, item)

    async def publish(self, document_id: int | str) -> DocumentT_co | DetailT_co | None:
        """Publish a draft; None where the API answers with nothing (`publish_invoice`, `publish_order`).

        A document that is ACTIVE already is a success: the request may have arrived twice.
        """
        publishing = self._put(f"{self.plural}/publish/{segment(document_id)}", Whatever)
        return await self._unless_already(publishing, document_id, SourceStatus.ACTIVE)

    async def receipt(self, document_id: int | str) -> ReceiptT_co:
        """Fetch the receipt of a document that is PAID (`retrieve_invoice_receipt_by_id`, and the order's twin)."""
        return await self._get(f"{self.plural}/receipt/{segment(document_id)}", self.settled)

    async def _unless_already(
        self, change: Coroutine[object, object, Whatever], document_id: int | str, wanted: SourceStatus
    ) -> DocumentT_co | DetailT_co | None:
        try:
            answer = await change
        except (NotFoundError, InvalidRequestError):
            # aiohttp sends a PUT or DELETE again when the connection drops, and the second one is refused.
            found = await self._found(document_id)
            if found is None or found.status != wanted:
                raise
            return found
        return shaped(answer.extra, self.document) if answer.extra else None

    async def _found(self, document_id: int | str) -> DetailT_co | None:
        try:
            return await self.retrieve(document_id)
        except DollrError:
            return None
