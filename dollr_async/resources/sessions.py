"""Declared intents, each executed once (`/v1/sessions`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import SessionStatus, SourceType
from dollr_async.base.errors import InvalidInputError
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer, Body


def _end(value: datetime) -> datetime:
    moment = fields.utc_time(value)
    if moment is None:
        raise InvalidInputError("expires_at must be an aware time, as in datetime.now(UTC) + timedelta(minutes=15)")
    return moment


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewCheckoutSession(Body):
    """The intent to collect for an ACTIVE document.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    source_id: int = attrs.field(converter=fields.identifier)
    source_type: SourceType = attrs.field(converter=enum_values.source_type)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CheckoutSession(Answer):
    """An intent to collect; execute it before `expires_at`."""

    id: int
    source_id: int
    source_type: SourceType
    status: SessionStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    # A number, an integer or null, as the sources have it.
    payment_account_id: int | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewPayoutSession(Body):
    """The intent to pay out `amount`, in major units, to an account registered for payouts.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    # An integer here (`create_payout_session`), text where the session is executed (`payout`).
    payout_account_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=fields.amount)
    currency: str = attrs.field(converter=fields.currency_code)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PayoutSession(Answer):
    """An intent to pay out; execute it before `expires_at`. `wallet_id` is the wallet that will be debited."""

    id: int
    wallet_id: int
    payout_account_id: int
    amount: Decimal
    currency: str
    status: SessionStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewTransferSession(Body):
    """The intent to move `amount`, in major units, from a wallet to a counterparty's.

    You say when it expires: `expires_at` is an aware time. A wallet's id comes from a payout session or the portal.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    from_wallet_id: int = attrs.field(converter=fields.identifier)
    to_counterparty_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=fields.amount)
    currency: str = attrs.field(converter=fields.currency_code)
    expires_at: datetime = attrs.field(converter=_end)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TransferSession(Answer):
    """An intent to transfer; execute it before `expires_at`."""

    id: int
    from_wallet_id: int
    to_counterparty_id: int
    amount: Decimal
    currency: str
    status: SessionStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewRefundSession(Body):
    """The intent to give back `amount`, in major units of the original payment, up to all of it.

    You say when it expires: `expires_at` is an aware time.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    # No documented answer has it: it is in the portal, or perhaps in a collection's `extra`.
    original_payment_intent_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=fields.amount)
    expires_at: datetime = attrs.field(converter=_end)
    reason: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RefundSession(Answer):
    """An intent to refund; execute it before `expires_at`. Only the first three fields are certain."""

    id: int
    status: SessionStatus
    expires_at: datetime
    original_payment_intent_id: int | None = None
    amount: Decimal | None = None
    currency: str | None = None
    reason: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Sessions(Resource):
    """Declared intents, each executed once (`/v1/sessions`)."""

    async def checkout(self, session: NewCheckoutSession) -> CheckoutSession:
        """Declare the intent to collect (`create_checkout_session`)."""
        return await self._post("sessions/checkout", CheckoutSession, session)

    async def payout(self, session: NewPayoutSession) -> PayoutSession:
        """Declare the intent to pay out (`create_payout_session`)."""
        return await self._post("sessions/payout", PayoutSession, session)

    async def transfer(self, session: NewTransferSession) -> TransferSession:
        """Declare the intent to transfer between wallets (`create_transfer_session`)."""
        return await self._post("sessions/transfer", TransferSession, session)

    async def refund(self, session: NewRefundSession) -> RefundSession:
        """Declare the intent to refund (`create_refund_session`)."""
        return await self._post("sessions/refund", RefundSession, session)
