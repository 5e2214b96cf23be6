"""Sessions: declared intents to move money, each executed once (`/v1/sessions`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from dollr_async.base import fields, money
from dollr_async.base.enums import SessionStatus, SourceType
from dollr_async.base.errors import InvalidInputError
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer, Body


def _expiry(value: datetime) -> datetime:
    moment = fields.utc_time(value)
    if moment is None:
        message = "expires_at must be a timezone-aware time, as in datetime.now(UTC) + timedelta(minutes=15)"
        raise InvalidInputError(message)
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
    # It is documented as a number, as an integer and as null.
    payment_account_id: int | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewPayoutSession(Body):
    """The intent to pay out `amount`, in major units, to an account registered for payouts.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    # An integer here (`create_payout_session`), but text where the session is executed (`payout`).
    payout_account_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=money.amount)
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
    """The intent to move `amount`, in major units, from a wallet to the wallet of a counterparty.

    You set when it expires: `expires_at` is a timezone-aware time. A payout session and the portal have wallet ids.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    from_wallet_id: int = attrs.field(converter=fields.identifier)
    to_counterparty_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=money.amount)
    currency: str = attrs.field(converter=fields.currency_code)
    expires_at: datetime = attrs.field(converter=_expiry)


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
    """The intent to refund `amount`, in major units of the original payment's currency: all of it or a part.

    You set when it expires: `expires_at` is a timezone-aware time.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    # No documented answer has it. It is in the portal, perhaps in a collection's `extra`, or it is the session's id.
    original_payment_intent_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=money.amount)
    expires_at: datetime = attrs.field(converter=_expiry)
    reason: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RefundSession(Answer):
    """An intent to refund; execute it before `expires_at`. Only the first three fields are always there."""

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
    """Sessions: declared intents to move money, each executed once (`/v1/sessions`)."""

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
