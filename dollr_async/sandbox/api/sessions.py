"""Sessions: the intent that one execution uses up, with one kind for each kind of execution."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from dollr_async.sandbox.api.payment_accounts import usable_account
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.pricing import rounded
from dollr_async.sandbox.world.records import Answer, Payment, Session
from dollr_async.sandbox.world.world import as_id

if TYPE_CHECKING:
    from datetime import datetime

    from dollr_async.sandbox.requests.bodies import (
        NewCheckoutSession,
        NewPayoutSession,
        NewRefundSession,
        NewTransferSession,
    )
    from dollr_async.sandbox.world.world import World


def create_checkout_session(world: World, body: NewCheckoutSession) -> Answer:
    """Declare the intent to collect for a source that is ACTIVE."""
    document = world.documents.get(body.source_type, {}).get(body.source_id)
    if document is None:
        raise unprocessable(f"{body.source_type.capitalize()} {body.source_id} not found")
    if document.status != "ACTIVE":
        raise unprocessable(f"Source is {document.status}: a session needs an ACTIVE source")
    session = _add_session(world, "COLLECTION")
    session.document = document
    return {
        **_session_answer(session),
        "payment_account_id": None,
        "source_id": document.id,
        "source_type": document.source_type,
    }


def create_payout_session(world: World, body: NewPayoutSession) -> Answer:
    """Declare the intent to pay out to an account, from the wallet in the payout's currency."""
    account = usable_account(world, body.payout_account_id, "PAYOUT")
    wallet = world.wallets.get(body.currency)
    if wallet is None:
        raise unprocessable(f"No wallet in {body.currency}")
    session = _add_session(world, "PAYOUT", amount=body.amount, currency=body.currency)
    session.account, session.wallet = account, wallet
    return {
        **_session_answer(session),
        "wallet_id": wallet.id,
        "payout_account_id": account.id,
        "amount": body.amount,
        "currency": body.currency,
    }


def create_transfer_session(world: World, body: NewTransferSession) -> Answer:
    """Declare the intent to move money from a wallet to a counterparty's."""
    wallet = next((wallet for wallet in world.wallets.values() if wallet.id == body.from_wallet_id), None)
    if wallet is None:
        raise unprocessable(f"Wallet {body.from_wallet_id} not found")
    if wallet.currency != body.currency:
        raise unprocessable(f"Wallet {wallet.id} holds {wallet.currency}, not {body.currency}")
    counterparty = world.counterparties.get(body.to_counterparty_id)
    if counterparty is None:
        raise unprocessable(f"Counterparty {body.to_counterparty_id} not found")
    session = _add_session(world, "TRANSFER", body.expires_at, amount=body.amount, currency=body.currency)
    session.wallet, session.counterparty = wallet, counterparty
    return {
        **_session_answer(session),
        "from_wallet_id": wallet.id,
        "to_counterparty_id": counterparty.id,
        "amount": body.amount,
        "currency": body.currency,
    }


def create_refund_session(world: World, body: NewRefundSession) -> Answer:
    """Declare the intent to refund a collection, in part or in full."""
    original = _original_payment(world, body.original_payment_intent_id)
    if original is None or original.kind != "COLLECTION":
        raise unprocessable(f"Payment intent {body.original_payment_intent_id} not found")
    check_refundable(original, body.amount)
    session = _add_session(world, "REFUND", body.expires_at, amount=body.amount, currency=original.price.payer_currency)
    session.original = original
    return {
        **_session_answer(session),
        "original_payment_intent_id": body.original_payment_intent_id,
        "amount": body.amount,
        "currency": session.currency,
        "reason": body.reason,
    }


def _original_payment(world: World, key: int) -> Payment | None:
    if world.quirks.refund_key == "payment_intent":
        return world.payments_by_intent.get(key)
    return next((payment for payment in world.payments.values() if payment.session.id == key), None)


def check_refundable(original: Payment, amount: Decimal) -> None:
    """Refuse a refund of a payment that is not COMPLETED, or of more than is left of it."""
    if original.status != "COMPLETED":
        raise unprocessable(f"The original payment is {original.status}: only a COMPLETED one can be refunded")
    left = original.price.payer_amount - original.refunded
    if amount > left:
        raise unprocessable(f"Refund of {amount} exceeds the {left} left of the original payment")


def active_session(world: World, session_id: str, kind: str) -> Session:
    """The session to execute; it must be of the right kind, not expired and not used up, or it is refused."""
    session = world.sessions.get(as_id(session_id))
    if session is None or session.kind != kind:
        raise unprocessable(f"Session {session_id} not found")
    if session.status != "ACTIVE":
        raise unprocessable(f"Session {session_id} is not active")
    if world.clock.now() >= session.expires_at:
        raise unprocessable(f"Session {session_id} expired")
    return session


def _add_session(
    world: World,
    kind: str,
    expires_at: datetime | None = None,
    *,
    amount: Decimal = Decimal(0),
    currency: str = "",
) -> Session:
    """Keep a new session; without `expires_at` it expires after the sandbox's session lifetime."""
    now = world.clock.now()
    if expires_at is not None and expires_at <= now:
        raise unprocessable("expires_at must be in the future")
    if currency and rounded(amount, currency) <= 0:
        raise unprocessable(f"{amount} {currency} is less than the currency's smallest unit")
    session = Session(
        id=world.next_id("session"),
        kind=kind,
        created_at=now,
        expires_at=expires_at or now + timedelta(seconds=world.session_lifetime),
        amount=amount,
        currency=currency,
    )
    world.sessions[session.id] = session
    return session


def _session_answer(session: Session) -> Answer:
    return {
        "id": session.id,
        "status": session.status,
        "expires_at": session.expires_at,
        "created_at": session.created_at,
        "updated_at": session.created_at,
    }
