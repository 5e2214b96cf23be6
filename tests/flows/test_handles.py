"""The handle of a payment: waiting for its end, confirming a card, and the receipt."""

from __future__ import annotations

import asyncio
import json
import traceback
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    ActionRequiredError,
    Card,
    DollrClient,
    NotFoundError,
    PaymentFailedError,
    PermissionDeniedError,
    PollPolicy,
    PollTimeoutError,
    SourceType,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.support.collections import collect

if TYPE_CHECKING:
    from dollr_async import Collection

_CARD = Card("Amara 3ds")


async def test_waiting_returns_the_completed_execution(dollr: DollrClient) -> None:
    collection = await collect(dollr)
    execution = await collection.wait()
    assert execution.status == "COMPLETED"
    assert execution.provider_transaction_id
    assert collection.execution is execution
    assert collection.status == "COMPLETED"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("decline", "The payer declined the payment"),
        ("no_balance", "Insufficient balance for amount plus fees"),
        ("fail_at_once", "The operator rejected the payment"),
    ],
)
async def test_waiting_for_a_failed_payment_raises_with_the_apis_words(
    sandbox: Sandbox, dollr: DollrClient, outcome: str, words: str
) -> None:
    sandbox.set_outcome(outcome)
    collection = await collect(dollr)
    with pytest.raises(PaymentFailedError, match=words) as caught:
        await collection.wait()
    assert caught.value.execution.status == "FAILED"
    assert caught.value.reference_id == collection.reference_id


async def test_a_failure_without_a_reason_says_so(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr)
    body = {
        "reference_id": str(collection.reference_id),
        "status": "FAILED",
        "payer_amount": 1,
        "payer_currency": "USD",
        "payee_amount": 1,
        "payee_currency": "USD",
        "operation_type": "COLLECTION",
    }
    sandbox.fail("get_collection_status", Fault.answer(200, body))
    with pytest.raises(PaymentFailedError, match="gave no reason"):
        await collection.wait()


@pytest.mark.parametrize("seconds", [5, 0.5])
async def test_waiting_no_longer_than_asked(sandbox: Sandbox, dollr: DollrClient, seconds: float) -> None:
    sandbox.set_outcome("slow")
    collection = await collect(dollr)
    with pytest.raises(PollTimeoutError) as caught:
        await collection.wait(seconds)
    assert caught.value.elapsed == seconds
    assert "has not failed" in str(caught.value)
    assert (await collection.wait()).status == "COMPLETED"


async def test_waiting_without_a_timeout_means_the_policys(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    async with DollrClient(**sandbox.settings, polling=PollPolicy(timeout=42.0)) as dollr:
        collection = await collect(dollr)
        with pytest.raises(PollTimeoutError) as caught:
            await collection.wait()
        assert caught.value.elapsed == 42.0


# Cards


async def test_a_card_that_needs_its_owner_is_raised_with_what_the_browser_needs(dollr: DollrClient) -> None:
    collection = await collect(dollr, pay_with=_CARD)
    assert collection.requires_action
    with pytest.raises(ActionRequiredError) as caught:
        await collection.wait()
    secret = caught.value.client_secret
    assert secret
    assert secret == collection.client_secret
    assert caught.value.execution.status == "PROCESSING"
    assert f"dollr.wait('{collection.reference_id}', raise_on_action=False)" in str(caught.value)


async def test_the_clients_secret_is_shown_nowhere(dollr: DollrClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    collection = await collect(dollr, pay_with=_CARD)
    with pytest.raises(ActionRequiredError) as caught:
        await collection.wait()
    error = caught.value
    change = await anext(aiter(collection))
    shown = [repr(collection), str(collection), repr(error), str(error), repr(change), repr(collection.execution)]
    shown += [caplog.text, *traceback.format_exception(error), repr(error.execution), str(collection.execution)]
    secret = collection.client_secret
    assert secret
    assert not [text for text in shown if secret in text]


async def test_a_card_is_followed_after_the_browser_confirmed(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr, pay_with=_CARD)
    waiting = asyncio.create_task(collection.wait(raise_on_action=False))
    await asyncio.sleep(20.0)
    assert not waiting.done()
    sandbox.confirm_card(collection.reference_id)
    assert (await waiting).status == "COMPLETED"
    assert not collection.requires_action
    assert collection.client_secret  # kept from the first answer


async def test_a_card_is_waited_for_from_the_reference_alone(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = (await collect(dollr, pay_with=_CARD)).reference_id
    with pytest.raises(ActionRequiredError) as caught:
        await dollr.wait(reference_id)
    assert caught.value.client_secret
    sandbox.confirm_card(reference_id)
    assert (await dollr.wait(reference_id, raise_on_action=False)).status == "COMPLETED"


async def test_a_status_without_the_secret_leaves_that_of_the_first_answer(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    collection = await collect(dollr, pay_with=_CARD)
    first = collection.client_secret
    body: dict[str, Any] = {
        "reference_id": str(collection.reference_id),
        "status": "PENDING",
        "payer_amount": 1,
        "payer_currency": "USD",
        "payee_amount": 1,
        "payee_currency": "USD",
        "operation_type": "COLLECTION",
        "requires_action": True,
    }
    sandbox.fail("get_collection_status", Fault.answer(200, body))
    watch = aiter(collection)
    await anext(watch)
    change = await anext(watch)
    assert (change.status, change.execution.client_secret) == ("PENDING", None)
    assert collection.client_secret == first
    with pytest.raises(ActionRequiredError) as caught:
        await collection.wait()
    assert caught.value.client_secret == first


# Receipts


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_a_receipt_once_completed(sandbox: Sandbox, dollr: DollrClient, source_type: SourceType) -> None:
    collection = await collect(dollr, source_type=source_type)
    await collection.wait()
    receipt = await collection.receipt()
    assert (receipt.number, receipt.payee_amount) == (collection.source_number, Decimal("250.00"))
    assert [item.name for item in receipt.items] == ["Strategy session"]


async def _completed(sandbox: Sandbox, dollr: DollrClient) -> Collection:
    collection = await collect(dollr)
    sandbox.settle(collection.reference_id)
    await collection.wait()
    return collection


@pytest.mark.parametrize("refusal", [404, 422])
async def test_a_receipt_that_lags_is_asked_for_again(refusal: Any) -> None:  # noqa: ANN401 - a literal of the sandbox's
    quirks = Quirks(source_lag=20.0, unpaid_receipt_status=refusal)
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        collection = await _completed(sandbox, dollr)
        receipt = await collection.receipt()
        assert receipt.status == "PAID"
        assert 3 < len(sandbox.requests_to("retrieve_invoice_receipt_by_id")) < 12


async def test_a_receipt_that_never_comes_is_the_apis_refusal(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await _completed(sandbox, dollr)
    sandbox.fail("retrieve_invoice_receipt_by_id", 404, times=None)
    began = asyncio.get_running_loop().time()
    with pytest.raises(NotFoundError):
        await collection.receipt()
    assert 30.0 <= asyncio.get_running_loop().time() - began < 40.0


async def test_a_receipt_of_what_is_not_completed_is_not_waited_for(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr)
    with pytest.raises(NotFoundError):
        await collection.receipt()
    assert len(sandbox.requests_to("retrieve_invoice_receipt_by_id")) == 1


async def test_a_receipt_that_may_not_be_read_is_not_asked_for_again(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await _completed(sandbox, dollr)
    sandbox.fail("retrieve_invoice_receipt_by_id", "forbidden")
    with pytest.raises(PermissionDeniedError):
        await collection.receipt()


async def test_a_handle_shows_its_reference_and_its_status(dollr: DollrClient) -> None:
    collection = await collect(dollr)
    assert repr(collection) == f"<Collection {collection.reference_id} PENDING>"
    assert collection.source_type is SourceType.INVOICE


async def test_a_handle_is_a_plain_dict_without_the_secret_of_the_card(dollr: DollrClient) -> None:
    collection = await collect(dollr, pay_with=_CARD)
    written = collection.to_json()
    assert collection.client_secret
    assert collection.client_secret not in json.dumps(written)
    assert written == {
        "reference_id": str(collection.reference_id),
        "kind": "COLLECTION",
        "status": "PROCESSING",
        "requires_action": True,
        "source_type": "INVOICE",
        "source_id": collection.source_id,
        "source_number": collection.source_number,
        "party_id": collection.party_id,
        "counterparty_id": collection.counterparty_id,
        "payment_account_id": collection.payment_account_id,
        "session_id": collection.session_id,
        "execution": collection.execution.to_json(),
    }


async def test_a_handle_written_later_has_the_latest_state(dollr: DollrClient) -> None:
    collection = await collect(dollr)
    await collection.wait()
    assert (collection.to_json()["status"], collection.to_json()["execution"]["status"]) == ("COMPLETED", "COMPLETED")


async def test_an_unfinished_payment_is_a_plain_dict(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        collection = await collect(dollr)
        (payment,) = [payment async for payment in dollr.unfinished()]
    written = json.loads(json.dumps(payment.to_json()))
    assert written.keys() == {"reference_id", "kind", "began_at", "step", "executed", "status", "progress"}
    assert (written["reference_id"], written["executed"]) == (str(collection.reference_id), True)
