"""Celery: one status check is one task, and a sweep finds what a dead worker left behind.

After `collect()` call `check.delay(str(order.reference_id), timezone.now().isoformat())`.
"""

from contextlib import suppress
from datetime import datetime

from celery import Task, shared_task
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from dollr_async import AlreadyHandledError, DollrError
from dollr_async.integrations.django import payment_settled, run
from dollr_async.integrations.django.models import Payment


@shared_task(bind=True, acks_late=True, reject_on_worker_lost=True, autoretry_for=(Exception,), retry_backoff=True)  # type: ignore[untyped-decorator]  # Celery has no types
def check(self: Task, reference_id: str, began_at: str) -> None:
    """Check a payment once. Hand its outcome to the receivers, or check again when the next check is due."""
    age = max((timezone.now() - datetime.fromisoformat(began_at)).total_seconds(), 0.0)
    pause: float | None = 10.0
    with suppress(DollrError):  # it could not ask, which says nothing about the payment
        pause = run(lambda dollr: dollr.check(reference_id, age=age)).next_in
    outcome = run(lambda dollr: dollr.outcome(reference_id))
    if outcome is not None:
        with suppress(AlreadyHandledError), transaction.atomic():
            run(lambda _: outcome.handled())  # in the transaction that is open here
            payment_settled.send(sender=Payment, outcome=outcome)
    elif pause is not None:
        self.apply_async((reference_id, began_at), countdown=max(pause, age / 100))


@shared_task  # type: ignore[untyped-decorator]  # as above
def sweep() -> None:
    """Check each open payment once, and hand out each outcome that nobody has handled."""
    call_command("dollr_reconcile")
