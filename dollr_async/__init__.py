"""An asyncio SDK for Dollr: collect mobile-money and card payments in Liberia and Rwanda.

>>> async with DollrClient() as dollr:
...     collection = await dollr.collect(payer=payer, items=items, currency="USD")
...     async for change in collection:
...         print(change.status)
"""

from dollr_async.base.answered import FieldProblem
from dollr_async.base.enums import (
    CheckoutMode,
    ExecutionKind,
    ExecutionStatus,
    FeeBearer,
    MerchantType,
    OutcomeStatus,
    OwnerType,
    PaymentMethod,
    PaymentProvider,
    RelationshipType,
    SessionStatus,
    SourceStatus,
    SourceType,
)
from dollr_async.base.errors import (
    ActionRequiredError,
    AlreadyHandledError,
    APIStatusError,
    AuthenticationError,
    CollectError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    DecodeError,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    PaymentFailedError,
    PermissionDeniedError,
    PollTimeoutError,
    RateLimitError,
    ReferenceUsedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.base.progress import Progress
from dollr_async.base.version import VERSION
from dollr_async.client import DollrClient
from dollr_async.flows.arguments import Card, KnownPayer, KnownSource, LineItem, MobileMoney, Payer, SavedAccount
from dollr_async.flows.handles import Collection, Payment, UnfinishedPayment
from dollr_async.flows.hosted_checkout import HostedCheckout, Verification
from dollr_async.flows.outcome import Outcome
from dollr_async.following.payments_to_watch import PaymentToWatch, WatchFailure
from dollr_async.following.policy import PollPolicy
from dollr_async.following.status_checks import StatusCheck
from dollr_async.following.watch import SourceChange, SourceWatch, StatusChange, Watch
from dollr_async.following.watch_many import MergedWatch
from dollr_async.push.settings import RealtimeSettings
from dollr_async.resources.checkouts import Checkout, CheckoutItem, NewCheckout
from dollr_async.resources.counterparties import Counterparty, CounterpartyChanges, NewCounterparty
from dollr_async.resources.documents import DocumentItem, LineItemChanges, NewLineItem, ReceiptItem
from dollr_async.resources.executions import (
    Device,
    DevicePasscode,
    Execution,
    NewCollection,
    NewPayout,
    NewRefund,
    NewTransfer,
    Passcode,
)
from dollr_async.resources.fees import FeeTier, GatewayFee, MerchantTier, NumberedTier, PlatformFee
from dollr_async.resources.invoices import Invoice, InvoiceChanges, InvoiceDetail, InvoiceReceipt, NewInvoice
from dollr_async.resources.links import Link
from dollr_async.resources.merchants import MerchantInfo
from dollr_async.resources.orders import NewOrder, Order, OrderChanges, OrderDetail, OrderReceipt
from dollr_async.resources.parties import NewParty, Party
from dollr_async.resources.payment_accounts import NewPaymentAccount, PaymentAccount
from dollr_async.resources.predictions import CardRoute, PhoneRoute, Quote
from dollr_async.resources.realtime_keys import NewRealtimeKey, RealtimeKey
from dollr_async.resources.sessions import (
    CheckoutSession,
    NewCheckoutSession,
    NewPayoutSession,
    NewRefundSession,
    NewTransferSession,
    PayoutSession,
    RefundSession,
    TransferSession,
)
from dollr_async.resources.status import SourceState
from dollr_async.wire.retry import RetryPolicy

__version__ = VERSION
"""The version of the installed package, such as `"0.1.0"`."""

__all__ = [
    "APIStatusError",
    "ActionRequiredError",
    "AlreadyHandledError",
    "AuthenticationError",
    "Card",
    "CardRoute",
    "Checkout",
    "CheckoutItem",
    "CheckoutMode",
    "CheckoutSession",
    "CollectError",
    "Collection",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "Counterparty",
    "CounterpartyChanges",
    "DecodeError",
    "Device",
    "DevicePasscode",
    "DocumentItem",
    "DollrClient",
    "DollrError",
    "Execution",
    "ExecutionKind",
    "ExecutionStatus",
    "FeeBearer",
    "FeeTier",
    "FieldProblem",
    "GatewayFee",
    "HostedCheckout",
    "InvalidInputError",
    "InvalidRequestError",
    "Invoice",
    "InvoiceChanges",
    "InvoiceDetail",
    "InvoiceReceipt",
    "JournalError",
    "KnownPayer",
    "KnownSource",
    "LineItem",
    "LineItemChanges",
    "Link",
    "MerchantInfo",
    "MerchantTier",
    "MerchantType",
    "MergedWatch",
    "MobileMoney",
    "NewCheckout",
    "NewCheckoutSession",
    "NewCollection",
    "NewCounterparty",
    "NewInvoice",
    "NewLineItem",
    "NewOrder",
    "NewParty",
    "NewPaymentAccount",
    "NewPayout",
    "NewPayoutSession",
    "NewRealtimeKey",
    "NewRefund",
    "NewRefundSession",
    "NewTransfer",
    "NewTransferSession",
    "NotFoundError",
    "NumberedTier",
    "Order",
    "OrderChanges",
    "OrderDetail",
    "OrderReceipt",
    "Outcome",
    "OutcomeStatus",
    "OutcomeUnknownError",
    "OwnerType",
    "Party",
    "Passcode",
    "Payer",
    "Payment",
    "PaymentAccount",
    "PaymentFailedError",
    "PaymentMethod",
    "PaymentProvider",
    "PaymentToWatch",
    "PayoutSession",
    "PermissionDeniedError",
    "PhoneRoute",
    "PlatformFee",
    "PollPolicy",
    "PollTimeoutError",
    "Progress",
    "Quote",
    "RateLimitError",
    "RealtimeKey",
    "RealtimeSettings",
    "ReceiptItem",
    "ReferenceUsedError",
    "RefundSession",
    "RelationshipType",
    "RequestTimeoutError",
    "RetryPolicy",
    "SavedAccount",
    "ServerError",
    "SessionStatus",
    "SourceChange",
    "SourceState",
    "SourceStatus",
    "SourceType",
    "SourceWatch",
    "StatusChange",
    "StatusCheck",
    "TransferSession",
    "TransportError",
    "UnfinishedPayment",
    "Verification",
    "Watch",
    "WatchFailure",
    "__version__",
]
