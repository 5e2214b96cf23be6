"""A payment waits for the person who holds the phone: approve, decline, or let it ring."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import AfterStatusChecks

if TYPE_CHECKING:
    from tests.sandbox.merchant import Merchant
    from tests.sandbox.pages.visitor import Visitor

PHONE = "231880001122"
PAGE = f"/handset/{PHONE}"


async def _status(merchant: Merchant, reference: str) -> str:
    return str((await merchant.status(reference)).body["status"])


@pytest.mark.parametrize(
    ("key", "status", "message"),
    [("approve", "COMPLETED", None), ("decline", "FAILED", "The payer declined the payment")],
)
async def test_what_the_payer_presses_decides_at_once(
    merchant: Merchant, visitor: Visitor, key: str, status: str, message: str | None
) -> None:
    assert (await visitor.press(PAGE, do="by_hand")).headers["Location"] == PAGE
    payment = await merchant.collect()
    await asyncio.sleep(60)
    assert await _status(merchant, payment["reference_id"]) == "PENDING"
    seen = await visitor.get(PAGE)
    assert "Sandbox Merchant asks you to pay" in seen.words
    assert (await visitor.press(PAGE, do=key, reference=payment["reference_id"])).status == 303
    found = (await merchant.status(payment["reference_id"])).body
    assert (found["status"], found["gateway_message"]) == (status, message)
    assert "Nothing rings." in (await visitor.get(PAGE)).words


async def test_a_payment_that_nobody_answers_fails_after_two_minutes(merchant: Merchant, visitor: Visitor) -> None:
    await visitor.press(PAGE, do="by_hand")
    payment = await merchant.collect()
    await asyncio.sleep(119)
    assert await _status(merchant, payment["reference_id"]) == "PENDING"
    await asyncio.sleep(1)
    found = (await merchant.status(payment["reference_id"])).body
    assert (found["status"], found["gateway_message"]) == ("FAILED", "The payer did not answer in time")


async def test_letting_it_ring_takes_back_what_the_rule_had_planned(merchant: Merchant, visitor: Visitor) -> None:
    payment = await merchant.collect()
    other = await merchant.collect(phone="231880000001")
    await visitor.press(PAGE, do="ring", reference=payment["reference_id"])
    await asyncio.sleep(60)
    assert await _status(merchant, payment["reference_id"]) == "PENDING"
    assert await _status(merchant, other["reference_id"]) == "COMPLETED"
    await visitor.press(PAGE, do="ring", reference=payment["reference_id"])
    await asyncio.sleep(60)
    assert await _status(merchant, payment["reference_id"]) == "FAILED"


async def test_a_person_is_not_overtaken_by_status_checks(merchant: Merchant, visitor: Visitor) -> None:
    merchant.sandbox.set_settlement(AfterStatusChecks())
    await visitor.press(PAGE, do="by_hand")
    payment = await merchant.collect()
    assert {await _status(merchant, payment["reference_id"]) for _ in range(5)} == {"PENDING"}


async def test_a_person_who_picks_up_the_phone_decides_about_what_already_waits(
    merchant: Merchant, visitor: Visitor
) -> None:
    payment = await merchant.collect()
    await visitor.press(PAGE, do="by_hand")
    await asyncio.sleep(10)
    assert await _status(merchant, payment["reference_id"]) == "PENDING"


async def test_a_test_phone_can_be_answered_by_hand_and_by_its_rule_again(merchant: Merchant, visitor: Visitor) -> None:
    page = "/handset/231880000002"
    assert "the payer declined" in (await visitor.get(page)).words
    await visitor.press(page, do="by_hand")
    first = await merchant.collect(phone="231880000002")
    await visitor.press(page, do="by_rule")
    second = await merchant.collect(phone="231880000002")
    merchant.sandbox.advance(5)
    assert [await _status(merchant, one["reference_id"]) for one in (first, second)] == ["PENDING", "FAILED"]


async def test_every_phone_can_be_answered_by_hand(merchant: Merchant, visitor: Visitor) -> None:
    await visitor.press("/handset", do="by_hand")
    payment = await merchant.collect(phone="231880000001")
    merchant.sandbox.advance(60)
    assert await _status(merchant, payment["reference_id"]) == "PENDING"
    words = (await visitor.get("/handset")).words
    assert ("A person answers every phone." in words, "+231880000001" in words) == (True, True)
    await visitor.press("/handset", do="by_rule")
    assert merchant.sandbox._world.handsets.every is False


async def test_only_collections_ring(merchant: Merchant, visitor: Visitor) -> None:
    await visitor.press("/handset", do="by_hand")
    payout = await merchant.create("executions/payout", await merchant.payout_body(amount=10))
    merchant.sandbox.advance(5)
    assert merchant.sandbox.ledger[-1].status == "COMPLETED"
    seen = await visitor.press(f"/payments/{payout['reference_id']}", do="ring")
    assert seen.status == 409


async def test_a_final_payment_cannot_be_answered(merchant: Merchant, visitor: Visitor) -> None:
    payment = await merchant.collect()
    merchant.sandbox.advance(5)
    seen = await visitor.press(PAGE, do="decline", reference=payment["reference_id"])
    assert (seen.status, "already COMPLETED" in seen.words) == (409, True)


async def test_a_phone_only_answers_its_own_payments(merchant: Merchant, visitor: Visitor) -> None:
    payment = await merchant.collect(phone="231880000004")
    seen = await visitor.press(PAGE, do="approve", reference=payment["reference_id"])
    assert (seen.status, await _status(merchant, payment["reference_id"])) == (404, "PENDING")
    assert (await visitor.press(PAGE, do="approve", reference="<b>")).status == 404


@pytest.mark.parametrize("phone", ["1", "231 77", "abc", "%3Cscript%3E", "0231770000001", "2317700000010000"])
async def test_what_is_no_phone_is_a_404_that_shows_the_right_form(visitor: Visitor, phone: str) -> None:
    seen = await visitor.get(f"/handset/{phone}")
    assert (seen.status, "231771234567" in seen.words) == (404, True)


async def test_a_number_that_is_typed_opens_its_phone(visitor: Visitor) -> None:
    assert (await visitor.get("/handset?phone=%2B231%2077-123%204567")).headers["Location"] == "/handset/231771234567"
    assert (await visitor.get("/handset?phone=x")).status == 404


async def test_the_controls_do_the_same_as_the_buttons(merchant: Merchant) -> None:
    sandbox = merchant.sandbox
    sandbox.answer_by_hand(PHONE)
    waiting = await merchant.collect()
    sandbox.answer_by_hand(PHONE, on=False)
    ringing = await merchant.collect()
    sandbox.let_ring(ringing["reference_id"])
    sandbox.advance(60)
    assert [entry.status for entry in sandbox.ledger] == ["PENDING", "PENDING"]
    sandbox.settle(waiting["reference_id"])
    sandbox.advance(60)
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED", "FAILED"]
    sandbox.let_ring(ringing["reference_id"])
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED", "FAILED"]
