"""Cards: test tokens, 3-D Secure, and accounts that are used once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import TEST_CARDS, AfterStatusChecks, Sandbox
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_settlement import STATUSES, statuses_after

if TYPE_CHECKING:
    import aiohttp

    from tests.contract import Contract

_CARD = {"provider": "STRIPE", "method": "CREDIT_CARD", "insensitive_account_number": None}


@pytest.mark.parametrize(("token", "card"), TEST_CARDS.items())
@pytest.mark.parametrize("by_prediction", [True, False])
async def test_a_test_card_decides_how_a_payment_goes(
    merchant: Merchant, token: str, card: object, *, by_prediction: bool
) -> None:
    bound = {} if by_prediction else {"payment_method_id": token}
    if by_prediction:
        query = {"payment_method_id": token, "operation_type": "COLLECTION", "provider": "STRIPE"}
        await merchant.get("predictions/card-provider-info", **query)
    payment = await merchant.collect(account={**_CARD, **bound})
    expected = {"need_action": ["PROCESSING", "PROCESSING", "PROCESSING"]}
    name = TEST_CARDS[token].outcome
    assert await statuses_after(merchant, payment, 1, 2) == expected.get(name, STATUSES.get(name))


@pytest.mark.parametrize(
    ("name", "status"), [("Amara 3DS", "PROCESSING"), ("Declined Amara", "FAILED"), ("A", "COMPLETED")]
)
async def test_a_word_in_the_accounts_name_decides_the_outcome_too(merchant: Merchant, name: str, status: str) -> None:
    payment = await merchant.collect(account={**_CARD, "account_name": name})
    assert (await statuses_after(merchant, payment, 5))[-1] == status


async def test_a_card_waits_for_3d_secure_and_then_continues(merchant: Merchant) -> None:
    payment = await merchant.collect(account={**_CARD, "account_name": "3ds"})
    assert (payment["requires_action"], payment["client_secret"].startswith("pi_")) == (True, True)
    assert payment["client_secret"] not in repr(merchant.sandbox.ledger) + repr(merchant.sandbox.requests)
    merchant.sandbox.advance(1000)
    assert (await merchant.status(payment["reference_id"])).body["client_secret"] == payment["client_secret"]
    merchant.sandbox.confirm_card(payment["reference_id"])
    merchant.sandbox.confirm_card(payment["reference_id"])
    now = (await merchant.status(payment["reference_id"])).body
    assert (now["status"], now["requires_action"], now["client_secret"]) == ("PROCESSING", False, None)
    merchant.sandbox.advance(3)
    assert (await merchant.status(payment["reference_id"])).body["status"] == "COMPLETED"


async def test_a_card_that_is_never_confirmed_can_be_declined(merchant: Merchant) -> None:
    payment = await merchant.collect(account={**_CARD, "account_name": "3ds"})
    merchant.sandbox.decline(payment["reference_id"])
    final = (await merchant.status(payment["reference_id"])).body
    assert (final["status"], final["requires_action"]) == ("FAILED", False)


async def test_status_checks_change_a_card_payment_only_after_3d_secure(merchant: Merchant) -> None:
    merchant.sandbox.set_settlement(AfterStatusChecks())
    payment = await merchant.collect(account={**_CARD, "account_name": "3ds"})
    assert await statuses_after(merchant, payment, 0, 0, 0) == ["PROCESSING"] * 4
    merchant.sandbox.confirm_card(payment["reference_id"])
    assert await statuses_after(merchant, payment, 0, 0) == ["PROCESSING", "PROCESSING", "COMPLETED"]


async def test_cards_can_be_confirmed_automatically(http: aiohttp.ClientSession, contract: Contract) -> None:
    async with Sandbox(confirm_cards_after=10) as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        payment = await merchant.collect(account={**_CARD, "account_name": "3ds"})
        assert await statuses_after(merchant, payment, 9, 4) == ["PROCESSING", "PROCESSING", "COMPLETED"]


async def test_a_card_account_is_used_once(merchant: Merchant) -> None:
    body = await merchant.collection_body(account=_CARD)
    await merchant.create("executions/collection", body)
    session = await merchant.checkout_session(await merchant.published())
    again = {**body, "session_id": str(session["id"]), "reference_id": "1b671a64-40d5-491e-99b0-da01ff1f3341"}
    reply = await merchant.post("executions/collection", again)
    assert (reply.status, "already used" in reply.body["detail"]) == (422, True)


async def test_mobile_money_needs_no_3d_secure(merchant: Merchant) -> None:
    merchant.sandbox.set_outcome("need_action")
    payment = await merchant.collect()
    assert (payment["status"], payment["requires_action"]) == ("PROCESSING", None)
    assert (await statuses_after(merchant, payment, 3))[-1] == "COMPLETED"
