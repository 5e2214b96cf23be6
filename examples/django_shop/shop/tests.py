"""The shop on a sandbox: an order is paid once the worker has run, and never otherwise."""

import io
from typing import Any

from django.core.management import call_command
from django.test import TransactionTestCase, override_settings

from dollr_async.sandbox import SandboxThread
from dollr_async.testing import QUICK
from shop.models import Order

ORDER = {"fullname": "Amara Kamara", "phone": "231771234567", "amount": "25.00"}


class Shop(TransactionTestCase):
    """Each test has a sandbox of its own."""

    outcome: Any = "approve"

    def setUp(self) -> None:
        """Start the sandbox, and let the settings lead to it."""
        self.sandbox = SandboxThread(outcome=self.outcome).start()
        self.addCleanup(self.sandbox.close)
        keys = {"CLIENT_ID": "client_id", "CLIENT_SECRET": "client_secret", "BASE_URL": "url"}
        settings = {key: getattr(self.sandbox, name) for key, name in keys.items()} | {"OPTIONS": QUICK}
        changed = override_settings(DOLLR=settings)
        changed.enable()
        self.addCleanup(changed.disable)

    def test_an_order_is_paid_when_the_worker_has_seen_it(self) -> None:
        """Not before."""
        self.client.post("/checkout/", ORDER)
        self.sandbox.advance(60)
        self.assertIsNone(Order.objects.get().paid_at)
        call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertIsNotNone(Order.objects.get().paid_at)


class NotKnownYet(Shop):
    """The answer to the charge is lost, and the status cannot be checked for a while."""

    def test_an_order_is_paid_when_the_worker_has_seen_it(self) -> None:
        """The customer is not told that it failed."""
        self.sandbox.fail("collect", "lose_answer")
        self.sandbox.fail("get_collection_status", 404)
        self.sandbox.fail("get_collection_status", "server_error", times=None)
        answer = self.client.post("/checkout/", ORDER)
        self.assertRedirects(answer, f"/status/{Order.objects.get().pk}/", fetch_redirect_response=False)
        self.sandbox.clear_faults()
        self.sandbox.advance(60)
        call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertIsNotNone(Order.objects.get().paid_at)
        self.assertEqual(len(self.sandbox.ledger), 1)


class Declined(Shop):
    """The payer says no."""

    outcome = "decline"

    def test_an_order_is_paid_when_the_worker_has_seen_it(self) -> None:
        """It is not."""
        self.client.post("/checkout/", ORDER)
        self.sandbox.advance(60)
        call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertIsNone(Order.objects.get().paid_at)
