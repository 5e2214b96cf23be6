"""The chains of a transfer and of a refund: a session and its execution."""

from __future__ import annotations

import math
from abc import abstractmethod
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from dollr_async.base import fields, money
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.flows.contested import Money
from dollr_async.flows.flow import ONCE, Flow
from dollr_async.resources.executions import NewRefund, NewTransfer
from dollr_async.resources.sessions import NewRefundSession, NewTransferSession

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock
    from dollr_async.flows.steps import Steps
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.groups import Groups
    from dollr_async.resources.sessions import RefundSession, TransferSession

SESSION_LIFE = timedelta(minutes=15)
"""How long a session lives when the caller gives no `expires_at`."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TransferTerms:
    """All arguments of one transfer, checked together before anything is sent."""

    from_wallet_id: int = attrs.field(converter=fields.identifier)
    to_counterparty_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=money.amount)
    currency: str = attrs.field(converter=fields.currency_code)
    expires_at: datetime | None = attrs.field(converter=fields.utc_time)
    reference_id: UUID = attrs.field(converter=fields.reference)
    is_own_reference: bool

    def __attrs_post_init__(self) -> None:
        """Bring the amount into the currency's smallest unit."""
        object.__setattr__(self, "amount", money.amount_in(self.amount, self.currency))

    def compared(self) -> dict[str, object]:
        """Return what must be the same when the reference is used again."""
        wallets = [self.from_wallet_id, self.to_counterparty_id]
        return {"wallets": wallets, "amount": money.plain_text(self.amount), "currency": self.currency}

    def priced(self) -> tuple[Decimal, str | None, str]:
        """Return the amount in major units and its currency."""
        return self.amount, self.currency, ""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RefundTerms:
    """All arguments of one refund; its amount is in the currency of the original payment."""

    original_payment_intent_id: int = attrs.field(converter=fields.identifier)
    amount: Decimal = attrs.field(converter=money.amount)
    reason: str | None = attrs.field(validator=fields.optional_text)
    expires_at: datetime | None = attrs.field(converter=fields.utc_time)
    reference_id: UUID = attrs.field(converter=fields.reference)
    is_own_reference: bool

    def compared(self) -> dict[str, object]:
        """Return what must be the same when the reference is used again."""
        return {"original": self.original_payment_intent_id, "amount": money.plain_text(self.amount)}

    def priced(self) -> tuple[Decimal, str | None, str]:
        """Return the amount in major units; its currency is the original's."""
        return self.amount, None, ""


class _Expiring(Flow):
    """A flow whose session ends at the caller's time."""

    def __init__(self, api: Groups, terms: TransferTerms | RefundTerms, steps: Steps, clock: Clock) -> None:
        super().__init__(api, steps, clock, is_own_reference=terms.is_own_reference)
        self._ends_at = terms.expires_at
        life = math.inf if self._ends_at is None else (self._ends_at - clock.now()).total_seconds()
        self._ends_on = clock.monotonic() + life
        if life <= 0:
            raise InvalidInputError(self._expired_message())

    async def renew(self) -> None:
        """Make a session, the first or one that replaces an expired one; it never ends after the caller's time."""
        await self._open(self._make)

    async def _make(self) -> TransferSession | RefundSession:
        if self._clock.monotonic() >= self._ends_on:
            raise DollrError(self._expired_message())
        return await self._create(self._ends_at or self._clock.now() + SESSION_LIFE)

    @abstractmethod
    async def _create(self, expires_at: datetime) -> TransferSession | RefundSession:
        """Ask the API for a session that ends at `expires_at`."""

    def _expired_message(self) -> str:
        ended = self._ends_at.isoformat() if self._ends_at else ""
        return f"expires_at {ended} is in the past: give a time in the future, or leave it out"


class TransferChain(_Expiring):
    """The chain of one transfer."""

    kind = ExecutionKind.TRANSFER

    def __init__(self, api: Groups, terms: TransferTerms, steps: Steps, clock: Clock) -> None:
        """Keep what the steps need."""
        super().__init__(api, terms, steps, clock)
        self._terms = terms
        steps.made(counterparty_id=terms.to_counterparty_id)

    async def _create(self, expires_at: datetime) -> TransferSession:
        terms = self._terms
        new = NewTransferSession(
            from_wallet_id=terms.from_wallet_id,
            to_counterparty_id=terms.to_counterparty_id,
            amount=terms.amount,
            currency=terms.currency,
            expires_at=expires_at,
        )
        return await self._api.sessions.transfer(new)

    def _money(self) -> Money:
        return Money(amount=self._terms.amount, currency=self._terms.currency)

    async def _execute(self) -> Execution:
        transfer = NewTransfer(session_id=self._session_id, reference_id=self.reference_id)
        return await self._api.executions.transfer(transfer, retry=ONCE)


class RefundChain(_Expiring):
    """The chain of one refund."""

    kind = ExecutionKind.REFUND

    def __init__(self, api: Groups, terms: RefundTerms, steps: Steps, clock: Clock) -> None:
        """Keep what the steps need."""
        super().__init__(api, terms, steps, clock)
        self._terms = terms

    async def _create(self, expires_at: datetime) -> RefundSession:
        terms = self._terms
        new = NewRefundSession(
            original_payment_intent_id=terms.original_payment_intent_id,
            amount=terms.amount,
            reason=terms.reason,
            expires_at=expires_at,
        )
        return await self._api.sessions.refund(new)

    def _money(self) -> Money:
        return Money(amount=self._terms.amount)

    async def _execute(self) -> Execution:
        refund = NewRefund(session_id=self._session_id, reference_id=self.reference_id)
        return await self._api.executions.refund(refund, retry=ONCE)
