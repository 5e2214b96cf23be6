"""What both a page's button and the JSON do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.answers import PageError
from dollr_async.sandbox.payer import let_ring, phone_of

if TYPE_CHECKING:
    from dollr_async.sandbox.pages.answers import PageContext
    from dollr_async.sandbox.world.records import Payment

DECLINED = "The payer declined the payment"
LONGEST_SKIP = 366 * 86_400.0
"""The most seconds that are skipped at once."""
LONGEST_LATENCY = 600.0
"""The longest delay of an answer, in seconds."""
LONGEST_TOKEN = 100_000.0
"""The longest life of a token, in minutes."""


def find_payment(context: PageContext, reference: str) -> Payment:
    """A payment by its reference, or a 404."""
    payment = context.world.payments.get(reference.lower())
    if payment is None:
        raise PageError(
            404, "No payment with this reference was found: it was never executed here, or the sandbox was restarted."
        )
    return payment


def answer_payment(context: PageContext, payment: Payment, word: str | None, message: str = DECLINED) -> None:
    """Do what the payer pressed; a payment that is final is refused, since its money has moved or has not."""
    if payment.is_final:
        raise PageError(409, f"The payment {payment.reference_id} is already {payment.status}.")
    match word:
        case "approve":
            context.controls.settle(payment.reference_id)
        case "decline":
            context.controls.decline(payment.reference_id, message)
        case "ring" if phone_of(payment) is None:
            raise PageError(409, "Only a mobile-money collection rings on a phone.")
        case "ring":
            let_ring(context.world, payment)
        case "confirm" if payment.requires_action:
            context.controls.confirm_card(payment.reference_id)
        case "confirm":
            raise PageError(409, "This payment does not wait for 3-D Secure.")
        case _:
            raise PageError(422, f"{word!r} is not an answer: use approve, decline, ring or confirm.")


def skip_time(context: PageContext, seconds: float) -> None:
    """Move the clock forward; past the year 9999 is refused."""
    try:
        context.world.clock.at(context.world.clock.seconds() + seconds + LONGEST_SKIP)
    except OverflowError:
        raise PageError(409, "The clock cannot go past the year 9999: restart the sandbox.") from None
    context.controls.advance(seconds)
