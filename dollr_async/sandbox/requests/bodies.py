"""The bodies that operations take: the contract's request schemas as data.

A field without a default is required; `| None` may be null or left out. Fields not listed here are ignored.
"""

from typing import Annotated

import attrs

from dollr_async.sandbox.requests.fields import (
    AccountCountry,
    AtLeast,
    CheckoutMode,
    Country,
    Currency,
    DateTime,
    DocumentType,
    FeeBearer,
    Flag,
    Integer,
    Money,
    Phone,
    Quantity,
    Reference,
    Relationship,
    SourceType,
    Text,
)


@attrs.frozen(kw_only=True)
class ClientCredentials:
    """`ClientCredentialObtainTokenPayload`."""

    client_id: Text
    client_secret: Text = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class NewParty:
    """`CreatePartyPayload`."""

    fullname: Text
    phone: Phone
    email: Text | None = None
    country_code: Country | None = None


@attrs.frozen(kw_only=True)
class NewCounterparty:
    """`CreateCounterPartyPayload`."""

    relationship_type: Relationship
    party_id: Integer | None = None


@attrs.frozen(kw_only=True)
class CounterpartyChanges:
    """`UpdateCounterPartyPayload`."""

    relationship_type: Relationship | None = None
    party_id: Integer | None = None


@attrs.frozen(kw_only=True)
class NewDocument:
    """`CreateInvoicePayload`; `CreateOrderPayload` has no due date."""

    counterparty_id: Integer
    currency: Currency
    note: Text
    fee_bearer: FeeBearer
    as_payment_link: Flag
    reference_id: Text | None = None
    due_date: DateTime | None = None


@attrs.frozen(kw_only=True)
class DocumentChanges:
    """`UpdateInvoicePayload`; `UpdateOrderPayload` has no due date."""

    reference_id: Text | None = None
    note: Text | None = None
    fee_bearer: FeeBearer | None = None
    due_date: DateTime | None = None


@attrs.frozen(kw_only=True)
class NewItem:
    """`AddInvoiceItemPayload` and `AddOrderItemPayload`."""

    name: Text
    currency: Currency
    qty: Quantity
    amount: Money


@attrs.frozen(kw_only=True)
class ItemChanges:
    """`UpdateInvoiceItemPayload` and `UpdateOrderItemPayload`."""

    name: Text | None = None
    qty: Quantity | None = None
    amount: Money | None = None


@attrs.frozen(kw_only=True)
class CheckoutItem:
    """`PaymentSourceItemInput`: a line without a quantity."""

    name: Text
    currency: Currency
    amount: Money


@attrs.frozen(kw_only=True)
class NewCheckout:
    """`CreateCheckoutSourceRequestPayload`."""

    mode: CheckoutMode
    source_kind: DocumentType
    party_phone: Phone
    currency: Currency
    items: Annotated[tuple[CheckoutItem, ...], AtLeast(1)]
    party_name: Text | None = None
    party_email: Text | None = None
    party_relationship: Relationship | None = None
    reference_id: Text | None = None
    note: Text | None = None
    due_date: DateTime | None = None
    success_url: Text | None = None
    cancel_url: Text | None = None
    expires_at: DateTime | None = None
    counterparty_id: Integer | None = None


@attrs.frozen(kw_only=True)
class NewCheckoutSession:
    """`CreateCheckoutSessionPayload`."""

    source_id: Integer
    source_type: SourceType


@attrs.frozen(kw_only=True)
class NewPayoutSession:
    """`CreatePayoutSessionPayload`."""

    payout_account_id: Integer
    amount: Money
    currency: Currency


@attrs.frozen(kw_only=True)
class NewTransferSession:
    """`CreateTransferSessionPayload`."""

    from_wallet_id: Integer
    to_counterparty_id: Integer
    amount: Money
    currency: Currency
    expires_at: DateTime


@attrs.frozen(kw_only=True)
class NewRefundSession:
    """`CreateRefundSessionPayload`."""

    original_payment_intent_id: Integer
    amount: Money
    expires_at: DateTime
    reason: Text | None = None


@attrs.frozen(kw_only=True)
class NewAccount:
    """`CreatePaymentAccountPayload`; `payment_method_id` is an addition of the sandbox for a card's test token."""

    account_name: Text
    provider: Text
    method: Text
    party_id: Integer
    country_code: AccountCountry | None = None
    insensitive_account_number: Phone | None = None
    payment_method_id: Text | None = None


@attrs.frozen(kw_only=True)
class NewCollection:
    """`CheckoutExecutionPayload`."""

    session_id: Text
    payment_account_id: Text
    currency: Currency
    reference_id: Reference


@attrs.frozen(kw_only=True)
class PasscodeToken:
    """`VerifyPasscodeToken`."""

    code: Text = attrs.field(repr=False)
    user_id: Text | None = None
    phone: Text | None = None


@attrs.frozen(kw_only=True)
class PasscodeDevice:
    """`PasscodeDevice`."""

    name: Text
    type: Text
    platform: Text
    user_agent: Text
    client_ip: Text


@attrs.frozen(kw_only=True)
class Passcode:
    """`WithDeviceVerifyPasscodePayload`."""

    token: PasscodeToken
    device: PasscodeDevice


@attrs.frozen(kw_only=True)
class NewPayout:
    """`PayoutExecutionPayload`."""

    session_id: Text
    payout_account_id: Text
    reference_id: Reference
    passcode: Passcode


@attrs.frozen(kw_only=True)
class NewExecution:
    """`TransferExecutionPayload` and `RefundExecutionPayload`."""

    session_id: Text
    reference_id: Reference


@attrs.frozen(kw_only=True)
class RealtimeKeyRequest:
    """`CollectionRealtimeKeyPayload`."""

    session_id: Integer
    source_type: DocumentType
    reference_id: Reference
