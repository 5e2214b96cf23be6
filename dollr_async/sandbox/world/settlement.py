"""The status of an accepted payment: when it changes, and what a final status does to documents and wallets."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.outcomes import OUTCOMES, AfterSeconds, AfterStatusChecks, Settlement
from dollr_async.sandbox.world.documents import move_document

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Payment
    from dollr_async.sandbox.world.world import World

PAYMENT_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "PENDING": ("PROCESSING", "COMPLETED", "FAILED"),
    "PROCESSING": ("COMPLETED", "FAILED"),
    "COMPLETED": (),
    "FAILED": (),
}
"""The statuses that may follow each status of a payment."""

BY_HAND = OUTCOMES["by_hand"]
"""The outcome of a payment that waits for a person."""

SOURCE_PAID = "SOURCE_PAID"
CONFIRMED = "CONFIRMED"


def rule_of(world: World, payment: Payment) -> Settlement:
    """The rule for when the status of this payment changes: its outcome's own, or else the sandbox's."""
    return payment.outcome.settlement or world.settlement


def start(world: World, payment: Payment) -> None:
    """Schedule the next events of a payment that was just accepted."""
    if payment.outcome.start in {"COMPLETED", "FAILED"}:
        move_payment(world, payment, payment.outcome.start)
    elif payment.requires_action:
        if world.confirm_cards_after is not None:
            _schedule(world, payment, payment.accepted_second + world.confirm_cards_after, CONFIRMED)
    else:
        _schedule_rest(world, payment, payment.accepted_second)


def _schedule_rest(world: World, payment: Payment, since: float) -> None:
    rule = rule_of(world, payment)
    if payment.outcome.final is None or not isinstance(rule, AfterSeconds):
        return
    if payment.status == "PENDING" and rule.processing is not None:
        _schedule(world, payment, since + rule.processing, "PROCESSING")
    _schedule(world, payment, since + rule.final, payment.outcome.final)


def _schedule(world: World, payment: Payment, due: float, event: str) -> None:
    heappush(world.events, (due, world.next_turn(), payment.reference_id, event))
    world.on_event_scheduled()


@in_own_context
def settle_due(world: World) -> None:
    """Carry out all events that are due, in the order of their times."""
    events = world.events
    if not events:
        return
    now = world.clock.seconds()
    while events and events[0][0] <= now:
        due, _, reference_id, event = heappop(events)
        payment = world.payments[reference_id]
        if event == SOURCE_PAID:
            _pay_source(world, payment, due)
        elif event == CONFIRMED:
            confirm_card(world, payment, due)
        else:
            move_payment(world, payment, event, due)


def count_status_check(world: World, payment: Payment) -> None:
    """Count one status check of a payment, and change its status if status checks decide about that."""
    rule = rule_of(world, payment)
    if payment.is_final or payment.requires_action or payment.outcome.final is None:
        return
    payment.status_checks += 1
    if not isinstance(rule, AfterStatusChecks):
        return
    if payment.status_checks >= rule.final:
        move_payment(world, payment, payment.outcome.final)
    elif payment.status_checks >= rule.processing:
        move_payment(world, payment, "PROCESSING")


def confirm_card(world: World, payment: Payment, second: float | None = None) -> None:
    """Finish the payer's 3-D Secure: the payment continues from this second, or from now."""
    if not payment.requires_action:
        return
    payment.requires_action = False
    payment.status_checks = 0
    _schedule_rest(world, payment, world.clock.seconds() if second is None else second)


def wait_for_person(world: World, payment: Payment) -> None:
    """Let a person decide about this payment, whatever was planned for it; without an answer in time it fails."""
    if payment.is_final or payment.outcome.name == BY_HAND.name:
        return
    forget_plan(world, payment)
    payment.outcome = BY_HAND
    if not payment.requires_action:
        _schedule_rest(world, payment, world.clock.seconds())


def forget_plan(world: World, payment: Payment) -> None:
    """Take back what is scheduled for a payment that is not final."""
    world.events[:] = [event for event in world.events if event[2] != payment.reference_id]
    heapify(world.events)


@in_own_context
def move_payment(world: World, payment: Payment, status: str, second: float | None = None) -> None:
    """Change the status of a payment as of this second, or of now; a status that may not follow changes nothing."""
    if status not in PAYMENT_TRANSITIONS[payment.status]:
        return
    payment.status = status
    second = world.clock.seconds() if second is None else second
    payment.history.append((status, world.clock.at(second)))
    if payment.is_final:
        _end(world, payment, second)
    world.on_payment_change(payment, "UPDATE", second)


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
        move_document(world, document, "settle")
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
        move_document(world, payment.session.document, "fail")
