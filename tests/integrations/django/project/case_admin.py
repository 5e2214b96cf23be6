"""The admin, by its pages."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import TestCase, TransactionTestCase

from dollr_async.integrations.django import run
from dollr_async.integrations.django.models import Payment
from tests.integrations.django.project.base import WithSandbox
from tests.integrations.django.project.views import TERMS

LIST = "/admin/dollr/payment/"


def log_in(test: TestCase | TransactionTestCase) -> None:
    test.client.force_login(User.objects.create_superuser("amara"))


class Pages(WithSandbox, TestCase):
    def test_the_list_asks_the_same_questions_for_one_payment_and_for_many(self) -> None:
        log_in(self)
        run(lambda dollr: dollr.collect(**TERMS))
        with self.assertNumQueries(4):
            self.assertContains(self.client.get(LIST), "25.00 USD", count=1)
        for _ in range(9):
            run(lambda dollr: dollr.collect(**TERMS))
        with self.assertNumQueries(4):
            self.assertContains(self.client.get(LIST), "25.00 USD", count=10)

    def test_nothing_can_be_changed(self) -> None:
        log_in(self)
        reference = run(lambda dollr: dollr.collect(**TERMS)).reference_id
        page = self.client.get(f"{LIST}{reference}/change/")
        self.assertContains(page, str(reference))
        self.assertNotContains(page, '<input type="submit"')
        self.assertEqual(self.client.get(f"{LIST}add/").status_code, 403)
        self.assertEqual(self.client.post(f"{LIST}{reference}/delete/", {"post": "yes"}).status_code, 403)
        self.assertEqual(Payment.objects.count(), 1)

    def test_filters_and_searches_find(self) -> None:
        log_in(self)
        reference = run(lambda dollr: dollr.collect(**TERMS)).reference_id
        for query, count in (
            (f"q={reference}", 1),
            ("q=nothing", 0),
            ("handled_at__isempty=1", 1),
            ("handled_at__isempty=0", 0),
            ("kind=PAYOUT", 0),
        ):
            with self.subTest(query):
                self.assertContains(self.client.get(f"{LIST}?{query}"), "25.00 USD", count=count)


class CheckNow(WithSandbox, TransactionTestCase):
    def test_the_action_checks_the_chosen_payments(self) -> None:
        log_in(self)
        references = [str(run(lambda dollr: dollr.collect(**TERMS)).reference_id) for _ in range(3)]
        self.sandbox.advance(60.0)
        answer = self.client.post(LIST, {"action": "check_now", "_selected_action": references}, follow=True)
        self.assertContains(answer, "Checked 3 payments. COMPLETED: 3")
        self.assertEqual(set(Payment.objects.values_list("outcome", flat=True)), {"COMPLETED"})

    def test_it_says_when_the_api_gives_no_answer(self) -> None:
        log_in(self)
        reference = str(run(lambda dollr: dollr.collect(**TERMS)).reference_id)
        self.sandbox.fail("status_collection", 403, times=9)
        answer = self.client.post(LIST, {"action": "check_now", "_selected_action": [reference]}, follow=True)
        self.assertContains(answer, "PermissionDeniedError: 1")


class Migrations(TestCase):
    def test_the_migration_is_complete(self) -> None:
        call_command("makemigrations", "dollr", check=True, dry_run=True, verbosity=0)
