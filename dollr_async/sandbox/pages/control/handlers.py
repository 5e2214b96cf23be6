"""What `/__control` does, one function for each of its operations."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.actions import answer_payment, find_payment, skip_time
from dollr_async.sandbox.pages.answers import PageError
from dollr_async.sandbox.pages.control.answers import (
    clock_answer,
    fault_answers,
    payment_answer,
    request_answer,
    session_answer,
    token_answer,
)
from dollr_async.sandbox.pages.story import requests_of
from dollr_async.sandbox.payer import TEST_PHONE, answer_by_hand, phone_of, try_checkout, waiting_payments
from dollr_async.sandbox.world.hosted_pages import PAGE_PATH

if TYPE_CHECKING:
    from dollr_async.sandbox.pages.answers import PageContext
    from dollr_async.sandbox.pages.control import bodies
    from dollr_async.sandbox.world.records import Answer


def state(context: PageContext) -> Answer:
    """What the overview shows."""
    world = context.world
    counts = Counter(payment.status for payment in world.payments.values())
    return {
        "url": world.url,
        "client_id": context.client_id,
        "now": world.clock.now(),
        "payments": {word: counts[word] for word in ("PENDING", "PROCESSING", "COMPLETED", "FAILED")},
        "waiting": len(waiting_payments(world)),
        "balances": {currency: f"{wallet.balance:f}" for currency, wallet in world.wallets.items()},
        "requests": len(context.server.requests),
        "changes": context.server.changes.count,
    }


def payments(context: PageContext, query: bodies.PaymentFilter) -> list[Answer]:
    """The payments, the latest first."""
    everything = reversed(context.world.payments.values())
    fitting = (payment for payment in everything if query.status in {None, payment.status})
    return [payment_answer(payment) for payment in islice(fitting, query.limit)]


def one_payment(context: PageContext, path: bodies.ReferencePath) -> Answer:
    """A payment, with the requests that belong to it."""
    payment = find_payment(context, path.reference)
    story = requests_of(payment, context.server.requests)
    return {**payment_answer(payment), "requests": [request_answer(request) for request in story]}


def approve(context: PageContext, path: bodies.ReferencePath) -> Answer:
    """Complete a payment."""
    return _answered(context, path, "approve")


def decline(context: PageContext, path: bodies.ReferencePath, body: bodies.Decline) -> Answer:
    """Fail a payment, with a message."""
    payment = find_payment(context, path.reference)
    answer_payment(context, payment, "decline", body.message)
    return payment_answer(payment)


def ring(context: PageContext, path: bodies.ReferencePath) -> Answer:
    """Leave a payment without an answer."""
    return _answered(context, path, "ring")


def confirm(context: PageContext, path: bodies.ReferencePath) -> Answer:
    """Finish 3-D Secure."""
    return _answered(context, path, "confirm")


def _answered(context: PageContext, path: bodies.ReferencePath, word: str) -> Answer:
    payment = find_payment(context, path.reference)
    answer_payment(context, payment, word)
    return payment_answer(payment)


def requests(context: PageContext, query: bodies.RequestFilter) -> list[Answer]:
    """The requests after a number, in their order."""
    fitting = (
        request
        for request in context.server.requests
        if request.number > query.after and query.operation in {"*", request.operation}
    )
    return [request_answer(request) for request in islice(fitting, query.limit)]


def forget_requests(context: PageContext) -> None:
    """Forget the requests."""
    context.server.requests.clear()


def faults(context: PageContext) -> list[Answer]:
    """The planned faults."""
    return fault_answers(context.plan)


def fail(context: PageContext, body: bodies.NewFault) -> list[Answer]:
    """Plan a fault."""
    try:
        context.controls.fail(body.operation, body.fault, None if body.always else body.times, chance=body.chance)
    except ValueError as error:
        raise PageError(422, f"{error}") from error
    return fault_answers(context.plan)


def clear_faults(context: PageContext, query: bodies.OperationFilter) -> None:
    """Remove planned faults."""
    context.controls.clear_faults(None if query.operation == "*" else query.operation)


def latency(context: PageContext, body: bodies.Latency) -> dict[str, float]:
    """Delay the answers of an operation."""
    context.controls.set_latency(body.seconds, body.operation)
    return context.server.latencies


def clock(context: PageContext) -> Answer:
    """The time."""
    return clock_answer(context.world)


def skip(context: PageContext, body: bodies.Skip) -> Answer:
    """Skip time."""
    skip_time(context, body.seconds)
    return clock_answer(context.world)


def phones(context: PageContext) -> Answer:
    """Who answers the phones, and which ring."""
    world = context.world
    ringing = dict.fromkeys(phone_of(payment) for payment in waiting_payments(world))
    return {
        "every_by_hand": world.handsets.every,
        "by_hand": sorted(world.handsets.by_hand),
        "ringing": list(ringing),
    }


def every_phone(context: PageContext, body: bodies.ByHand) -> Answer:
    """Let a person answer every phone, or none but those that are named."""
    answer_by_hand(context.world, None, on=body.by_hand)
    return phones(context)


def one_phone(context: PageContext, path: bodies.PhonePath, body: bodies.ByHand) -> Answer:
    """Let a person answer one phone, or let its rule answer."""
    answer_by_hand(context.world, path.phone, on=body.by_hand)
    return phones(context)


def tokens(context: PageContext) -> Answer:
    """The tokens, without their text."""
    return token_answer(context.world)


def token_lifetime(context: PageContext, body: bodies.TokenLifetime) -> Answer:
    """Set how long later tokens live."""
    context.controls.set_token_lifetime(body.minutes)
    return token_answer(context.world)


def revoke_tokens(context: PageContext) -> None:
    """Revoke every token."""
    context.controls.revoke_tokens()


def sessions(context: PageContext, query: bodies.SessionFilter) -> list[Answer]:
    """The sessions, the latest first."""
    return [session_answer(session) for session in islice(reversed(context.world.sessions.values()), query.limit)]


def new_checkout(context: PageContext) -> Answer:
    """Make a test checkout."""
    return {"url": f"{context.world.url}{PAGE_PATH}{try_checkout(context.world)}", "phone": TEST_PHONE}
