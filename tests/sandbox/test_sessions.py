"""Sessions of four kinds: what each kind needs, and how each ends."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.sandbox.merchant import LONG_FROM_NOW

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant

KINDS = ("collection", "payout", "transfer", "refund")


async def _bodies(merchant: Merchant, expires_at: str) -> dict[str, Body]:
    """Return an execution body for each kind, all ready to run."""
    collected = await merchant.collected()
    return {
        "collection": await merchant.collection_body(),
        "payout": await merchant.payout_body(),
        "transfer": await merchant.transfer_body(expires_at=expires_at),
        "refund": await merchant.refund_body(collected, 10, expires_at=expires_at),
    }


def _in(merchant: Merchant, seconds: float) -> str:
    return (merchant.sandbox.requests[-1].at + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_session_expires(merchant: Merchant, kind: str) -> None:
    body = (await _bodies(merchant, _in(merchant, 2400)))[kind]
    merchant.sandbox.advance(1801)
    await merchant.log_in()
    merchant.sandbox.advance(0 if kind in {"collection", "payout"} else 599)
    reply = await merchant.post(f"executions/{kind}", body)
    assert (reply.status, reply.body["detail"]) == (422, f"Session {body['session_id']} expired")
    assert (await merchant.status(body["reference_id"], kind)).status == 404


@pytest.mark.parametrize("kind", KINDS)
async def test_a_session_is_valid_until_it_expires(merchant: Merchant, kind: str) -> None:
    body = (await _bodies(merchant, LONG_FROM_NOW))[kind]
    merchant.sandbox.advance(1799)
    assert (await merchant.post(f"executions/{kind}", body)).status == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_session_is_used_up_by_one_execution(merchant: Merchant, kind: str) -> None:
    body = (await _bodies(merchant, LONG_FROM_NOW))[kind]
    assert (await merchant.post(f"executions/{kind}", body)).status == 200
    reply = await merchant.post(f"executions/{kind}", {**body, "reference_id": str(uuid4())})
    assert (reply.status, "not active" in reply.body["detail"]) == (422, True)
    assert len(merchant.sandbox.ledger) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_session_is_for_its_own_kind(merchant: Merchant, kind: str) -> None:
    bodies = await _bodies(merchant, LONG_FROM_NOW)
    for other in KINDS:
        if other != kind:
            body = {**bodies[kind], "session_id": bodies[other]["session_id"]}
            assert (await merchant.post(f"executions/{kind}", body)).status == 422
    for unknown in ("7", "-7", "seven", "", "9" * 30):
        assert (await merchant.post(f"executions/{kind}", {**bodies[kind], "session_id": unknown})).status == 422
    assert len(merchant.sandbox.ledger) == 1


@pytest.mark.parametrize("status", ["IDLE", "PROCESSING", "PAID", "CANCELED", "unknown"])
async def test_a_checkout_session_needs_an_active_source(merchant: Merchant, status: str) -> None:
    document = await (merchant.draft() if status == "IDLE" else merchant.published())
    if status == "CANCELED":
        await merchant.delete(f"invoices/cancel/{document['id']}")
    if status in {"PROCESSING", "PAID"}:
        merchant.sandbox.pay("INVOICE", document["id"])
        merchant.sandbox.advance(5 if status == "PAID" else 0)
    source_type = "ORDER" if status == "unknown" else "INVOICE"
    body = {"source_id": document["id"], "source_type": source_type}
    assert (await merchant.post("sessions/checkout", body)).status == 422


async def test_a_checkout_session_names_its_source(merchant: Merchant) -> None:
    document = await merchant.published("order")
    session = await merchant.checkout_session(document, "ORDER")
    assert (session["source_id"], session["source_type"], session["status"]) == (document["id"], "ORDER", "ACTIVE")
    life = datetime.fromisoformat(session["expires_at"]) - datetime.fromisoformat(session["created_at"])
    assert life == timedelta(minutes=30)


async def test_a_source_that_was_canceled_after_its_session_is_not_charged(merchant: Merchant) -> None:
    body = await merchant.collection_body()
    await merchant.delete("invoices/cancel/300001")
    reply = await merchant.post("executions/collection", body)
    assert (reply.status, merchant.sandbox.ledger) == (422, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"payout_account_id": 7},
        {"currency": "EUR"},
        {"amount": 0.4, "currency": "RWF"},
    ],
)
async def test_a_payout_session_needs_account_wallet_and_amount(merchant: Merchant, changes: Body) -> None:
    party = await merchant.create("parties/create", {"fullname": "Fatu", "phone": "231880001122"})
    account = await merchant.account(party["id"], "PAYOUT")
    usual = {"payout_account_id": account["id"], "amount": 40, "currency": "USD"}
    assert (await merchant.post("sessions/payout", {**usual, **changes})).status == 422
    assert (await merchant.post("sessions/payout", usual)).body["wallet_id"] == 4


async def test_a_payout_session_needs_an_account_for_payouts(merchant: Merchant) -> None:
    party = await merchant.create("parties/create", {"fullname": "Fatu", "phone": "231880001122"})
    account = await merchant.account(party["id"], "COLLECTION")
    body = {"payout_account_id": account["id"], "amount": 40, "currency": "USD"}
    reply = await merchant.post("sessions/payout", body)
    assert (reply.status, "not found for PAYOUT" in reply.body["detail"]) == (422, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"from_wallet_id": 1},
        {"to_counterparty_id": 7},
        {"currency": "LRD"},
        {"expires_at": "2020-01-01T00:00:00Z"},
    ],
)
async def test_a_transfer_session_needs_wallet_counterparty_and_expiry(merchant: Merchant, changes: Body) -> None:
    counterparty = await merchant.counterparty()
    usual = {"from_wallet_id": 4, "to_counterparty_id": counterparty["id"], "amount": 15, "currency": "USD"}
    body = {**usual, "expires_at": LONG_FROM_NOW, **changes}
    assert (await merchant.post("sessions/transfer", body)).status == 422


async def test_a_refund_session_needs_a_collection_that_was_paid(merchant: Merchant) -> None:
    pending = await merchant.collect()
    body = {"original_payment_intent_id": pending["payment_intent_id"], "amount": 1, "expires_at": LONG_FROM_NOW}
    assert "PENDING" in (await merchant.post("sessions/refund", body)).body["detail"]
    merchant.sandbox.advance(5)
    session = (await merchant.post("sessions/refund", {**body, "reason": "late"})).body
    assert (session["reason"], session["currency"], session["amount"]) == ("late", "USD", 1)
    assert (await merchant.post("sessions/refund", {**body, "original_payment_intent_id": 7})).status == 422


async def test_a_payout_cannot_be_refunded(merchant: Merchant) -> None:
    await merchant.create("executions/payout", await merchant.payout_body())
    merchant.sandbox.advance(5)
    intent = merchant.sandbox.ledger[0].payment_intent_id
    body = {"original_payment_intent_id": intent, "amount": 1, "expires_at": LONG_FROM_NOW}
    assert (await merchant.post("sessions/refund", body)).status == 422


async def test_a_realtime_key_is_for_a_checkout_session(merchant: Merchant) -> None:
    session = await merchant.checkout_session(await merchant.published())
    reference_id = str(uuid4())
    body = {"session_id": session["id"], "source_type": "INVOICE", "reference_id": reference_id}
    key = await merchant.create("realtime-keys/collection", body)
    claims = json.loads(base64.urlsafe_b64decode(key["access_token"].split(".")[1] + "=="))
    assert (key["expires_in"], claims["reference_id"]) == (300, reference_id)
    for wrong in ({"session_id": 7}, {"source_type": "ORDER"}):
        assert (await merchant.post("realtime-keys/collection", {**body, **wrong})).status == 422
