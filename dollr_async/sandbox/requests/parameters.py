"""The parameters that operations take from path and query: the contract's parameters as data."""

import attrs

from dollr_async.sandbox.requests.fields import (
    FeeBearer,
    MerchantType,
    Method,
    OperationType,
    OwnerType,
    Phone,
    Provider,
    QueryCurrency,
    Relationship,
    SourceStatus,
    SourceType,
    Text,
    TextInteger,
    TextMoney,
)


@attrs.frozen(kw_only=True)
class IdPath:
    """A path that ends in a record's id."""

    id: TextInteger


@attrs.frozen(kw_only=True)
class InvoicePath:
    """A path inside one invoice."""

    invoice_id: TextInteger

    @property
    def document_id(self) -> int:
        """The invoice's id, as the document it is."""
        return self.invoice_id


@attrs.frozen(kw_only=True)
class InvoiceItemPath:
    """A path to one line of an invoice."""

    invoice_id: TextInteger
    id: TextInteger

    @property
    def document_id(self) -> int:
        """The invoice's id, as the document it is."""
        return self.invoice_id


@attrs.frozen(kw_only=True)
class InvoiceNumberPath:
    """A path that ends in an invoice's number."""

    invoice_number: Text

    @property
    def number(self) -> str:
        """The invoice's number, as the document it is."""
        return self.invoice_number


@attrs.frozen(kw_only=True)
class OrderPath:
    """A path inside one order."""

    order_id: TextInteger

    @property
    def document_id(self) -> int:
        """The order's id, as the document it is."""
        return self.order_id


@attrs.frozen(kw_only=True)
class OrderItemPath:
    """A path to one line of an order."""

    order_id: TextInteger
    id: TextInteger

    @property
    def document_id(self) -> int:
        """The order's id, as the document it is."""
        return self.order_id


@attrs.frozen(kw_only=True)
class OrderNumberPath:
    """A path that ends in an order's number."""

    order_number: Text

    @property
    def number(self) -> str:
        """The order's number, as the document it is."""
        return self.order_number


DocumentPath = InvoicePath | OrderPath
ItemPath = InvoiceItemPath | OrderItemPath
NumberPath = InvoiceNumberPath | OrderNumberPath


@attrs.frozen(kw_only=True)
class ReferencePath:
    """A path that ends in an execution's reference; any text, since an unknown reference is a 404."""

    reference_id: Text


@attrs.frozen(kw_only=True)
class PartyFilter:
    """Query of the party list."""

    fullname: Text | None = None


@attrs.frozen(kw_only=True)
class CounterpartyFilter:
    """Query of the counterparty list."""

    fullname: Text | None = None
    relationship_type: Relationship | None = None


@attrs.frozen(kw_only=True)
class DocumentFilter:
    """Query of the invoice and order lists."""

    currency: QueryCurrency | None = None
    status: SourceStatus | None = None


@attrs.frozen(kw_only=True)
class OperationTypeQuery:
    """Query of the payment-account call."""

    operation_type: OperationType


@attrs.frozen(kw_only=True)
class SourceQuery:
    """Query of the source's status."""

    source_type: SourceType
    source_id: TextInteger


@attrs.frozen(kw_only=True)
class QuoteQuery:
    """Query of the quote for an amount."""

    base_amount: TextMoney
    base_currency: QueryCurrency
    target_currency: QueryCurrency
    payment_method: Method
    operation_type: OperationType
    provider: Provider
    fee_bearer: FeeBearer
    owner_type: OwnerType | None = None
    owner_id: TextInteger | None = None


@attrs.frozen(kw_only=True)
class SourceQuoteQuery:
    """Query of the quote for a published source."""

    target_currency: QueryCurrency
    payment_method: Method
    provider: Provider
    source_type: SourceType
    source_id: TextInteger


@attrs.frozen(kw_only=True)
class PhoneQuery:
    """Query of the mobile-money prediction of a phone."""

    phone: Phone
    operation_type: OperationType


@attrs.frozen(kw_only=True)
class CardQuery:
    """Query of the prediction of a card."""

    payment_method_id: Text
    operation_type: OperationType
    provider: Provider | None = None


@attrs.frozen(kw_only=True)
class GatewayFeeQuery:
    """Query of a method's gateway fee."""

    payment_method: Method
    operation_type: OperationType


@attrs.frozen(kw_only=True)
class PlatformFeeQuery:
    """Query of a tier's platform fee."""

    operation_type: OperationType
    fee_tier_name: Text


@attrs.frozen(kw_only=True)
class OwnerQuery:
    """Query of an owner's tier."""

    owner_type: OwnerType
    owner_id: TextInteger


@attrs.frozen(kw_only=True)
class LinkQuery:
    """Query of the hosted pages."""

    source_type: SourceType
    source_number: Text


@attrs.frozen(kw_only=True)
class MerchantQuery:
    """Query of the merchant's profile."""

    merchant_id: TextInteger
    merchant_type: MerchantType
