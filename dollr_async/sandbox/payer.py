"""What a payer does: pays a published document, answers the phone that rings, and confirms a card."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs

from dollr_async.sandbox.api.checkouts import create_checkout
from dollr_async.sandbox.api.executions import charge
from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.outcomes import TEST_CARDS, operator_of
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.requests.bodies import CheckoutItem, NewCheckout
from dollr_async.sandbox.world import settlement
from dollr_async.sandbox.world.pricing import CARD, MOBILE_METHODS, Price, price
from dollr_async.sandbox.world.providers import predicted_provider, wallet_currencies
from dollr_async.sandbox.world.records import Account, Document, Payment, Session

if TYPE_CHECKING:
    from dollr_async.sandbox.world.world import World

TEST_PHONE = "231770001122"
"""The phone of a test checkout: it is not among the test phones, so a person decides."""


@attrs.frozen
class Means:
    """How a payer pays: by the wallet of a phone, or with a test card."""

    method: str
    currency: str
    phone: str | None = None
    card: str | None = None


def by_phone(document: Document, phone: str) -> Means:
    """Pay by mobile money, in a currency that the phone's wallet has; a phone without an operator is refused."""
    method = operator_of(phone)
    if method is None:
        raise unprocessable("No mobile-money operator found for this phone")
    carried = wallet_currencies(method)
    return Means(method, document.currency if document.currency in carried else carried[0], phone=phone)


def by_card(document: Document, token: str) -> Means:
    """Pay with a test card, by its token, in the document's currency; an unknown card is refused."""
    if token not in TEST_CARDS:
        raise unprocessable(f"No such payment method: {token}")
    return Means(CARD, document.currency, card=token)


@in_own_context
def cost_of(document: Document, means: Means) -> Price:
    """What a document costs by these means; what cannot be priced is refused."""
    return price(
        document.total_amount,
        document.currency,
        payer_currency=means.currency,
        method=means.method,
        operation="COLLECTION",
        fee_bearer=document.fee_bearer,
    )


@in_own_context
def pay_document(world: World, document: Document, means: Means | None = None) -> Payment:
    """Charge the document's payer, by default on its phone, with a new reference.

    A document that is not payable is refused. A card that needs 3-D Secure waits until the payer confirms it.
    """
    means = means or by_phone(document, document.counterparty.party.phone)
    session = Session(
        id=world.next_id("session"),
        kind="COLLECTION",
        expires_at=world.clock.now() + timedelta(seconds=world.session_lifetime),
        created_at=world.clock.now(),
        document=document,
    )
    account = _account(world, document, means)
    payment = charge(world, session, account, means.currency, str(uuid4()), ("HOSTED", str(document.id)))
    if payment.requires_action:
        settlement.forget_plan(world, payment)
    return payment


def _account(world: World, document: Document, means: Means) -> Account:
    now = world.clock.now()
    party = document.counterparty.party
    return Account(
        id=world.next_id("account"),
        account_name=party.fullname,
        provider="STRIPE" if means.phone is None else predicted_provider(world.quirks, means.method),
        method=means.method,
        party=party,
        country_code=party.country_code,
        number=means.phone,
        operation_type="COLLECTION",
        card_token=means.card,
        created_at=now,
        updated_at=now,
    )


def phone_of(payment: Payment) -> str | None:
    """The phone on which a collection asks its payer, or None for any other movement of money."""
    account = payment.account
    if payment.kind != "COLLECTION" or account is None or account.method not in MOBILE_METHODS:
        return None
    return account.number


def waiting_payments(world: World, phone: str | None = None) -> list[Payment]:
    """The collections that wait for an answer on their phone, the latest first; those of one phone, or of all."""
    waiting = (payment for payment in reversed(world.payments.values()) if not payment.is_final)
    return [payment for payment in waiting if phone_of(payment) is not None and phone in {None, phone_of(payment)}]


def let_ring(world: World, payment: Payment) -> None:
    """Let nobody answer: the payment is pending until a person answers after all, or fails after two minutes."""
    if phone_of(payment) is not None:
        settlement.wait_for_person(world, payment)


def answer_by_hand(world: World, phone: str | None, *, on: bool) -> None:
    """Let a person answer a phone, or every phone for None; with `on=False` phones answer by their own rules again.

    A payment that is already waiting is left to the person too.
    """
    if phone is None:
        world.handsets.every = on
    elif on:
        world.handsets.by_hand.add(phone)
    else:
        world.handsets.by_hand.discard(phone)
    if on:
        for payment in waiting_payments(world, phone):
            settlement.wait_for_person(world, payment)


@in_own_context
def try_checkout(world: World) -> str:
    """Make a checkout to try the pages with, and return the token of its hosted page; a person answers its phone."""
    answer_by_hand(world, TEST_PHONE, on=True)
    items = (
        CheckoutItem(name="Solar lamp", currency="USD", amount=Decimal("18.50")),
        CheckoutItem(name="Delivery", currency="USD", amount=Decimal("2.00")),
    )
    body = NewCheckout(
        mode="HOSTED",
        source_kind="ORDER",
        party_phone=TEST_PHONE,
        party_name="Amara Kamara",
        currency="USD",
        items=items,
    )
    return str(create_checkout(world, body)["hosted_path_or_token"])
