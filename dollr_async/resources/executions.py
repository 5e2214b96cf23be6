"""Executions: movements of money (`/v1/executions`)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from dollr_async.base import fields, phones
from dollr_async.base.enums import ExecutionKind, ExecutionStatus
from dollr_async.base.errors import DecodeError, InvalidInputError
from dollr_async.base.secret import Secret, optional_secret, revealed
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer, Body
from dollr_async.wire.readers import AS_WRITTEN, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.wire.retry import RetryPolicy


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewCollection(Body):
    """A checkout session to execute. `reference_id` is the idempotency key. `currency` is what the payer pays in.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    # Both ids are text here (`collect`) and integers in the API's answers.
    session_id: str = attrs.field(converter=fields.identifier_text)
    payment_account_id: str = attrs.field(converter=fields.identifier_text)
    currency: str = attrs.field(converter=fields.currency_code)
    reference_id: str = attrs.field(converter=fields.reference_text)


@attrs.frozen(eq=False, repr=False)
class Passcode(Body):
    """The merchant's passcode for payouts, with the phone or the user that it is registered for in the portal.

    The code is sent to the API. No `repr`, log record or error shows it.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    code: str = attrs.field(validator=fields.text, repr=False)
    phone: str | None = attrs.field(default=None, converter=phones.optional_phone, repr=False)
    user_id: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(eq=False, repr=False)
class Device(Body):
    """The machine that requests a payout. All five fields are free text, as in `type="SERVER"`, `platform="PYTHON"`.

    Raises:
        InvalidInputError: a value is not text, or is blank.
    """

    name: str = attrs.field(validator=fields.text)
    type: str = attrs.field(validator=fields.text)
    platform: str = attrs.field(validator=fields.text)
    user_agent: str = attrs.field(validator=fields.text)
    client_ip: str = attrs.field(validator=fields.text)


def _instance_of(kind: type, shown: str) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind):
            # Never show the value: it may be the passcode.
            message = f"{field.name} must not be of type {type(value).__name__}: write {shown}"
            raise InvalidInputError(message)

    return check


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DevicePasscode(Body):
    """A passcode and the device where it is used, in the form that a payout needs.

    Raises:
        InvalidInputError: `token` is not a `Passcode`, or `device` is not a `Device`.
    """

    token: Passcode = attrs.field(validator=_instance_of(Passcode, 'Passcode(code, phone="231771234567")'))
    device: Device = attrs.field(validator=_instance_of(Device, 'Device(name="till 1", type="SERVER", ...)'))


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewPayout(Body):
    """A payout session to execute; `reference_id` is the idempotency key.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    # The account is an integer where the session is made (`create_payout_session`), but text here (`payout`).
    session_id: str = attrs.field(converter=fields.identifier_text)
    payout_account_id: str = attrs.field(converter=fields.identifier_text)
    reference_id: str = attrs.field(converter=fields.reference_text)
    passcode: DevicePasscode = attrs.field(
        validator=_instance_of(DevicePasscode, "DevicePasscode(token=Passcode(...), device=Device(...))")
    )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewTransfer(Body):
    """A transfer session to execute; `reference_id` is the idempotency key.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    session_id: str = attrs.field(converter=fields.identifier_text)
    reference_id: str = attrs.field(converter=fields.reference_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewRefund(Body):
    """A refund session to execute; `reference_id` is the idempotency key of the refund, not of the refunded payment.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    session_id: str = attrs.field(converter=fields.identifier_text)
    reference_id: str = attrs.field(converter=fields.reference_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Execution(Answer):
    """The state of one payment at the API. Amounts are in major units.

    `requires_action` is True while the payer has to confirm a card. The browser needs `client_secret` for that.
    `raw_status` is the status as the API wrote it. For example SUCCESSFUL there is COMPLETED in `status`.
    """

    reference_id: str
    status: ExecutionStatus
    payer_amount: Decimal
    payer_currency: str
    payee_amount: Decimal
    payee_currency: str
    operation_type: ExecutionKind
    provider_transaction_id: str | None = None
    gateway_message: str | None = None
    wallet_message: str | None = None
    # Not under its own name: what encodes all fields would show it.
    _client_secret: Secret | None = attrs.field(
        default=None, alias="client_secret", converter=optional_secret, repr=False
    )
    requires_action: bool | None = None
    raw_status: str = attrs.field(
        default=attrs.Factory(lambda execution: str(execution.status), takes_self=True),
        repr=False,
        metadata={AS_WRITTEN: "status", WORDS: ExecutionStatus},
    )

    @property
    def client_secret(self) -> str | None:
        """What the browser needs to confirm the card; no `repr` and no encoder shows it."""
        return revealed(self._client_secret)

    @property
    def reason(self) -> str | None:
        """Why it failed: the gateway's message, else the wallet's, else None.

        The API may send a message with any status, so read it where the status is FAILED.
        """
        return self.gateway_message or self.wallet_message or None


def about(execution: Execution, reference_id: UUID | str) -> Execution:
    """Return an answer if it is about this payment; a reference that is missing or no UUID says nothing against it.

    Raises:
        DecodeError: it names another payment.
    """
    asked = str(reference_id)
    if execution.reference_id == asked:
        return execution
    try:
        named = UUID(execution.reference_id)
    except ValueError:
        return execution
    if named != UUID(asked):
        message = f"the API answered about payment {named} instead of {reference_id}: check again"
        raise DecodeError(message, path="reference_id")
    return execution


class Executions(Resource):
    """Executions: movements of money (`/v1/executions`)."""

    async def collection(self, collection: NewCollection, *, retry: RetryPolicy | None = None) -> Execution:
        """Execute a checkout session (`collect`). The same reference and body again mean the same payment.

        Raises:
            APIStatusError: the API refused. A 5xx, a 408 or a 409 does not prove that the execution did not run.
            TransportError, DecodeError: no usable answer: the execution may have run. Check its status before you send
                it again. `DollrClient.collect` does that for you.
        """
        return await self._caller.call("POST", "executions/collection", Execution, body=collection, retry=retry)

    async def payout(self, payout: NewPayout, *, retry: RetryPolicy | None = None) -> Execution:
        """Execute a payout session (`payout`). The same reference and body again mean the same payment.

        It raises what `collection` raises.
        """
        return await self._caller.call("POST", "executions/payout", Execution, body=payout, retry=retry)

    async def transfer(self, transfer: NewTransfer, *, retry: RetryPolicy | None = None) -> Execution:
        """Execute a transfer session (`transfer`). The same reference and body again mean the same payment.

        It raises what `collection` raises.
        """
        return await self._caller.call("POST", "executions/transfer", Execution, body=transfer, retry=retry)

    async def refund(self, refund: NewRefund, *, retry: RetryPolicy | None = None) -> Execution:
        """Execute a refund session (`refund`). The same reference and body again mean the same payment.

        It raises what `collection` raises.
        """
        return await self._caller.call("POST", "executions/refund", Execution, body=refund, retry=retry)
