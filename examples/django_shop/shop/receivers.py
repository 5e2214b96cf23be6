"""What happens when a payment has ended. It commits together with the mark that it was handled."""

from typing import Any

from django.dispatch import receiver

from dollr_async import Outcome
from dollr_async.integrations.django import payment_settled
from shop.models import Order


@receiver(payment_settled)
def mark_order(sender: object, outcome: Outcome, **_: Any) -> None:  # noqa: ANN401, ARG001 - what a signal sends
    """Note when the order was paid."""
    if outcome.status == "COMPLETED":
        Order.objects.filter(reference_id=outcome.reference_id).update(paid_at=outcome.ended_at)
