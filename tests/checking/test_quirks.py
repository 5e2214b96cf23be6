"""On the sandbox, with each of its quirks, the report says exactly that quirk, or that it cannot be seen this way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async.checking.questions.listed import QUESTIONS
from dollr_async.sandbox import Quirks, Sandbox
from tests.checking.merchant import merchant, report_of

if TYPE_CHECKING:
    from dollr_async.checking.contract import Contract

SEEN: list[tuple[str, object]] = [
    ("cancel_reply", "empty"),
    ("cancel_reply", "no_content"),
    ("remove_item_reply", "no_content"),
    ("created_status", 201),
    ("liberian_provider", "OPERATOR"),
    ("only_predicted_provider", True),
    ("prediction_country", "alpha3"),
    ("link_url", False),
    ("bare_orders", True),
    ("order_items_key", "items"),
    ("counterparty_party_id", False),
    ("unpaid_receipt_status", 422),
    ("no_token_status", 403),
    ("status_words", {"COMPLETED": "SUCCESSFUL"}),
    ("pending_payee_amount", False),
    ("payment_intent_id", False),
    ("source_lag", 7.0),
    ("naive_times", True),
    ("data_wrapper", True),
    ("amounts_as_strings", True),
]
NOT_SEEN: list[tuple[str, object, str]] = [
    ("publish_reply", "empty", "Publish reply"),
    ("account_country", "alpha3", "Country of a payment account"),
    ("checkout_url", False, "Checkout reply"),
    ("checkout_total", False, "Checkout reply"),
    ("checkout_status", "IDLE", "Checkout reply"),
    ("refuse_direct", True, "Mode of an embedded checkout"),
    ("repeated_reference", "refused", "A conflict on an execution"),
    ("refund_key", "session", "Refund key, a lead"),
    ("status_lag", 5.0, "After not found"),
    ("subscription_lag", 5.0, "Push channel"),
]


def test_every_quirk_is_tried_here() -> None:
    tried = {name for name, *_ in (*SEEN, *NOT_SEEN)}
    assert tried == {field.name for field in attrs.fields(Quirks)}


async def test_a_sandbox_without_quirks_differs_in_nothing(checked_contract: Contract) -> None:
    async with merchant() as sandbox:
        report = await report_of(sandbox, checked_contract)
    assert report.findings.quirks == {}
    assert "Nothing: every answer is what the sandbox answers by default." in report.text
    assert [departure.place for departure in report.findings.departures] == ["payment_intent_id"]
    assert report.findings.failures == ()


@pytest.mark.parametrize(("name", "value"), SEEN, ids=str)
async def test_a_quirk_that_can_be_seen_is_named_and_no_other(
    name: str, value: object, checked_contract: Contract
) -> None:
    async with merchant(**{name: value}) as sandbox:
        report = await report_of(sandbox, checked_contract)
    assert report.findings.quirks == {name: value}
    assert f"Sandbox(quirks=Quirks({name}={value!r}))" in report.text
    assert "Nothing: every answer" not in report.text


@pytest.mark.parametrize(("name", "value", "question"), NOT_SEEN, ids=str)
async def test_a_quirk_that_cannot_be_seen_without_money_is_listed_as_such(
    name: str, value: object, question: str, checked_contract: Contract
) -> None:
    async with merchant(**{name: value}) as sandbox:
        report = await report_of(sandbox, checked_contract)
    assert report.findings.quirks == {}
    (row,) = [line for line in report.text.splitlines() if f"| {question}: " in line]
    assert "cannot be answered this way: it needs " in row


async def test_two_quirks_are_both_named(checked_contract: Contract) -> None:
    async with merchant(no_token_status=403, naive_times=True) as sandbox:
        report = await report_of(sandbox, checked_contract)
    assert "Sandbox(quirks=Quirks(naive_times=True, no_token_status=403))" in report.text


async def test_a_report_without_phone_and_draft_leaves_their_questions_unanswered(checked_contract: Contract) -> None:
    async with merchant(created_status=201, prediction_country="alpha3") as sandbox:
        report = await report_of(sandbox, checked_contract, phone=None, drafts=False)
    assert report.findings.quirks == {}
    assert "how many letters? | not answered: it needs --phone |" in report.text
    assert "not answered: it needs --drafts, and a counterparty to make the draft for" in report.text
    assert {request.method for request in sandbox.requests} == {"GET", "POST"}
    assert [request.path for request in sandbox.requests if request.method == "POST"] == ["/v1/jwt/client/obtain/token"]


async def test_a_report_on_a_new_account_answers_what_needs_no_past(checked_contract: Contract) -> None:
    async with Sandbox(quirks=Quirks(no_token_status=403)) as sandbox:
        report = await report_of(sandbox, checked_contract)
    assert report.findings.quirks == {"no_token_status": 403}
    assert "`dollr check --report --phone`" in report.text
    assert "not answered: it needs an order" in report.text


def test_the_questions_are_the_38_and_each_is_asked_once() -> None:
    numbers = [question.number for question in QUESTIONS if question.number is not None]
    assert numbers == list(range(1, 39))
    assert len({question.title for question in QUESTIONS}) == len(QUESTIONS)
