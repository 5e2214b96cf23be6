"""The payments of the shop as jobs of Procrastinate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F

from dollr_async.integrations.django import dollr
from dollr_async.integrations.procrastinate import PaymentTasks

if TYPE_CHECKING:
    from procrastinate import App

    from dollr_async import Outcome

failures: list[Exception] = []
"""What the handler raises next, after its work."""


async def pay(outcome: Outcome, connection: Any) -> None:
    """Mark the order as paid."""
    from tests.integrations.django.project.shop.models import Order  # noqa: PLC0415 - it needs ready apps

    assert connection.in_atomic_block
    await Order.objects.filter(reference_id=outcome.reference_id).aupdate(paid=F("paid") + 1)
    if failures:
        raise failures.pop()


def pay_now(outcome: Outcome, connection: Any) -> None:
    """Do the same from code that cannot await."""
    from tests.integrations.django.project.shop.models import Order  # noqa: PLC0415 - as above

    assert connection.in_atomic_block
    Order.objects.filter(reference_id=outcome.reference_id).update(paid=F("paid") + 1)


payments = PaymentTasks(dollr, pay, sweep_cron="* * * * * */1")


def register(app: App) -> None:
    """Add the tasks to the app of the project."""
    payments.register(app)
