"""Outcomes: the mark and the caller's changes, the signal, the commands, and the checks."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections, transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from dollr_async import AlreadyHandledError, InvalidInputError
from dollr_async.integrations.django import dollr, payment_settled, run
from dollr_async.integrations.django.models import Payment
from tests.integrations.django.project.base import WithSandbox
from tests.integrations.django.project.shop.models import Order
from tests.integrations.django.project.views import TERMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from dollr_async import DollrClient, Outcome


@contextmanager
def receiving(receiver: Callable[..., None]) -> Iterator[None]:
    """Connect a receiver for a while."""
    payment_settled.connect(receiver)
    try:
        yield
    finally:
        payment_settled.disconnect(receiver)


def pay(sender: object, outcome: Outcome, **_: Any) -> None:
    """Mark the order as paid."""
    order = Order.objects.get(reference_id=outcome.reference_id)
    order.paid += 1
    order.save()


def paid() -> list[int]:
    """Return how often each order was paid."""
    return list(Order.objects.order_by("pk").values_list("paid", flat=True))


def order() -> UUID:
    """Make an order, collect for it, and return its reference."""
    collection = run(lambda dollr: dollr.collect(**TERMS))
    Order.objects.create(reference_id=collection.reference_id)
    return collection.reference_id


def ended() -> UUID:
    """Make an order whose payment has ended."""
    reference_id = order()
    run(lambda dollr: dollr.wait(reference_id))
    return reference_id


def mark(outcome: Outcome, given: object) -> None:
    """Mark an outcome from code that cannot await."""
    run(lambda _: outcome.handled(given))


async def _next(dollr: DollrClient) -> Outcome:
    return await anext(aiter(dollr.outcomes(idle=0)))


class Marks(WithSandbox, TransactionTestCase):
    databases = {"default", "payments"}

    def test_the_mark_commits_or_rolls_back_with_the_order(self) -> None:
        for given in (None, "default", connection, connections["default"]):
            with self.subTest(given=given):
                Order.objects.all().delete()
                ended()
                outcome = run(_next)
                with self.assertRaises(ZeroDivisionError), transaction.atomic():
                    pay(None, outcome)
                    mark(outcome, given)
                    raise ZeroDivisionError
                self.assertIsNone(Payment.objects.get(pk=outcome.reference_id).handled_at)
                with transaction.atomic():
                    pay(None, outcome)
                    mark(outcome, given)
                self.assertIsNotNone(Payment.objects.get(pk=outcome.reference_id).handled_at)
                self.assertEqual(paid(), [1])

    def test_the_same_from_async_code(self) -> None:
        ended()

        def handle(outcome: Outcome) -> None:
            with transaction.atomic():
                pay(None, outcome)
                async_to_sync(outcome.handled)()

        async def work() -> None:
            outcome = await _next(dollr())
            await sync_to_async(handle)(outcome)
            with self.assertRaises(AlreadyHandledError):
                await outcome.handled()

        async_to_sync(work)()
        self.assertEqual(paid(), [1])

    def test_what_was_marked_is_refused_and_rolls_the_order_back(self) -> None:
        ended()
        outcome = run(_next)
        run(lambda _: outcome.handled())
        with self.assertRaises(AlreadyHandledError), transaction.atomic():
            pay(None, outcome)
            run(lambda _: outcome.handled())
        self.assertEqual(paid(), [0])

    def test_a_connection_that_cannot_hold_the_mark_is_refused(self) -> None:
        ended()
        outcome = run(_next)
        wrong: list[tuple[object, str]] = [
            ("default", "no transaction is open"),
            (connections["default"], "no transaction is open"),
            ("payments", "the journal is in 'default'"),
            ("nowhere", "takes an alias"),
            (object(), "takes an alias"),
        ]
        for given, sentence in wrong:
            with self.subTest(given=given), self.assertRaisesRegex(InvalidInputError, sentence):
                mark(outcome, given)
        self.assertIsNone(Payment.objects.get().handled_at)


class Signals(WithSandbox, TransactionTestCase):
    def test_one_pass_sends_the_signal_once_for_each_payment_that_ended(self) -> None:
        references = [ended() for _ in range(5)]
        with receiving(pay):
            written = io.StringIO()
            call_command("dollr_reconcile", "--json", stdout=written)
            call_command("dollr_reconcile", stdout=io.StringIO())
        lines = [json.loads(line) for line in written.getvalue().splitlines()]
        self.assertEqual({line["reference_id"] for line in lines}, {str(reference) for reference in references})
        self.assertEqual(paid(), [1] * 5)

    def test_one_pass_finds_an_end_that_nobody_has_seen(self) -> None:
        order()
        self.sandbox.advance(3600.0)
        with receiving(pay):
            call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertEqual(paid(), [1])

    def test_a_receiver_that_raises_rolls_back_and_the_others_go_on(self) -> None:
        first, second = ended(), ended()

        def pay_unless_first(sender: object, outcome: Outcome, **_: Any) -> None:
            pay(sender, outcome)
            if outcome.reference_id == first:
                raise ZeroDivisionError

        with (
            receiving(pay_unless_first),
            self.assertLogs("dollr_async.integrations.django", "ERROR") as logs,
            self.assertRaisesRegex(CommandError, "1 payments were not handled"),
        ):
            call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(paid(), [0, 1])
        handled = set(Payment.objects.filter(handled_at__isnull=False).values_list("pk", flat=True))
        self.assertEqual(handled, {second})
        Payment.objects.update(hand_out_until=None)
        with receiving(pay):
            call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertEqual(paid(), [1, 1])

    def test_check_says_what_works(self) -> None:
        order()
        written = io.StringIO()
        call_command("dollr_check", "--json", stdout=written)
        found = json.loads(written.getvalue())
        self.assertEqual((found["credentials"], found["journal"], found["open_payments"]), ("accepted", "default", 1))

    def test_check_says_what_does_not(self) -> None:
        self.sandbox.fail("client_obtain_token", 401, times=9)
        with self.assertRaisesRegex(CommandError, "credentials|401"):
            call_command("dollr_check", stdout=io.StringIO())

    def test_errors_are_json_too(self) -> None:
        order()
        self.sandbox.fail("client_obtain_token", 401, times=None)
        for command in ("dollr_check", "dollr_reconcile", "dollr_watch"):
            written = io.StringIO()
            with self.subTest(command=command), self.assertRaises(SystemExit) as ended:
                call_command(command, "--json", stdout=written)
            self.assertEqual(ended.exception.code, 1)
            (line,) = written.getvalue().splitlines()
            self.assertEqual(json.loads(line)["error"], "AuthenticationError")

    def test_a_health_file_that_cannot_be_written_is_an_error(self) -> None:
        with self.assertRaisesRegex(CommandError, "the health file /nowhere/health cannot be written"):
            call_command("dollr_watch", "--health-file", "/nowhere/health", stdout=io.StringIO())


class SignalsInATestCase(WithSandbox, TestCase):
    def test_a_test_of_the_receivers_needs_no_worker(self) -> None:
        ended()
        with receiving(pay):
            call_command("dollr_reconcile", stdout=io.StringIO())
        self.assertEqual(paid(), [1])


class Checks(SimpleTestCase):
    def ids(self, *, deploy: bool = False) -> list[str]:
        return [str(found.id) for found in run_checks(include_deployment_checks=deploy) if "dollr" in str(found.id)]

    def test_settings_that_are_right(self) -> None:
        with override_settings(DOLLR={"CLIENT_ID": "a", "CLIENT_SECRET": "b"}):
            self.assertEqual(self.ids(), [])

    def test_the_settings_of_the_api_s_own_guide(self) -> None:
        with override_settings(DOLLR={}, DOLLR_CLIENT_ID="a", DOLLR_CLIENT_SECRET="b"):
            self.assertEqual(self.ids(), [])

    def test_each_mistake_has_its_id_and_a_hint(self) -> None:
        right = {"CLIENT_ID": "a", "CLIENT_SECRET": "b"}
        mistakes: dict[str, dict[str, Any]] = {
            "dollr.E001": {},
            "dollr.E002": {**right, "BASE_URL": "http://api.example.com"},
            "dollr.E003": {**right, "SECRET": "b"},
            "dollr.W002": {**right, "BASE_URL": "http://127.0.0.1:8080"},
        }
        for name, given in mistakes.items():
            with self.subTest(name), override_settings(DOLLR=given):
                self.assertEqual(self.ids(), [name])
                self.assertTrue(all(found.hint for found in run_checks() if found.id == name))

    def test_sqlite_in_a_deployment(self) -> None:
        with override_settings(DOLLR={"CLIENT_ID": "a", "CLIENT_SECRET": "b"}):
            is_sqlite = connections["default"].vendor == "sqlite"
            self.assertEqual(self.ids(deploy=True), ["dollr.W001"] if is_sqlite else [])
