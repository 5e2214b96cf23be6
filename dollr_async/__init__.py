"""An asyncio SDK for Dollr: collect mobile-money and card payments in Liberia and Rwanda.

>>> async with DollrClient() as dollr:
...     collection = await dollr.collect(payer=payer, items=items, currency="USD")
...     async for change in collection:
...         print(change.status)
"""

from dollr_async.client import DollrClient
from dollr_async.enums import (
    CheckoutMode,
    ExecutionKind,
    ExecutionStatus,
    FeeBearer,
    MerchantType,
    OwnerType,
    PaymentMethod,
    PaymentProvider,
    RelationshipType,
    SessionStatus,
    SourceStatus,
    SourceType,
)
from dollr_async.errors import (
    ActionRequiredError,
    APIStatusError,
    AuthenticationError,
    CollectError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    DecodeError,
    DollrError,
    FieldProblem,
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
from dollr_async.payments import Collection, Payment
from dollr_async.polling import PollPolicy
from dollr_async.progress import Progress
from dollr_async.resources.checkouts import Checkout, CheckoutItem, NewCheckout
from dollr_async.resources.counterparties import Counterparty, NewCounterparty
from dollr_async.resources.documents import DocumentItem, NewLineItem, ReceiptItem
from dollr_async.resources.executions import Execution, NewCollection
from dollr_async.resources.invoices import Invoice, InvoiceDetail, InvoiceReceipt, NewInvoice
from dollr_async.resources.orders import NewOrder, Order, OrderDetail, OrderReceipt
from dollr_async.resources.parties import NewParty, Party
from dollr_async.resources.payment_accounts import NewPaymentAccount, PaymentAccount
from dollr_async.resources.predictions import CardRoute, PhoneRoute, Quote
from dollr_async.resources.sessions import CheckoutSession, NewCheckoutSession
from dollr_async.resources.status import SourceState
from dollr_async.retry import RetryPolicy
from dollr_async.terms import Card, KnownPayer, LineItem, MobileMoney, Payer, SavedAccount
from dollr_async.watching import StatusChange, Watch

__all__ = [
    "APIStatusError",
    "ActionRequiredError",
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
    "DecodeError",
    "DocumentItem",
    "DollrClient",
    "DollrError",
    "Execution",
    "ExecutionKind",
    "ExecutionStatus",
    "FeeBearer",
    "FieldProblem",
    "InvalidInputError",
    "InvalidRequestError",
    "Invoice",
    "InvoiceDetail",
    "InvoiceReceipt",
    "JournalError",
    "KnownPayer",
    "LineItem",
    "MerchantType",
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
    "NotFoundError",
    "Order",
    "OrderDetail",
    "OrderReceipt",
    "OutcomeUnknownError",
    "OwnerType",
    "Party",
    "Payer",
    "Payment",
    "PaymentAccount",
    "PaymentFailedError",
    "PaymentMethod",
    "PaymentProvider",
    "PermissionDeniedError",
    "PhoneRoute",
    "PollPolicy",
    "PollTimeoutError",
    "Progress",
    "Quote",
    "RateLimitError",
    "ReceiptItem",
    "ReferenceUsedError",
    "RelationshipType",
    "RequestTimeoutError",
    "RetryPolicy",
    "SavedAccount",
    "ServerError",
    "SessionStatus",
    "SourceState",
    "SourceStatus",
    "SourceType",
    "StatusChange",
    "TransportError",
    "Watch",
]
