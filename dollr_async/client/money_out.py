"""Money that goes out: `payout`, `transfer` and `refund`."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from dollr_async.client.core import ClientCore, P
from dollr_async.flows.arguments import MobileMoney
from dollr_async.flows.handles import Payment
from dollr_async.flows.payout import PayoutChain, PayoutTerms
from dollr_async.flows.transfer import RefundChain, RefundTerms, TransferChain, TransferTerms

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from dollr_async.client.core import MakeFlow
    from dollr_async.flows.arguments import KnownPayer, Payer, SavedAccount
    from dollr_async.resources.executions import Device, Passcode


class MoneyOutMethods(ClientCore):
    """The methods of `DollrClient` that send money out.

    Each returns once the API has accepted the execution, and raises what `collect` raises.
    """

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
        """Pay somebody from the merchant's wallet.

        Args:
            to: who is paid, `Payer(fullname, phone)` or `KnownPayer(counterparty_id)`.
            amount: a `Decimal`, in major units of `currency`.
            currency: three letters.
            passcode: the merchant's passcode, with the phone that it is registered for. It is never shown or stored.
            device: the machine that sends the request.
            pay_with: the wallet that is paid: `MobileMoney()` (the default, at the payee's own phone), or
                `SavedAccount(id)` of an account that was registered for payouts.
            reference_id: the payment's key, a version-4 UUID; by default a new one.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or was opened in another event loop.
            ReferenceUsedError: the reference already names a payment, with these or different terms.
            JournalError: the payment could not be stored, or another run has taken it over. Nothing was sent, unless
                the message says so.
            CollectError: a step failed, and no money moved.
            OutcomeUnknownError: the execution was sent, and its outcome is unknown. Do not pay again: check later.
            DecodeError: the execution was accepted, but its answer does not have the documented shape.
        """
        terms = PayoutTerms(
            to=to,
            amount=amount,
            currency=currency,
            passcode=passcode,
            device=device,
            pay_with=MobileMoney() if pay_with is None else pay_with,
            reference_id=_given_or_new(reference_id),
            is_own_reference=reference_id is None,
        )
        return await self._pay(terms, terms.reference_id, PayoutChain)

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
        """Move money from one of the merchant's wallets to a counterparty's wallet.

        Args:
            from_wallet_id: the wallet that pays, from a payout session's answer or the portal.
            to_counterparty_id: who receives the money.
            amount: a `Decimal`, in major units of `currency`.
            currency: three letters.
            expires_at: until when it may be executed (timezone-aware); by default 15 minutes from now.
            reference_id: the payment's key, a version-4 UUID; by default a new one.

        Raises:
            DollrError: the errors of `payout`, each for the same reason.
        """
        terms = TransferTerms(
            from_wallet_id=from_wallet_id,
            to_counterparty_id=to_counterparty_id,
            amount=amount,
            currency=currency,
            expires_at=expires_at,
            reference_id=_given_or_new(reference_id),
            is_own_reference=reference_id is None,
        )
        return await self._pay(terms, terms.reference_id, TransferChain)

    async def refund(
        self,
        *,
        original_payment_intent_id: int | str,
        amount: Decimal | int,
        reason: str | None = None,
        expires_at: datetime | None = None,
        reference_id: uuid.UUID | str | None = None,
    ) -> Payment:
        """Return the money of an earlier collection to its payer, all of it or a part.

        Args:
            original_payment_intent_id: the payment intent of the collection, from the portal. Where the API returns it,
                it is in the `extra` of an answer.
            amount: a `Decimal` up to the original amount, in major units of the original currency.
            reason: your own text.
            expires_at: until when it may be executed (timezone-aware); by default 15 minutes from now.
            reference_id: the refund's own key, a version-4 UUID; by default a new one.

        Raises:
            DollrError: the errors of `payout`, each for the same reason.
        """
        terms = RefundTerms(
            original_payment_intent_id=original_payment_intent_id,
            amount=amount,
            reason=reason,
            expires_at=expires_at,
            reference_id=_given_or_new(reference_id),
            is_own_reference=reference_id is None,
        )
        return await self._pay(terms, terms.reference_id, RefundChain)

    async def _pay(self, terms: P, reference_id: uuid.UUID, make_flow: MakeFlow[P]) -> Payment:
        execution, flow = await self._run_payment(terms, reference_id, make_flow)
        return Payment(execution, progress=flow.progress, kind=execution.operation_type, registry=self._registry)


def _given_or_new(reference_id: uuid.UUID | str | None) -> uuid.UUID | str:
    return uuid.uuid4() if reference_id is None else reference_id
