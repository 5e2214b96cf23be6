"""The records of the sandbox: one class for each kind."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from dollr_async.sandbox.outcomes import Outcome
from dollr_async.sandbox.world.pricing import Price

Answer = dict[str, object]
"""The answer of an operation, before it is written as JSON."""


@attrs.define(kw_only=True)
class Party:
    """A contact record."""

    id: int
    fullname: str
    email: str | None
    phone: str
    country_code: str | None
    created_at: datetime
    updated_at: datetime


@attrs.define(kw_only=True)
class Counterparty:
    """A party and its relationship to the merchant."""

    id: int
    relationship_type: str
    party: Party
    created_at: datetime
    updated_at: datetime


@attrs.define(kw_only=True)
class Item:
    """One line of a document."""

    id: int
    name: str
    currency: str
    qty: int
    amount: Decimal
    created_at: datetime
    updated_at: datetime


@attrs.define(kw_only=True)
class Document:
    """An invoice or an order; `paid_by` is the reference of its latest payment."""

    id: int
    source_type: str
    number: str
    counterparty: Counterparty
    currency: str
    note: str
    fee_bearer: str
    as_payment_link: bool
    reference_id: str | None
    due_date: datetime | None
    created_at: datetime
    updated_at: datetime
    status: str = "IDLE"
    items: dict[int, Item] = attrs.field(factory=dict)
    paid_at: datetime | None = None
    paid_by: str | None = None
    page: Page | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def total_amount(self) -> Decimal:
        """The exact sum of the lines."""
        return sum((item.qty * item.amount for item in self.items.values()), Decimal(0))


@attrs.define(kw_only=True)
class Page:
    """A hosted page where a document's payer pays by hand, until it expires."""

    token: str
    document: Document
    expires_at: datetime | None = None
    success_url: str | None = None
    cancel_url: str | None = None


@attrs.define(kw_only=True)
class Account:
    """A wallet or a card of a party, registered for one operation type."""

    id: int
    account_name: str
    provider: str
    method: str
    party: Party
    country_code: str | None
    number: str | None
    operation_type: str
    card_token: str | None
    created_at: datetime
    updated_at: datetime
    is_active: bool = True
    used: bool = False


@attrs.define(kw_only=True)
class Session:
    """The intent for one execution; `kind` is the operation type that may execute it."""

    id: int
    kind: str
    expires_at: datetime
    created_at: datetime
    status: str = "ACTIVE"
    document: Document | None = None
    account: Account | None = None
    wallet: Wallet | None = None
    counterparty: Counterparty | None = None
    original: Payment | None = None
    amount: Decimal = Decimal(0)
    currency: str = ""


@attrs.define(kw_only=True)
class Wallet:
    """A wallet of the merchant."""

    id: int
    currency: str
    balance: Decimal
    status: str = "ACTIVE"


@attrs.define(kw_only=True)
class Payment:
    """One movement of money.

    `terms` is what a second execution with the same reference must repeat; `held` is what it took from `held_in`.
    """

    reference_id: str
    kind: str
    terms: tuple[str, ...]
    session: Session
    account: Account | None
    price: Price
    outcome: Outcome
    intent_id: int
    accepted_at: datetime
    accepted_second: float
    status: str
    sends: int = 1
    status_checks: int = 0
    held: Decimal = Decimal(0)
    held_in: Wallet | None = None
    refunded: Decimal = Decimal(0)
    settled_at: datetime | None = None
    requires_action: bool | None = None
    client_secret: str | None = attrs.field(default=None, repr=False)
    provider_transaction_id: str | None = None
    gateway_message: str | None = None
    wallet_message: str | None = None
    history: list[tuple[str, datetime]] = attrs.field(factory=list, repr=False)
    """Each status with the time at which it began."""

    @property
    def is_final(self) -> bool:
        """Whether its status cannot change any more."""
        return self.status in {"COMPLETED", "FAILED"}


@attrs.frozen(kw_only=True)
class LedgerEntry:
    """One movement of money as a test sees it; there is at most one for each `reference_id`.

    `amount` and `currency` are what the payer is charged, `payee_amount` and `payee_currency` what the payee receives.
    `sends` counts the executions that arrived with this reference, the first included. Times are in UTC and
    timezone-aware.
    """

    reference_id: str
    kind: str
    amount: Decimal
    currency: str
    payee_amount: Decimal
    payee_currency: str
    status: str
    outcome: str
    session_id: int
    source_type: str | None
    source_id: int | None
    payment_account_id: int | None
    payment_intent_id: int
    sends: int
    accepted_at: datetime
    settled_at: datetime | None

    @property
    def moved(self) -> bool:
        """Whether the money moved: the status is COMPLETED."""
        return self.status == "COMPLETED"


def entry_of(payment: Payment) -> LedgerEntry:
    """The ledger entry of a payment."""
    document = payment.session.document
    return LedgerEntry(
        reference_id=payment.reference_id,
        kind=payment.kind,
        amount=payment.price.payer_amount,
        currency=payment.price.payer_currency,
        payee_amount=payment.price.payee_amount,
        payee_currency=payment.price.payee_currency,
        status=payment.status,
        outcome=payment.outcome.name,
        session_id=payment.session.id,
        source_type=document.source_type if document else None,
        source_id=document.id if document else None,
        payment_account_id=payment.account.id if payment.account else None,
        payment_intent_id=payment.intent_id,
        sends=payment.sends,
        accepted_at=payment.accepted_at,
        settled_at=payment.settled_at,
    )
