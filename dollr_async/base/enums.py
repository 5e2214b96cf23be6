"""The API's enums: members are equal to the API's text, and an unknown word is kept.

`ExecutionStatus("processing") is ExecutionStatus.PROCESSING`. `ExecutionStatus("On hold")` is an `ExecutionStatus` too
and keeps its raw text: a word that the API adds later is passed on, and is never mistaken for a known one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

# A live status call was seen to say SUCCESSFUL for a paid collection, where all documentation says COMPLETED.
_SYNONYMS = {("ExecutionStatus", "SUCCESSFUL"): "COMPLETED"}


class OpenEnum(StrEnum):
    """A string enum that accepts its words in any case and keeps words that it does not know."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        word = value.strip().upper()
        known = cls.__members__.get(_SYNONYMS.get((cls.__name__, word), word))
        if known is not None:
            return known
        unknown = str.__new__(cls, value)
        # An enum is hashed and printed by these two. With the raw text in both, it equals the string that came in.
        unknown._name_ = value
        unknown._value_ = value
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether this library knows the word."""
        return self._name_ in type(self)._member_map_


class ExecutionStatus(OpenEnum):
    """The status of a payment.

    COMPLETED and FAILED are final. Every other word is not final, even an unknown one. SUCCESSFUL means COMPLETED.
    """

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """Whether the API will never change it again."""
        return self._value_ in _FINAL_EXECUTION


class OutcomeStatus(OpenEnum):
    """How a payment ended, as the journal keeps it until your program has handled it.

    NOT_RUN is not a word of the API: the execution surely did not run, so no money moved under this reference.
    """

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    NOT_RUN = "NOT_RUN"


class SourceStatus(OpenEnum):
    """The status of an invoice or an order. PAID and CANCELED are final."""

    IDLE = "IDLE"
    ACTIVE = "ACTIVE"
    PROCESSING = "PROCESSING"
    PAID = "PAID"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """Whether the API will never change it again."""
        return self._value_ in _FINAL_SOURCE


_FINAL_EXECUTION = frozenset({"COMPLETED", "FAILED"})
_FINAL_SOURCE = frozenset({"PAID", "CANCELED"})


class SessionStatus(OpenEnum):
    """The status of a session. The API's documentation names only ACTIVE."""

    ACTIVE = "ACTIVE"


class ExecutionKind(OpenEnum):
    """The kind of a payment: the direction of the money. The API calls it `operation_type`."""

    COLLECTION = "COLLECTION"
    PAYOUT = "PAYOUT"
    TRANSFER = "TRANSFER"
    REFUND = "REFUND"


class SourceType(OpenEnum):
    """The kind of document that is paid. SUBSCRIPTION is in the API's list but cannot be used yet."""

    INVOICE = "INVOICE"
    ORDER = "ORDER"
    SUBSCRIPTION = "SUBSCRIPTION"


class FeeBearer(OpenEnum):
    """Who pays the fees. With PAYER they are added to the amount, with PAYEE the merchant receives less."""

    PAYER = "PAYER"
    PAYEE = "PAYEE"


class RelationshipType(OpenEnum):
    """How a counterparty relates to the merchant."""

    CUSTOMER = "CUSTOMER"
    SUPPLIER = "SUPPLIER"
    EMPLOYEE = "EMPLOYEE"
    BENEFICIARY = "BENEFICIARY"
    FRIEND = "FRIEND"
    FAMILY = "FAMILY"
    DONOR = "DONOR"
    DONEE = "DONEE"
    CONTACT = "CONTACT"
    SERVICE_PROVIDER = "SERVICE_PROVIDER"
    PARTNER = "PARTNER"
    SELF = "SELF"


class PaymentMethod(OpenEnum):
    """What pays: an account at a mobile-money operator, a card or a Dollr wallet."""

    MTN_MOMO_LBR = "MTN_MOMO_LBR"
    ORANGE_MONEY_LBR = "ORANGE_MONEY_LBR"
    AIRTEL_RWA = "AIRTEL_RWA"
    MTN_MOMO_RWA = "MTN_MOMO_RWA"
    ORANGE_MONEY_RWA = "ORANGE_MONEY_RWA"
    CREDIT_CARD = "CREDIT_CARD"
    WALLET = "WALLET"


class PaymentProvider(OpenEnum):
    """The network that routes a payment. For Liberia it may be the operator itself."""

    MTN_MOMO_LBR = "MTN_MOMO_LBR"
    ORANGE_MONEY_LBR = "ORANGE_MONEY_LBR"
    PAWAPAY = "PAWAPAY"
    STRIPE = "STRIPE"
    PLATFORM = "PLATFORM"


class CheckoutMode(OpenEnum):
    """How a checkout is paid: on a page that Dollr hosts (HOSTED), or by your own requests (DIRECT)."""

    HOSTED = "HOSTED"
    DIRECT = "DIRECT"


class OwnerType(OpenEnum):
    """The kind of an account's owner."""

    USER = "USER"
    MICRO_ORGANIZATION = "MICRO_ORGANIZATION"
    ORGANIZATION = "ORGANIZATION"


class MerchantType(OpenEnum):
    """The kind of a merchant. MICRO_ORGANIZATION is a sole proprietor, ORGANIZATION a registered business."""

    MICRO_ORGANIZATION = "MICRO_ORGANIZATION"
    ORGANIZATION = "ORGANIZATION"
