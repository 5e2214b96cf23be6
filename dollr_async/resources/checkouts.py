"""Checkouts: payer, document and payment page in one call (`/v1/checkouts`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async.base import fields, money, phones
from dollr_async.base.enums import CheckoutMode, RelationshipType, SourceStatus, SourceType
from dollr_async.base.errors import InvalidInputError
from dollr_async.base.record import SECRET
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer, Body

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CheckoutItem(Body):
    """A line of a checkout. It has no quantity: `amount` is the price of the whole line, in major units.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str = attrs.field(validator=fields.text)
    currency: str = attrs.field(converter=fields.currency_code)
    amount: Decimal = attrs.field(converter=money.amount)


def _lines(items: Sequence[CheckoutItem]) -> tuple[CheckoutItem, ...]:
    lines = tuple(items) if isinstance(items, list | tuple) else ()
    if not lines or not all(isinstance(line, CheckoutItem) for line in lines):
        message = "items must be a list of at least one CheckoutItem"
        raise InvalidInputError(message)
    return lines


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewCheckout(Body):
    """A payer, a document and its lines in one body; `source_kind` is called `source_type` everywhere else.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    party_phone: str = attrs.field(converter=phones.phone_number)
    currency: str = attrs.field(converter=fields.currency_code)
    items: tuple[CheckoutItem, ...] = attrs.field(converter=_lines)
    mode: CheckoutMode = attrs.field(default=CheckoutMode.HOSTED, converter=enum_values.checkout_mode)
    source_kind: SourceType = attrs.field(default=SourceType.INVOICE, converter=enum_values.source_type)
    party_name: str | None = attrs.field(default=None, validator=fields.optional_text)
    party_email: str | None = attrs.field(default=None, validator=fields.optional_text)
    party_relationship: RelationshipType | None = attrs.field(default=None, converter=enum_values.optional_relationship)
    reference_id: str | None = attrs.field(default=None, validator=fields.optional_text)
    note: str | None = attrs.field(default=None, validator=fields.optional_text)
    due_date: datetime | None = attrs.field(default=None, converter=fields.utc_time)
    success_url: str | None = attrs.field(default=None, validator=fields.optional_text)
    cancel_url: str | None = attrs.field(default=None, validator=fields.optional_text)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.utc_time)
    counterparty_id: int | None = attrs.field(default=None, converter=fields.optional_identifier)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Checkout(Answer):
    """A checkout and the document that it made; send the payer to `url` if the mode is HOSTED."""

    mode: CheckoutMode
    source_type: SourceType
    source_id: int
    source_number: str
    source_status: SourceStatus
    counterparty_id: int
    party_id: int
    source_checkout_config_id: int
    currency: str
    # Older answers have no `url`. A missing total is read from the source's status before money moves.
    total_amount: Decimal | None = None
    url: str | None = None
    reference_id: str | None = None
    due_date: datetime | None = None
    expires_at: datetime | None = None
    hosted_path_or_token: str | None = attrs.field(default=None, repr=False, metadata=SECRET)
    success_url: str | None = None
    cancel_url: str | None = None


class Checkouts(Resource):
    """Checkouts: payer, document and payment page in one call (`/v1/checkouts`)."""

    async def create(self, checkout: NewCheckout) -> Checkout:
        """Create payer, document and payment page in one request (`create_checkout_source`)."""
        return await self._post("checkouts/create", Checkout, checkout)
