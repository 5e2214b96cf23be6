"""Executions: each reference moves money once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from dollr_async.sandbox import Quirks

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant

KINDS = ("collection", "payout", "transfer", "refund")


async def _body(merchant: Merchant, kind: str) -> Body:
    if kind == "collection":
        return await merchant.collection_body()
    if kind == "payout":
        return await merchant.payout_body()
    if kind == "transfer":
        return await merchant.transfer_body()
    return await merchant.refund_body(await merchant.collected(), 10)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_execution_goes_from_pending_to_completed(merchant: Merchant, kind: str) -> None:
    body = await _body(merchant, kind)
    reply = await merchant.post(f"executions/{kind}", body)
    assert (reply.status, reply.body["status"], reply.body["operation_type"]) == (200, "PENDING", kind.upper())
    assert reply.body["provider_transaction_id"] is None
    seen = []
    for seconds in (0.9, 0.2, 1.8, 0.2):
        merchant.sandbox.advance(seconds)
        seen.append((await merchant.status(body["reference_id"], kind)).body["status"])
    assert seen == ["PENDING", "PROCESSING", "PROCESSING", "COMPLETED"]
    final = (await merchant.status(body["reference_id"].upper(), kind)).body
    assert final["provider_transaction_id"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_reference_and_body_move_money_once(merchant: Merchant, kind: str) -> None:
    body = await _body(merchant, kind)
    first = (await merchant.post(f"executions/{kind}", body)).body
    again = {**body, "reference_id": body["reference_id"].upper()}
    assert (await merchant.post(f"executions/{kind}", again)).body == first
    merchant.sandbox.advance(5)
    late = (await merchant.post(f"executions/{kind}", body)).body
    assert late == (await merchant.status(body["reference_id"], kind)).body
    entry = merchant.sandbox.ledger[-1]
    assert (entry.reference_id, entry.sends, entry.moved) == (body["reference_id"], 3, True)


async def test_the_same_reference_sent_at_once_moves_money_once(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    replies = await asyncio.gather(*(merchant.post("executions/collection", body) for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert [entry.sends for entry in merchant.sandbox.ledger] == [10]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_reference_with_another_body_is_a_422(merchant: Merchant, kind: str) -> None:
    body, other = await _body(merchant, kind), await _body(merchant, kind)
    await merchant.create(f"executions/{kind}", body)
    reply = await merchant.post(f"executions/{kind}", {**other, "reference_id": body["reference_id"]})
    assert (reply.status, "already exists" in reply.body["detail"]) == (422, True)
    assert (await merchant.post(f"executions/{kind}", other)).status == 200


async def test_a_reference_is_not_used_again_for_another_kind(merchant: Merchant) -> None:
    body, transfer = await merchant.collection_body(), await merchant.transfer_body()
    await merchant.create("executions/collection", body)
    reply = await merchant.post("executions/transfer", {**transfer, "reference_id": body["reference_id"]})
    assert reply.status == 422
    for kind in ("payout", "transfer", "refund"):
        assert (await merchant.status(body["reference_id"], kind)).status == 404


@pytest.mark.parametrize("quirks", [Quirks(repeated_reference="refused")])
async def test_a_repeated_reference_may_be_refused(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    await merchant.create("executions/collection", body)
    assert (await merchant.post("executions/collection", body)).status == 422
    assert len(merchant.sandbox.ledger) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reference_id", ["7", "2961c038-a74d-4a6a-9525-474227d2ff50"])
async def test_an_unknown_reference_is_a_404(merchant: Merchant, kind: str, reference_id: str) -> None:
    reply = await merchant.status(reference_id, kind)
    assert (reply.status, reply.body) == (404, {"detail": "Execution not found"})


@pytest.mark.parametrize("account_id", ["7", "", "600001.0", "six"])
async def test_an_unknown_account_is_refused(merchant: Merchant, account_id: str) -> None:
    body = await merchant.collection_body()
    reply = await merchant.post("executions/collection", {**body, "payment_account_id": account_id})
    assert (reply.status, merchant.sandbox.ledger) == (422, ())
    assert (await merchant.post("executions/collection", body)).status == 200


async def test_an_account_for_another_use_is_refused(merchant: Merchant) -> None:
    reply = await merchant.post(
        "executions/collection", await merchant.collection_body(account={"operation": "PAYOUT"})
    )
    assert (reply.status, "not found for COLLECTION" in reply.body["detail"]) == (422, True)


async def test_an_inactive_account_is_refused(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    merchant.sandbox.deactivate_account(body["payment_account_id"])
    assert "not active" in (await merchant.post("executions/collection", body)).body["detail"]


async def test_an_account_of_another_party_is_refused(merchant: Merchant) -> None:
    mine, theirs = await merchant.collection_body(), await merchant.collection_body(phone="231770001122")
    body = {**mine, "payment_account_id": theirs["payment_account_id"]}
    assert (await merchant.post("executions/collection", body)).status == 422


async def test_a_wallet_account_may_be_used_again(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    await merchant.create("executions/collection", body)
    session = await merchant.checkout_session(await merchant.published())
    again = {**body, "session_id": str(session["id"]), "reference_id": str(uuid4())}
    assert (await merchant.post("executions/collection", again)).status == 200


async def test_one_source_is_paid_once(merchant: Merchant) -> None:
    first = await merchant.collection_body()
    session = await merchant.checkout_session({"id": 300001})
    second = {**first, "session_id": str(session["id"]), "reference_id": str(uuid4())}
    await merchant.create("executions/collection", first)
    for seconds in (0, 5):
        merchant.sandbox.advance(seconds)
        reply = await merchant.post("executions/collection", second)
        assert (reply.status, reply.body["detail"]) == (422, "Source is not active")
    assert len(merchant.sandbox.ledger) == 1


async def test_an_unknown_currency_cannot_be_paid_in(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    assert (await merchant.post("executions/collection", {**body, "currency": "XXX"})).status == 422
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
    body = await merchant.payout_body()
    body["passcode"]["token"] = token
    reply = await merchant.post("executions/payout", body)
    assert (reply.status, len(merchant.sandbox.ledger)) == (status, status == 200)


async def test_a_payout_goes_to_the_account_of_its_session(merchant: Merchant) -> None:
    body, other = await merchant.payout_body(), await merchant.payout_body()
    wrong = {**body, "payout_account_id": other["payout_account_id"]}
    assert (await merchant.post("executions/payout", wrong)).status == 422


@pytest.mark.parametrize("quirks", [Quirks(status_lag=2.0, payment_intent_id=False)])
async def test_the_status_may_lag_and_the_intent_may_be_missing(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    assert "payment_intent_id" not in await merchant.create("executions/collection", body)
    assert (await merchant.status(body["reference_id"])).status == 404
    merchant.sandbox.advance(2)
    assert (await merchant.status(body["reference_id"])).body["status"] == "PROCESSING"


@pytest.mark.parametrize("quirks", [Quirks(pending_payee_amount=False)])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_payment_may_lack_its_payee_amount_while_it_is_pending(merchant: Merchant, kind: str) -> None:
    merchant.checks_answers = False
    body = await _body(merchant, kind)
    amounts = [(await merchant.create(f"executions/{kind}", body))["payee_amount"]]
    for seconds in (0, 1, 2):
        merchant.sandbox.advance(seconds)
        amounts.append((await merchant.status(body["reference_id"], kind)).body["payee_amount"])
    assert [amount is None for amount in amounts] == [True, True, False, False]
    assert amounts[-1] == merchant.sandbox.ledger[-1].payee_amount


@pytest.mark.parametrize("quirks", [Quirks(refund_key="session")])
async def test_a_refund_may_want_the_session_of_its_payment(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    payment = await merchant.create("executions/collection", body)
    merchant.sandbox.settle(payment["reference_id"])
    terms = {"amount": 10, "expires_at": "2099-01-01T00:00:00Z"}
    session = {**terms, "original_payment_intent_id": int(body["session_id"])}
    assert (await merchant.create("sessions/refund", session))["original_payment_intent_id"] == int(body["session_id"])
    intent = {**terms, "original_payment_intent_id": payment["payment_intent_id"]}
    assert (await merchant.post("sessions/refund", intent)).status == 422


@pytest.mark.parametrize(
    "quirks",
    [Quirks(created_status=201, data_wrapper=True, naive_times=True, amounts_as_strings=True)],
)
async def test_answers_may_be_written_in_other_forms(anonymous: Merchant) -> None:
    anonymous.checks_answers = False
    anonymous.token = (await anonymous.log_in_reply()).body["data"]["access_token"]
    party = await anonymous.post("parties/create", {"fullname": "Fatu", "phone": "231880001122"})
    assert (party.status, "+" in party.body["data"]["created_at"] or "Z" in party.body["data"]["created_at"]) == (
        201,
        False,
    )
    checkout = {"mode": "DIRECT", "source_kind": "ORDER", "party_phone": "231880001122", "currency": "USD"}
    items = [{"name": "Panel", "currency": "USD", "amount": 5}]
    made = (await anonymous.post("checkouts/create", {**checkout, "items": items})).body["data"]
    assert made["total_amount"] == "5"
    listed = (await anonymous.get("orders/list")).body["data"]
    assert [one["total_amount"] for one in listed] == ["5"]
