"""Sessions: the API's permissions to execute one payment each (`/v1/sessions`)."""

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
    """A session to make for the collection of an ACTIVE document.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    source_id: int = attrs.field(converter=fields.identifier)
    source_type: SourceType = attrs.field(converter=enum_values.source_type)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CheckoutSession(Answer):
    """A session for a collection. Execute it before `expires_at`."""

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
    """A session to make for a payout of `amount`, in major units, to an account registered for payouts.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    # An integer here (`create_payout_session`), but text where the session is executed (`payout`).
    payout_account_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=money.amount)
    currency: str = attrs.field(converter=fields.currency_code)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PayoutSession(Answer):
    """A session for a payout. Execute it before `expires_at`. `wallet_id` is the wallet that will be debited."""

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
    """A session to make for a transfer of `amount`, in major units, from a wallet to the wallet of a counterparty.

    You set when it expires: `expires_at` is a timezone-aware time. You find the ids of wallets in a payout session and
    in the portal.

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
    """A session for a transfer. Execute it before `expires_at`."""

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
    """A session to make for a refund of `amount`, in major units of the original currency: all of it or a part.

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
    """A session for a refund. Execute it before `expires_at`. Only the first three fields are always there."""

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
    """Sessions: the API's permissions to execute one payment each (`/v1/sessions`)."""

    async def checkout(self, session: NewCheckoutSession) -> CheckoutSession:
        """Make a session for a collection (`create_checkout_session`)."""
        return await self._post("sessions/checkout", CheckoutSession, session)

    async def payout(self, session: NewPayoutSession) -> PayoutSession:
        """Make a session for a payout (`create_payout_session`)."""
        return await self._post("sessions/payout", PayoutSession, session)

    async def transfer(self, session: NewTransferSession) -> TransferSession:
        """Make a session for a transfer between wallets (`create_transfer_session`)."""
        return await self._post("sessions/transfer", TransferSession, session)

    async def refund(self, session: NewRefundSession) -> RefundSession:
        """Make a session for a refund (`create_refund_session`)."""
        return await self._post("sessions/refund", RefundSession, session)
