"""Refunds: the exact requests, and that no more is given back than was paid."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dollr_async import CollectError, DollrClient, InvalidInputError, InvalidRequestError, PaymentFailedError
from dollr_async.sandbox import Quirks, Sandbox
from tests.support.collections import REFERENCE, collect, operations, sent
from tests.support.payments import a_paid_collection, refund

_PAID = Decimal("257.00")


@pytest.fixture
async def intent_id(sandbox: Sandbox, dollr: DollrClient) -> int:
    """What 257 USD were paid under."""
    found = await a_paid_collection(sandbox, dollr)
    sandbox.requests.clear()
    return found


# What is refused before the first byte


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "is in the past: give a time in the future"),
        ({"expires_at": datetime(2099, 1, 1)}, "aware"),  # noqa: DTZ001 - a naive time is the point
        ({"original_payment_intent_id": "pi_1"}, "not an id"),
        ({"original_payment_intent_id": None}, "not an id"),
        ({"reason": 7}, "reason must be text"),
    ],
)
async def test_what_is_refused_sends_nothing(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        await refund(dollr, **changes)
    assert sandbox.requests == []


# The requests


async def test_a_refund_is_a_session_and_its_execution(sandbox: Sandbox, dollr: DollrClient, intent_id: int) -> None:
    payment = await refund(
        dollr,
        original_payment_intent_id=str(intent_id),
        reason="Cancelled",
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        reference_id=REFERENCE,
    )
    assert sorted(operations(sandbox)) == ["create_refund_session", "get_refund_status", "refund"]
    assert sent(sandbox, "create_refund_session") == [
        {
            "original_payment_intent_id": intent_id,
            "amount": Decimal("50.00"),
            "reason": "Cancelled",
            "expires_at": "2099-01-01T00:00:00Z",
        }
    ]
    assert sent(sandbox, "refund") == [{"session_id": "500002", "reference_id": REFERENCE}]
    assert (payment.session_id, payment.party_id, payment.payment_account_id) == (500_002, None, None)


async def test_a_session_lives_15_minutes_and_no_reason_is_sent_by_default(
    sandbox: Sandbox, dollr: DollrClient, intent_id: int
) -> None:
    before = datetime.now(UTC)
    await refund(dollr, original_payment_intent_id=intent_id)
    (body,) = sent(sandbox, "create_refund_session")
    assert isinstance(body, dict)
    assert set(body) == {"original_payment_intent_id", "amount", "expires_at"}
    assert before <= datetime.fromisoformat(body["expires_at"]) - timedelta(minutes=15) <= datetime.now(UTC)


async def test_the_money_goes_back(sandbox: Sandbox, dollr: DollrClient, intent_id: int) -> None:
    before = sandbox.balances["USD"]
    execution = await (await refund(dollr, original_payment_intent_id=intent_id)).wait()
    assert (execution.payer_amount, execution.operation_type) == (Decimal("50.00"), "REFUND")
    assert sandbox.balances["USD"] == before - Decimal("50.00")


async def test_the_intent_is_no_documented_field_and_may_be_missing() -> None:
    async with Sandbox(quirks=Quirks(payment_intent_id=False)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        collection = await collect(dollr)
        assert "payment_intent_id" not in collection.execution.extra
        sandbox.settle(collection.reference_id)
        from_the_portal = str(sandbox.ledger[0].payment_intent_id)
        payment = await refund(dollr, original_payment_intent_id=from_the_portal)
        assert (await payment.wait()).status == "COMPLETED"


# No more than was paid


async def test_more_than_was_paid_is_not_given_back(sandbox: Sandbox, dollr: DollrClient, intent_id: int) -> None:
    with pytest.raises(CollectError, match=r"exceeds the 257.00 left") as caught:
        await refund(dollr, amount=_PAID + Decimal("0.01"))
    assert (caught.value.step, type(caught.value.__cause__)) == ("session", InvalidRequestError)
    assert sent(sandbox, "refund") == []


async def test_parts_are_given_back_until_nothing_is_left(sandbox: Sandbox, dollr: DollrClient, intent_id: int) -> None:
    for part in (Decimal("200.00"), Decimal("57.00")):
        await (await refund(dollr, amount=part)).wait()
    with pytest.raises(CollectError, match=r"exceeds the 0.00 left"):
        await refund(dollr, amount=Decimal("0.01"))
    given = [entry.amount for entry in sandbox.ledger if entry.kind == "REFUND"]
    assert sum(given) == _PAID


async def test_of_two_refunds_at_once_one_is_given(sandbox: Sandbox, dollr: DollrClient, intent_id: int) -> None:
    sandbox.set_latency(1.0)
    ends = await asyncio.gather(refund(dollr, amount=_PAID), refund(dollr, amount=_PAID), return_exceptions=True)
    (refused,) = [end for end in ends if isinstance(end, CollectError)]
    assert (refused.step, type(refused.__cause__)) == ("execution", InvalidRequestError)
    assert [entry.amount for entry in sandbox.ledger if entry.kind == "REFUND"] == [_PAID]


async def test_a_refund_that_failed_may_be_given_again(sandbox: Sandbox, dollr: DollrClient, intent_id: int) -> None:
    sandbox.set_balance("USD", Decimal(100))
    failed = await refund(dollr, amount=_PAID)
    with pytest.raises(PaymentFailedError, match="Insufficient balance"):
        await failed.wait()
    sandbox.set_balance("USD", Decimal(300))
    assert (await (await refund(dollr, amount=_PAID)).wait()).status == "COMPLETED"
    assert sandbox.balances["USD"] == Decimal("43.00")


@pytest.mark.parametrize("end", ["stay_pending", "fail_at_once"])
async def test_what_was_not_paid_is_not_given_back(sandbox: Sandbox, dollr: DollrClient, end: str) -> None:
    sandbox.set_outcome(end)
    collection = await collect(dollr)
    with pytest.raises(CollectError, match="only a COMPLETED one can be refunded") as caught:
        await refund(dollr, original_payment_intent_id=collection.execution.extra["payment_intent_id"])
    assert caught.value.step == "session"


async def test_an_unknown_intent_is_a_failed_step(sandbox: Sandbox, dollr: DollrClient) -> None:
    with pytest.raises(CollectError, match="Payment intent 799999 not found"):
        await refund(dollr, original_payment_intent_id=799_999)


async def test_a_payment_in_another_currency_is_given_back_in_that(sandbox: Sandbox, dollr: DollrClient) -> None:
    intent_id = await a_paid_collection(sandbox, dollr, payer_currency="LRD")
    execution = await (await refund(dollr, original_payment_intent_id=intent_id, amount=Decimal("1900.00"))).wait()
    assert (execution.payer_amount, execution.payer_currency) == (Decimal("1900.00"), "LRD")
