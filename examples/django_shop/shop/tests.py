"""The shop on a sandbox: an order is paid once the worker has run, and never otherwise."""

import io
from typing import Any

from django.core.management import call_command
from django.test import TransactionTestCase, override_settings

from dollr_async.sandbox import SandboxThread
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
        changed = override_settings(DOLLR={key: getattr(self.sandbox, name) for key, name in keys.items()})
        changed.enable()
        self.addCleanup(changed.disable)

    def test_an_order_is_paid_when_the_worker_has_seen_it(self) -> None:
        """Not before."""
        self.client.post("/checkout/", ORDER)
        self.sandbox.advance(60)
        self.assertIsNone(Order.objects.get().paid_at)
        call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertIsNotNone(Order.objects.get().paid_at)


class Declined(Shop):
    """The payer says no."""

    outcome = "decline"

    def test_an_order_is_paid_when_the_worker_has_seen_it(self) -> None:
        """It is not."""
        self.client.post("/checkout/", ORDER)
        self.sandbox.advance(60)
        call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertIsNone(Order.objects.get().paid_at)
