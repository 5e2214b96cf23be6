"""Executions: each under its own reference, once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from dollr_async.sandbox import Quirks

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant

KINDS = ("collection", "payout", "transfer", "refund")


async def _order(merchant: Merchant, kind: str) -> Body:
    if kind == "collection":
        return await merchant.order()
    if kind == "payout":
        return await merchant.payout_order()
    if kind == "transfer":
        return await merchant.transfer_order()
    return await merchant.refund_order(await merchant.collected(), 10)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_execution_goes_from_pending_to_completed(merchant: Merchant, kind: str) -> None:
    order = await _order(merchant, kind)
    reply = await merchant.post(f"executions/{kind}", order)
    assert (reply.status, reply.body["status"], reply.body["operation_type"]) == (200, "PENDING", kind.upper())
    assert reply.body["provider_transaction_id"] is None
    seen = []
    for seconds in (0.9, 0.2, 1.8, 0.2):
        merchant.sandbox.advance(seconds)
        seen.append((await merchant.status(order["reference_id"], kind)).body["status"])
    assert seen == ["PENDING", "PROCESSING", "PROCESSING", "COMPLETED"]
    final = (await merchant.status(order["reference_id"].upper(), kind)).body
    assert final["provider_transaction_id"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_reference_and_body_move_money_once(merchant: Merchant, kind: str) -> None:
    order = await _order(merchant, kind)
    first = (await merchant.post(f"executions/{kind}", order)).body
    again = {**order, "reference_id": order["reference_id"].upper()}
    assert (await merchant.post(f"executions/{kind}", again)).body == first
    merchant.sandbox.advance(5)
    late = (await merchant.post(f"executions/{kind}", order)).body
    assert late == (await merchant.status(order["reference_id"], kind)).body
    entry = merchant.sandbox.ledger[-1]
    assert (entry.reference_id, entry.sends, entry.moved) == (order["reference_id"], 3, True)


async def test_the_same_reference_sent_at_once_moves_money_once(merchant: Merchant) -> None:
    order = await merchant.order()
    replies = await asyncio.gather(*(merchant.post("executions/collection", order) for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert [entry.sends for entry in merchant.sandbox.ledger] == [10]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_reference_with_another_body_is_a_422(merchant: Merchant, kind: str) -> None:
    order, other = await _order(merchant, kind), await _order(merchant, kind)
    await merchant.made(f"executions/{kind}", order)
    reply = await merchant.post(f"executions/{kind}", {**other, "reference_id": order["reference_id"]})
    assert (reply.status, "already exists" in reply.body["detail"]) == (422, True)
    assert (await merchant.post(f"executions/{kind}", other)).status == 200


async def test_a_reference_is_not_used_again_for_another_kind(merchant: Merchant) -> None:
    order, transfer = await merchant.order(), await merchant.transfer_order()
    await merchant.made("executions/collection", order)
    reply = await merchant.post("executions/transfer", {**transfer, "reference_id": order["reference_id"]})
    assert reply.status == 422
    for kind in ("payout", "transfer", "refund"):
        assert (await merchant.status(order["reference_id"], kind)).status == 404


@pytest.mark.parametrize("quirks", [Quirks(repeated_reference="refused")])
async def test_a_repeated_reference_may_be_refused(merchant: Merchant) -> None:
    order = await merchant.order()
    await merchant.made("executions/collection", order)
    assert (await merchant.post("executions/collection", order)).status == 422
    assert len(merchant.sandbox.ledger) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reference_id", ["7", "2961c038-a74d-4a6a-9525-474227d2ff50"])
async def test_an_unknown_reference_is_a_404(merchant: Merchant, kind: str, reference_id: str) -> None:
    reply = await merchant.status(reference_id, kind)
    assert (reply.status, reply.body) == (404, {"detail": "Execution not found"})


@pytest.mark.parametrize("account_id", ["7", "", "600001.0", "six"])
async def test_an_unknown_account_is_refused(merchant: Merchant, account_id: str) -> None:
    order = await merchant.order()
    reply = await merchant.post("executions/collection", {**order, "payment_account_id": account_id})
    assert (reply.status, merchant.sandbox.ledger) == (422, ())
    assert (await merchant.post("executions/collection", order)).status == 200


async def test_an_account_for_another_use_is_refused(merchant: Merchant) -> None:
    reply = await merchant.post("executions/collection", await merchant.order(account={"operation": "PAYOUT"}))
    assert (reply.status, "not found for COLLECTION" in reply.body["detail"]) == (422, True)


async def test_an_inactive_account_is_refused(merchant: Merchant) -> None:
    order = await merchant.order()
    merchant.sandbox.deactivate_account(order["payment_account_id"])
    assert "not active" in (await merchant.post("executions/collection", order)).body["detail"]


async def test_somebody_elses_account_is_refused(merchant: Merchant) -> None:
    mine, theirs = await merchant.order(), await merchant.order(phone="231770001122")
    order = {**mine, "payment_account_id": theirs["payment_account_id"]}
    assert (await merchant.post("executions/collection", order)).status == 422


async def test_a_wallet_account_may_be_used_again(merchant: Merchant) -> None:
    order = await merchant.order()
    await merchant.made("executions/collection", order)
    session = await merchant.checkout_session(await merchant.published())
    again = {**order, "session_id": str(session["id"]), "reference_id": str(uuid4())}
    assert (await merchant.post("executions/collection", again)).status == 200


async def test_one_source_is_paid_once(merchant: Merchant) -> None:
    first = await merchant.order()
    session = await merchant.checkout_session({"id": 300001})
    second = {**first, "session_id": str(session["id"]), "reference_id": str(uuid4())}
    await merchant.made("executions/collection", first)
    for seconds in (0, 5):
        merchant.sandbox.advance(seconds)
        reply = await merchant.post("executions/collection", second)
        assert (reply.status, reply.body["detail"]) == (422, "Source is not active")
    assert len(merchant.sandbox.ledger) == 1


async def test_an_unknown_currency_cannot_be_paid_in(merchant: Merchant) -> None:
    order = await merchant.order()
    assert (await merchant.post("executions/collection", {**order, "currency": "XXX"})).status == 422
    assert (await merchant.get("invoices/retrieve/300001")).body["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ({"code": "0000"}, 422),
        ({"code": "0000", "phone": "231880001122"}, 422),
        ({"code": "0000", "user_id": "somebody"}, 422),
        ({"code": "1234", "phone": "231770009988"}, 403),
        ({"code": "0000", "phone": "231770009988"}, 200),
        ({"code": "0000", "user_id": "sandbox-user"}, 200),
    ],
)
async def test_a_payout_needs_the_merchants_passcode(merchant: Merchant, token: Body, status: int) -> None:
    order = await merchant.payout_order()
    order["passcode"]["token"] = token
    reply = await merchant.post("executions/payout", order)
    assert (reply.status, len(merchant.sandbox.ledger)) == (status, status == 200)


async def test_a_payout_goes_to_the_account_of_its_session(merchant: Merchant) -> None:
    order, other = await merchant.payout_order(), await merchant.payout_order()
    wrong = {**order, "payout_account_id": other["payout_account_id"]}
    assert (await merchant.post("executions/payout", wrong)).status == 422


@pytest.mark.parametrize("quirks", [Quirks(status_lag=2.0, payment_intent_id=False)])
async def test_the_status_may_lag_and_the_intent_stay_unsaid(merchant: Merchant) -> None:
    order = await merchant.order()
    assert "payment_intent_id" not in await merchant.made("executions/collection", order)
    assert (await merchant.status(order["reference_id"])).status == 404
    merchant.sandbox.advance(2)
    assert (await merchant.status(order["reference_id"])).body["status"] == "PROCESSING"


@pytest.mark.parametrize(
    "quirks",
    [Quirks(created_status=201, data_wrapper=True, naive_times=True, amounts_as_strings=True)],
)
async def test_answers_may_be_written_otherwise(stranger: Merchant) -> None:
    stranger.keeps_to_the_contract = False
    stranger.token = (await stranger.log_in_reply()).body["data"]["access_token"]
    party = await stranger.post("parties/create", {"fullname": "Fatu", "phone": "231880001122"})
    assert (party.status, "+" in party.body["data"]["created_at"] or "Z" in party.body["data"]["created_at"]) == (
        201,
        False,
    )
    checkout = {"mode": "DIRECT", "source_kind": "ORDER", "party_phone": "231880001122", "currency": "USD"}
    items = [{"name": "Panel", "currency": "USD", "amount": 5}]
    made = (await stranger.post("checkouts/create", {**checkout, "items": items})).body["data"]
    assert made["total_amount"] == "5"
    listed = (await stranger.get("orders/list")).body["data"]
    assert [order["total_amount"] for order in listed] == ["5"]
