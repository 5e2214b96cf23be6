"""Payments as jobs in a Django project: deferred in Django's transaction, and handled in one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction
from django.test import TransactionTestCase
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob

from dollr_async import InvalidInputError
from dollr_async.integrations.django.models import Payment
from tests.integrations.django.project import queue
from tests.integrations.django.project.base import WithSandbox
from tests.integrations.django.project.shop.models import Order
from tests.integrations.django.project.views import TERMS

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from procrastinate import App

_WITHIN = 30.0
app: App = django_app


def paid() -> list[int]:
    """Return how often each order was paid."""
    return list(Order.objects.order_by("pk").values_list("paid", flat=True))


def order() -> uuid.UUID:
    """Make an order and the job that collects for it, in one transaction."""
    with transaction.atomic():
        reference_id = async_to_sync(queue.payments.collect)(**TERMS)
        Order.objects.create(reference_id=reference_id)
    return reference_id


def no_jobs() -> None:
    """Delete every job."""
    with connections["default"].cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


def all_handled() -> bool:
    """Return whether every order has a payment that was handled."""
    return Payment.objects.filter(handled_at__isnull=False).count() == Order.objects.count()


def work(is_done: Callable[[], bool]) -> None:
    """Run a worker until something is so, as `manage.py procrastinate worker` runs it."""

    async def run() -> None:
        connector = app.connector
        assert isinstance(connector, DjangoConnector)
        with app.replace_connector(connector.get_worker_connector()):
            async with app.open_async():
                worker = asyncio.create_task(
                    app.run_worker_async(concurrency=5, fetch_job_polling_interval=0.1, install_signal_handlers=False)
                )
                try:
                    async with asyncio.timeout(_WITHIN):
                        while not await sync_to_async(is_done)():  # noqa: ASYNC110 - a table has no event
                            await asyncio.sleep(0.1)
                finally:
                    worker.cancel()
                    await asyncio.gather(worker, return_exceptions=True)
                    await sync_to_async(connections.close_all)()

    asyncio.run(run())


class Jobs(WithSandbox, TransactionTestCase):
    databases = {"default", "payments"}

    def setUp(self) -> None:
        super().setUp()
        queue.failures.clear()
        no_jobs()  # Django does not empty tables that it does not manage

    def test_the_order_and_the_job_commit_together_and_the_worker_delivers(self) -> None:
        for _ in range(3):
            order()
        self.assertEqual(ProcrastinateJob.objects.filter(status="todo").count(), 3)
        self.assertEqual(self.requests_to("/executions/collection"), [])
        work(all_handled)
        self.assertEqual(paid(), [1, 1, 1])
        self.assertEqual(len(self.sandbox.ledger), 3)

    def test_a_rollback_leaves_no_job(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            order()
            raise ZeroDivisionError
        self.assertEqual(ProcrastinateJob.objects.count(), 0)

    def test_the_same_reference_twice_is_one_job_and_leaves_the_transaction_usable(self) -> None:
        with transaction.atomic():
            reference_id = async_to_sync(queue.payments.collect)(**TERMS)
            async_to_sync(queue.payments.collect)(reference_id=reference_id, **TERMS)
            Order.objects.create(reference_id=reference_id)
        self.assertEqual(ProcrastinateJob.objects.count(), 1)
        self.assertEqual(paid(), [0])

    def test_a_handler_that_raises_is_rolled_back_and_comes_again(self) -> None:
        queue.failures.append(RuntimeError("the shop is closed"))
        order()
        with self.assertLogs("dollr_async.integrations.procrastinate", "ERROR") as logs:
            work(all_handled)
        self.assertEqual(paid(), [1])
        self.assertEqual(ProcrastinateJob.objects.filter(status="failed", task_name="dollr:check").count(), 1)
        self.assertIn(str(Order.objects.get().reference_id), logs.output[0])

    def test_a_handler_that_cannot_await(self) -> None:
        handler = queue.payments._on_outcome
        queue.payments._on_outcome = queue.pay_now
        self.addCleanup(setattr, queue.payments, "_on_outcome", handler)
        order()
        work(all_handled)
        self.assertEqual(paid(), [1])

    def test_the_sweep_finds_a_payment_that_has_no_job(self) -> None:
        order()
        work(lambda: Payment.objects.filter(sends__gt=0).exists())
        no_jobs()
        work(all_handled)
        self.assertEqual(paid(), [1])

    def test_a_connection_of_another_kind_is_refused(self) -> None:
        with self.assertRaisesMessage(InvalidInputError, "leave connection out"):
            async_to_sync(queue.payments.collect)(object(), **TERMS)  # type: ignore[arg-type]  # it is the point
        self.assertEqual(ProcrastinateJob.objects.count(), 0)
