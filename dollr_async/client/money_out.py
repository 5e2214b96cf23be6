"""The flows that send money out: payouts, transfers and refunds."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from dollr_async.client.core import Core
from dollr_async.flows.arguments import MobileMoney
from dollr_async.flows.handles import Payment
from dollr_async.flows.payout import PayoutChain, PayoutTerms
from dollr_async.flows.transfer import RefundChain, RefundTerms, TransferChain, TransferTerms

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal

    from dollr_async.flows.arguments import KnownPayer, Payer, SavedAccount
    from dollr_async.flows.flow import Flow
    from dollr_async.flows.steps import Steps
    from dollr_async.journal.client_journal import PaymentTerms
    from dollr_async.resources.executions import Device, Passcode


class PayingOut(Core):
    """Sends money out. Each flow raises what `collect` raises, and returns once the API has accepted the execution."""

    async def payout(
        self,
        *,
        to: Payer | KnownPayer,
        amount: Decimal | int,
        currency: str,
        passcode: Passcode,
        device: Device,
        pay_with: MobileMoney | SavedAccount | None = None,
        reference_id: uuid.UUID | str | None = None,
    ) -> Payment:
        """Pay somebody out of the merchant's wallet.

        Args:
            to: who is paid: `Payer(fullname, phone)`, or `KnownPayer(counterparty_id)`.
            amount: in major units of `currency`, as `Decimal`.
            currency: three letters.
            passcode: the merchant's, with the phone that it is registered for; it is never shown and never kept.
            device: the machine that asks.
            pay_with: the wallet that is paid: `MobileMoney()` (the default: the payee's own phone), or
                `SavedAccount(id)` of an account that was registered for payouts.
            reference_id: the payment's key, a version-4 UUID; when absent, one is made.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or belongs to another event loop.
            ReferenceUsedError: the reference names a payment already.
            CollectError: a step failed, and no money moved.
            OutcomeUnknownError: the execution was sent, and its fate could not be learned in time.
            DecodeError: the execution was accepted, in a shape that is not the documented one.
        """
        terms = PayoutTerms(
            to=to,
            amount=amount,
            currency=currency,
            passcode=passcode,
            device=device,
            pay_with=MobileMoney() if pay_with is None else pay_with,
            reference_id=_reference(reference_id),
            is_own_reference=reference_id is None,
        )
        return await self._paid(terms, terms.reference_id, lambda steps: PayoutChain(self, terms, steps, self._clock))

    async def transfer(
        self,
        *,
        from_wallet_id: int | str,
        to_counterparty_id: int | str,
        amount: Decimal | int,
        currency: str,
        expires_at: datetime | None = None,
        reference_id: uuid.UUID | str | None = None,
    ) -> Payment:
        """Move money from a wallet of the merchant's to a counterparty's wallet.

        Args:
            from_wallet_id: from a payout session's answer, or the portal.
            to_counterparty_id: who gets it.
            amount: in major units of `currency`, as `Decimal`.
            currency: three letters.
            expires_at: until when it may be executed (aware); by default 15 minutes from now.
            reference_id: the payment's key, a version-4 UUID; when absent, one is made.

        Raises:
            DollrError: as for `payout`.
        """
        terms = TransferTerms(
            from_wallet_id=from_wallet_id,
            to_counterparty_id=to_counterparty_id,
            amount=amount,
            currency=currency,
            expires_at=expires_at,
            reference_id=_reference(reference_id),
            is_own_reference=reference_id is None,
        )
        return await self._paid(terms, terms.reference_id, lambda steps: TransferChain(self, terms, steps, self._clock))

    async def refund(
        self,
        *,
        original_payment_intent_id: int | str,
        amount: Decimal | int,
        reason: str | None = None,
        expires_at: datetime | None = None,
        reference_id: uuid.UUID | str | None = None,
    ) -> Payment:
        """Give a payer back the money of an earlier collection, all of it or a part.

        Args:
            original_payment_intent_id: from the portal; where the API tells it, it is in an answer's `extra`.
            amount: up to the original's, in major units of the original's currency, as `Decimal`.
            reason: your own text.
            expires_at: until when it may be executed (aware); by default 15 minutes from now.
            reference_id: the refund's own key, a version-4 UUID; when absent, one is made.

        Raises:
            DollrError: as for `payout`.
        """
        terms = RefundTerms(
            original_payment_intent_id=original_payment_intent_id,
            amount=amount,
            reason=reason,
            expires_at=expires_at,
            reference_id=_reference(reference_id),
            is_own_reference=reference_id is None,
        )
        return await self._paid(terms, terms.reference_id, lambda steps: RefundChain(self, terms, steps, self._clock))

    async def _paid(self, asked: PaymentTerms, reference_id: uuid.UUID, chain_of: Callable[[Steps], Flow]) -> Payment:
        execution, steps = await self._accepted(asked, reference_id, chain_of)
        kind = execution.operation_type
        return Payment(execution, progress=steps.progress, kind=kind, registry=self._registry)


def _reference(reference_id: uuid.UUID | str | None) -> uuid.UUID | str:
    return uuid.uuid4() if reference_id is None else reference_id
