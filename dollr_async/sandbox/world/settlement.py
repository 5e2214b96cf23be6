"""What becomes of an accepted payment: when it moves on, and what its end does to documents and wallets."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from dollr_async.sandbox.outcomes import AfterSeconds, AfterStatusChecks, Settlement
from dollr_async.sandbox.world.documents import move

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Payment
    from dollr_async.sandbox.world.world import World

MOVES: dict[str, tuple[str, ...]] = {
    "PENDING": ("PROCESSING", "COMPLETED", "FAILED"),
    "PROCESSING": ("COMPLETED", "FAILED"),
    "COMPLETED": (),
    "FAILED": (),
}
"""Where a payment may go from each status."""

SOURCE_PAID = "SOURCE_PAID"
CONFIRMED = "CONFIRMED"


def rule_of(world: World, payment: Payment) -> Settlement:
    """When this payment moves on: its outcome's own rule, or else the sandbox's."""
    return payment.outcome.settlement or world.settlement


def begin(world: World, payment: Payment) -> None:
    """Start an accepted payment on its way."""
    if payment.outcome.start in {"COMPLETED", "FAILED"}:
        advance(world, payment, payment.outcome.start)
    elif payment.requires_action:
        if world.confirm_cards_after is not None:
            _schedule(world, payment, payment.accepted_second + world.confirm_cards_after, CONFIRMED)
    else:
        _schedule_rest(world, payment, payment.accepted_second)


def _schedule_rest(world: World, payment: Payment, since: float) -> None:
    rule = rule_of(world, payment)
    if payment.outcome.final is None or not isinstance(rule, AfterSeconds):
        return
    if payment.status == "PENDING":
        _schedule(world, payment, since + rule.processing, "PROCESSING")
    _schedule(world, payment, since + rule.final, payment.outcome.final)


def _schedule(world: World, payment: Payment, due: float, event: str) -> None:
    heappush(world.agenda, (due, world.next_turn(), payment.reference_id, event))
    world.scheduled()


def settle_due(world: World) -> None:
    """Let everything happen that the clock has reached, in its order."""
    agenda = world.agenda
    if not agenda:
        return
    now = world.clock.seconds()
    while agenda and agenda[0][0] <= now:
        due, _, reference_id, event = heappop(agenda)
        payment = world.payments[reference_id]
        if event == SOURCE_PAID:
            _pay_source(world, payment, due)
        elif event == CONFIRMED:
            confirm(world, payment, due)
        else:
            advance(world, payment, event, due)


def look(world: World, payment: Payment) -> None:
    """Count one look at a payment, and move it on if looks are what moves it."""
    rule = rule_of(world, payment)
    if payment.is_final or payment.requires_action or payment.outcome.final is None:
        return
    payment.looks += 1
    if not isinstance(rule, AfterStatusChecks):
        return
    if payment.looks >= rule.final:
        advance(world, payment, payment.outcome.final)
    elif payment.looks >= rule.processing:
        advance(world, payment, "PROCESSING")


def confirm(world: World, payment: Payment, second: float | None = None) -> None:
    """The payer has finished the card's authentication: the payment goes on."""
    if not payment.requires_action:
        return
    payment.requires_action = False
    payment.looks = 0
    _schedule_rest(world, payment, world.clock.seconds() if second is None else second)


def advance(world: World, payment: Payment, status: str, second: float | None = None) -> None:
    """Move a payment to a status, unless it has got there or beyond already."""
    if status not in MOVES[payment.status]:
        return
    payment.status = status
    second = world.clock.seconds() if second is None else second
    if payment.is_final:
        _end(world, payment, second)
    world.changed(payment, "UPDATE", second)


def _end(world: World, payment: Payment, second: float) -> None:
    payment.settled_at = world.clock.at(second)
    payment.requires_action = None if payment.requires_action is None else False
    if payment.status == "COMPLETED":
        _complete(world, payment, second)
    else:
        _fail(world, payment)


def _complete(world: World, payment: Payment, second: float) -> None:
    payment.provider_transaction_id = f"sandbox-{payment.intent_id}"
    if payment.kind != "COLLECTION":
        return
    world.wallet(payment.price.payee_currency).balance += payment.price.payee_amount
    if world.quirks.source_lag > 0:
        _schedule(world, payment, second + world.quirks.source_lag, SOURCE_PAID)
    else:
        _pay_source(world, payment, second)


def _pay_source(world: World, payment: Payment, second: float) -> None:
    document = payment.session.document
    if document is not None:
        move(world, document, "settle")
        document.paid_at = world.clock.at(second)


def _fail(world: World, payment: Payment) -> None:
    payment.gateway_message = payment.gateway_message or payment.outcome.gateway_message
    payment.wallet_message = payment.wallet_message or payment.outcome.wallet_message
    if payment.held_in is not None:
        payment.held_in.balance += payment.held
        payment.held_in = None
    if payment.session.original is not None:
        payment.session.original.refunded -= payment.price.payer_amount
    if payment.session.document is not None:
        move(world, payment.session.document, "fail")
