"""How the status of a payment changes: by the clock, by status checks, by test phones, and by a test itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import (
    OUTCOMES,
    TEST_PHONES,
    AfterSeconds,
    AfterStatusChecks,
    Outcome,
    Quirks,
    Sandbox,
)
from dollr_async.sandbox.world.documents import DOCUMENT_TRANSITIONS
from dollr_async.sandbox.world.settlement import PAYMENT_TRANSITIONS

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant

STATUSES = {
    "approve": ["PENDING", "PROCESSING", "COMPLETED"],
    "decline": ["PENDING", "PROCESSING", "FAILED"],
    "no_balance": ["PENDING", "PROCESSING", "FAILED"],
    "slow": ["PENDING", "PROCESSING", "PROCESSING"],
    "stay_pending": ["PENDING", "PENDING", "PENDING"],
    "by_hand": ["PENDING", "PENDING", "PENDING"],
    "fail_at_once": ["FAILED", "FAILED", "FAILED"],
    "complete_at_once": ["COMPLETED", "COMPLETED", "COMPLETED"],
}


async def statuses_after(merchant: Merchant, payment: Body, *seconds: float) -> list[str]:
    seen = [payment["status"]]
    for wait in seconds:
        merchant.sandbox.advance(wait)
        seen.append((await merchant.status(payment["reference_id"])).body["status"])
    return seen


@pytest.mark.parametrize(("phone", "name"), TEST_PHONES.items())
async def test_a_test_phone_decides_how_a_payment_goes(merchant: Merchant, phone: str, name: str) -> None:
    merchant.sandbox.set_outcome("complete_at_once" if name == "approve" else "approve")
    currency = "RWF" if phone.startswith("250") else "USD"
    payment = await merchant.collect(phone=phone, currency=currency)
    assert await statuses_after(merchant, payment, 1, 2) == STATUSES[name]
    final = (await merchant.status(payment["reference_id"])).body
    assert (final["gateway_message"], final["wallet_message"]) == (
        OUTCOMES[name].gateway_message,
        OUTCOMES[name].wallet_message,
    )


async def test_a_slow_payment_completes_after_three_minutes(merchant: Merchant) -> None:
    payment = await merchant.collect(phone="231880000003")
    assert await statuses_after(merchant, payment, 179, 1) == ["PENDING", "PROCESSING", "COMPLETED"]


@pytest.mark.parametrize("name", [name for name in OUTCOMES if name != "need_action"])
async def test_other_phones_have_the_outcome_that_is_set(merchant: Merchant, name: str) -> None:
    merchant.sandbox.set_outcome(name)
    assert await statuses_after(merchant, await merchant.collect(), 1, 2) == STATUSES[name]


async def test_an_outcome_can_be_custom(merchant: Merchant) -> None:
    rule = AfterSeconds(processing=10, final=20)
    merchant.sandbox.set_outcome(Outcome(name="odd", about="odd", final="FAILED", settlement=rule))
    assert await statuses_after(merchant, await merchant.collect(), 9, 1, 10) == [
        "PENDING",
        "PENDING",
        "PROCESSING",
        "FAILED",
    ]
    assert merchant.sandbox.ledger[0].outcome == "odd"


def test_an_unknown_outcome_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'win' is not an outcome. Use one of: approve, decline"):
        Sandbox(outcome="win")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (AfterStatusChecks(), ["PENDING", "PROCESSING", "COMPLETED", "COMPLETED"]),
        (AfterStatusChecks(processing=2, final=3), ["PENDING", "PENDING", "PROCESSING", "COMPLETED"]),
        (AfterStatusChecks(final=1), ["PENDING", "COMPLETED", "COMPLETED", "COMPLETED"]),
    ],
)
async def test_the_status_can_change_by_status_checks(
    merchant: Merchant, rule: AfterStatusChecks, expected: list[str]
) -> None:
    merchant.sandbox.set_settlement(rule)
    payment = await merchant.collect()
    merchant.sandbox.advance(1000)
    assert await statuses_after(merchant, payment, 0, 0, 0) == expected


async def test_a_status_check_of_the_source_counts_too(merchant: Merchant) -> None:
    merchant.sandbox.set_settlement(AfterStatusChecks())
    await merchant.collect()
    seen = [await merchant.get("status/source", source_type="INVOICE", source_id=300001) for _ in range(3)]
    assert [reply.body["status"] for reply in seen] == ["PROCESSING", "PAID", "PAID"]


async def test_a_payment_that_stays_pending_is_not_changed_by_status_checks(merchant: Merchant) -> None:
    merchant.sandbox.set_settlement(AfterStatusChecks())
    merchant.sandbox.set_outcome("stay_pending")
    assert set(await statuses_after(merchant, await merchant.collect(), 0, 0, 0)) == {"PENDING"}


async def test_time_passes_by_the_event_loops_clock(merchant: Merchant) -> None:
    payment = await merchant.collect()
    await asyncio.sleep(1)
    assert merchant.sandbox.ledger[0].status == "PROCESSING"
    await asyncio.sleep(2)
    assert (await merchant.status(payment["reference_id"])).body["status"] == "COMPLETED"


async def test_events_that_are_due_together_happen_at_their_own_times(merchant: Merchant) -> None:
    first = await merchant.collect()
    merchant.sandbox.advance(0.5)
    await merchant.collect(phone="231880000002")
    merchant.sandbox.advance(1000)
    settled = [entry.settled_at for entry in merchant.sandbox.ledger]
    accepted = [entry.accepted_at for entry in merchant.sandbox.ledger]
    assert [(end - begin).total_seconds() for end, begin in zip(settled, accepted, strict=True) if end] == [3.0, 3.0]
    assert merchant.sandbox.ledger[0].reference_id == first["reference_id"]


@pytest.mark.parametrize(
    ("phone", "path"),
    [
        ("231880000001", ["PROCESSING", "PROCESSING", "PAID"]),
        ("231880000002", ["PROCESSING", "PROCESSING", "ACTIVE"]),
        ("231880000005", ["ACTIVE", "ACTIVE", "ACTIVE"]),
        ("231880000006", ["PAID", "PAID", "PAID"]),
    ],
)
@pytest.mark.parametrize("kind", ["invoice", "order"])
async def test_the_source_follows_its_payment(merchant: Merchant, kind: str, phone: str, path: list[str]) -> None:
    await merchant.collect(kind, phone)
    source_id = 300001 if kind == "invoice" else 400001
    seen = []
    for wait in (0, 1, 2):
        merchant.sandbox.advance(wait)
        seen.append((await merchant.get("status/source", source_type=kind.upper(), source_id=source_id)).body["status"])
    assert seen == path


async def test_after_a_failed_payment_the_source_can_be_paid_again(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    merchant.sandbox.set_outcome("decline")
    await merchant.create("executions/collection", body)
    merchant.sandbox.advance(5)
    merchant.sandbox.set_outcome("approve")
    session = await merchant.checkout_session({"id": 300001})
    again = {**body, "session_id": str(session["id"]), "reference_id": "1b671a64-40d5-491e-99b0-da01ff1f3341"}
    await merchant.create("executions/collection", again)
    merchant.sandbox.advance(5)
    assert [entry.status for entry in merchant.sandbox.ledger] == ["FAILED", "COMPLETED"]
    assert (await merchant.get("invoices/receipt/300001")).body["provider_transaction_id"]


@pytest.mark.parametrize("quirks", [Quirks(source_lag=2.0)])
async def test_the_source_may_lag_behind_its_payment(merchant: Merchant) -> None:
    payment = await merchant.collect()
    assert await statuses_after(merchant, payment, 3) == ["PENDING", "COMPLETED"]
    assert (await merchant.get("invoices/receipt/300001")).status == 404
    assert (await merchant.get("invoices/retrieve/300001")).body["status"] == "PROCESSING"
    merchant.sandbox.advance(2)
    assert (await merchant.get("invoices/receipt/300001")).status == 200


@pytest.mark.parametrize("quirks", [Quirks(status_words={"COMPLETED": "SUCCESSFUL", "PENDING": "Created"})])
async def test_statuses_may_be_written_in_other_words(merchant: Merchant) -> None:
    payment = await merchant.collect()
    assert await statuses_after(merchant, payment, 1, 2) == ["Created", "PROCESSING", "SUCCESSFUL"]
    assert [entry.status for entry in merchant.sandbox.ledger] == ["COMPLETED"]
    for kind in ("payout", "transfer", "refund"):
        body = await getattr(merchant, f"{kind}_body")(*([payment, 10] if kind == "refund" else []))
        assert (await merchant.create(f"executions/{kind}", body))["status"] == "Created"
        merchant.sandbox.advance(3)
        assert (await merchant.status(body["reference_id"], kind)).body["status"] == "SUCCESSFUL"


@pytest.mark.parametrize("quirks", [Quirks(status_words=dict.fromkeys(("PROCESSING", "COMPLETED"), "HELD"))])
@pytest.mark.parametrize("kind", ["invoice", "order"])
async def test_a_payment_may_stay_at_an_unknown_word_while_its_document_is_paid(merchant: Merchant, kind: str) -> None:
    payment = await merchant.collect(kind)
    assert await statuses_after(merchant, payment, 1, 2, 600) == ["PENDING", "HELD", "HELD", "HELD"]
    (document,) = (await merchant.get(f"{kind}s/list")).body
    assert document["status"] == "PAID"


def test_only_statuses_of_payments_have_other_words() -> None:
    with pytest.raises(ValueError, match=r"'PAID' is not a status of a payment\. Use one of: PENDING"):
        Quirks(status_words={"PAID": "DONE"})


# by the test itself


async def test_a_payment_can_be_settled_by_hand(merchant: Merchant) -> None:
    payment = await merchant.collect(phone="231880000004")
    merchant.sandbox.settle(payment["reference_id"].upper())
    assert (await merchant.status(payment["reference_id"])).body["status"] == "COMPLETED"
    merchant.sandbox.decline(payment["reference_id"])
    final = (await merchant.status(payment["reference_id"])).body
    assert (final["status"], final["gateway_message"]) == ("COMPLETED", None)


async def test_a_payment_can_be_declined_by_hand(merchant: Merchant) -> None:
    payment = await merchant.collect()
    merchant.sandbox.decline(payment["reference_id"], "No, thank you")
    merchant.sandbox.settle(payment["reference_id"])
    assert await statuses_after(merchant, payment, 5) == ["PENDING", "FAILED"]
    assert (await merchant.status(payment["reference_id"])).body["gateway_message"] == "No, thank you"


async def test_an_unknown_reference_cannot_be_controlled(merchant: Merchant) -> None:
    for control in (merchant.sandbox.settle, merchant.sandbox.decline, merchant.sandbox.confirm_card):
        with pytest.raises(KeyError):
            control("1b671a64-40d5-491e-99b0-da01ff1f3341")


async def test_a_test_can_pay_a_source_like_its_payer(merchant: Merchant) -> None:
    document = await merchant.published("order", "231770000001")
    reference_id = merchant.sandbox.pay("ORDER", document["id"])
    merchant.sandbox.advance(5)
    assert (await merchant.status(reference_id)).body["status"] == "COMPLETED"
    with pytest.raises(ValueError, match="ORDER 400001 is PAID: only an ACTIVE source can be paid"):
        merchant.sandbox.pay("ORDER", document["id"])
    with pytest.raises(ValueError, match="INVOICE 7 is unknown"):
        merchant.sandbox.pay("INVOICE", 7)
    nobody = await merchant.published(phone="231880000007")
    with pytest.raises(ValueError, match="cannot be paid: No mobile-money operator"):
        merchant.sandbox.pay("INVOICE", nobody["id"])


def test_the_transitions_are_those_of_the_contract() -> None:
    assert DOCUMENT_TRANSITIONS == {
        ("IDLE", "publish"): "ACTIVE",
        ("IDLE", "cancel"): "CANCELED",
        ("ACTIVE", "cancel"): "CANCELED",
        ("ACTIVE", "pay"): "PROCESSING",
        ("PROCESSING", "settle"): "PAID",
        ("PROCESSING", "fail"): "ACTIVE",
    }
    assert [status for status, targets in PAYMENT_TRANSITIONS.items() if not targets] == ["COMPLETED", "FAILED"]
