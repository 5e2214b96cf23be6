"""Executions: the calls that move money, each with the caller's own reference."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from dollr_async.sandbox.api.payment_accounts import outcome_of, usable_account
from dollr_async.sandbox.api.sessions import active_session, check_refundable
from dollr_async.sandbox.passcodes import PASSCODE, PASSCODE_PHONE, PASSCODE_USER_ID
from dollr_async.sandbox.refusals import Refusal, unprocessable
from dollr_async.sandbox.world import settlement
from dollr_async.sandbox.world.documents import move_document
from dollr_async.sandbox.world.pricing import CARD, Price, exchange_rate, price, rounded, without_fees
from dollr_async.sandbox.world.providers import check_currency
from dollr_async.sandbox.world.records import Account, Answer, Payment, Session, Wallet
from dollr_async.sandbox.world.world import World, as_id

if TYPE_CHECKING:
    from decimal import Decimal

    from dollr_async.sandbox.outcomes import Outcome
    from dollr_async.sandbox.requests.bodies import NewCollection, NewExecution, NewPayout, PasscodeToken


def collect(world: World, body: NewCollection) -> Answer:
    """Charge the payer of a checkout session."""
    terms = ("COLLECTION", body.session_id, body.payment_account_id, body.currency)
    known = _existing_payment(world, body.reference_id, terms)
    if known is not None:
        return execution_answer(world, known)
    session = active_session(world, body.session_id, "COLLECTION")
    account = usable_account(world, as_id(body.payment_account_id), "COLLECTION")
    return execution_answer(world, charge(world, session, account, body.currency, body.reference_id, terms))


def charge(
    world: World, session: Session, account: Account, currency: str, reference_id: str, terms: tuple[str, ...]
) -> Payment:
    """Accept a collection: the account must be the payer's, the source ACTIVE and the currency one that it carries."""
    document = session.document
    if document is None or document.status != "ACTIVE":
        raise unprocessable("Source is not active")
    if account.party.phone != document.counterparty.party.phone:
        raise unprocessable(f"Payment account {account.id} not found for this payer")
    check_currency(account.method, currency)
    cost = price(
        document.total_amount,
        document.currency,
        payer_currency=currency,
        method=account.method,
        operation="COLLECTION",
        fee_bearer=document.fee_bearer,
    )
    move_document(world, document, "pay")
    document.paid_by = reference_id
    return _accept(world, session, account, cost, outcome_of(world, account), reference_id, terms)


def payout(world: World, body: NewPayout) -> Answer:
    """Pay out from the merchant's wallet, with the merchant's passcode; the fees are the merchant's."""
    _check_passcode(body.passcode.token)
    terms = ("PAYOUT", body.session_id, body.payout_account_id)
    known = _existing_payment(world, body.reference_id, terms)
    if known is not None:
        return execution_answer(world, known)
    session = active_session(world, body.session_id, "PAYOUT")
    account = usable_account(world, as_id(body.payout_account_id), "PAYOUT")
    if session.account is not account:
        raise unprocessable(f"Payout account {body.payout_account_id} not found for this session")
    cost = price(
        session.amount,
        session.currency,
        payer_currency=session.currency,
        method=account.method,
        operation="PAYOUT",
        fee_bearer="PAYER",
    )
    payment = _accept(world, session, account, cost, outcome_of(world, account), body.reference_id, terms)
    return execution_answer(world, payment)


def _check_passcode(token: PasscodeToken) -> None:
    """Refuse a passcode without a registered phone or user with 422, and a wrong one with 403."""
    if token.phone is None and token.user_id is None:
        raise unprocessable("Passcode needs the phone or the user_id that it is registered with")
    if token.phone not in {None, PASSCODE_PHONE} or token.user_id not in {None, PASSCODE_USER_ID}:
        raise unprocessable("Passcode is not registered")
    if token.code != PASSCODE:
        raise Refusal(403, "Invalid passcode")


def transfer(world: World, body: NewExecution) -> Answer:
    """Move money from the merchant's wallet to a counterparty's."""
    terms = ("TRANSFER", body.session_id)
    known = _existing_payment(world, body.reference_id, terms)
    if known is not None:
        return execution_answer(world, known)
    session = active_session(world, body.session_id, "TRANSFER")
    cost = without_fees(session.amount, session.currency)
    payment = _accept(world, session, None, cost, world.default_outcome, body.reference_id, terms)
    return execution_answer(world, payment)


def refund(world: World, body: NewExecution) -> Answer:
    """Give back a collection, up to what is left of it."""
    terms = ("REFUND", body.session_id)
    known = _existing_payment(world, body.reference_id, terms)
    if known is not None:
        return execution_answer(world, known)
    session = active_session(world, body.session_id, "REFUND")
    original = session.original
    if original is None:
        raise unprocessable(f"Session {body.session_id} not found")
    check_refundable(original, session.amount)
    cost = without_fees(session.amount, session.currency)
    original.refunded += cost.payer_amount
    payment = _accept(world, session, original.account, cost, world.default_outcome, body.reference_id, terms)
    return execution_answer(world, payment)


def _existing_payment(world: World, reference_id: str, terms: tuple[str, ...]) -> Payment | None:
    """The payment of this reference, if there is one with the same terms; with different terms it is refused."""
    payment = world.payments.get(reference_id)
    if payment is None:
        return None
    payment.sends += 1
    if payment.terms != terms or world.quirks.repeated_reference == "refused":
        raise unprocessable(f"reference_id {reference_id} already exists")
    return payment


def _accept(
    world: World,
    session: Session,
    account: Account | None,
    cost: Price,
    outcome: Outcome,
    reference_id: str,
    terms: tuple[str, ...],
) -> Payment:
    """Keep a payment, use up its session, hold its money, and start its settlement."""
    second = world.clock.seconds()
    payment = Payment(
        reference_id=reference_id,
        kind=session.kind,
        terms=terms,
        session=session,
        account=account,
        price=cost,
        outcome=outcome,
        intent_id=world.next_id("intent"),
        accepted_at=world.clock.at(second),
        accepted_second=second,
        status=outcome.start if outcome.start == "PROCESSING" else "PENDING",
    )
    payment.history.append((payment.status, payment.accepted_at))
    if outcome.needs_action and account is not None and account.method == CARD and session.kind == "COLLECTION":
        payment.requires_action = True
        payment.client_secret = f"pi_{payment.intent_id}_secret_{secrets.token_hex(12)}"
    session.status = "USED"
    if account is not None:
        account.used = True
    world.payments[reference_id] = payment
    world.payments_by_intent[payment.intent_id] = payment
    world.on_payment_change(payment, "INSERT", second)
    if session.kind == "COLLECTION" or _hold(world, payment):
        settlement.start(world, payment)
    return payment


def _hold(world: World, payment: Payment) -> bool:
    """Take the money out of the wallet until the payment ends; where that is not possible the payment fails."""
    wallet, amount = _debited(world, payment)
    if wallet.status == "ACTIVE" and wallet.balance >= amount:
        wallet.balance -= amount
        payment.held, payment.held_in = amount, wallet
        return True
    short = wallet.status == "ACTIVE"
    payment.wallet_message = "Insufficient balance for amount plus fees" if short else f"Wallet is {wallet.status}"
    settlement.move_payment(world, payment, "FAILED")
    return False


def _debited(world: World, payment: Payment) -> tuple[Wallet, Decimal]:
    """The wallet that pays, and how much; the wallet that received a collection pays its refund."""
    original = payment.session.original
    if original is None:
        return payment.session.wallet or world.wallet(payment.price.payer_currency), payment.price.payer_amount
    into = original.price.payee_currency
    rate = exchange_rate(payment.price.payer_currency, into)
    return world.wallet(into), rounded(payment.price.payer_amount * rate, into)


def execution_answer(world: World, payment: Payment) -> Answer:
    """Write an `ExecutionResponse`."""
    is_amount_known = payment.status != "PENDING" or world.quirks.pending_payee_amount
    answer: Answer = {
        "reference_id": payment.reference_id,
        "provider_transaction_id": payment.provider_transaction_id,
        "status": world.quirks.status_word(payment.status),
        "payer_amount": payment.price.payer_amount,
        "payer_currency": payment.price.payer_currency,
        "payee_amount": payment.price.payee_amount if is_amount_known else None,
        "payee_currency": payment.price.payee_currency,
        "operation_type": payment.kind,
        "gateway_message": payment.gateway_message,
        "wallet_message": payment.wallet_message,
        "client_secret": payment.client_secret if payment.requires_action else None,
        "requires_action": payment.requires_action,
    }
    if payment.kind == "COLLECTION" and world.quirks.payment_intent_id:
        answer["payment_intent_id"] = payment.intent_id
    return answer
