"""What payouts, transfers and refunds have in common: one movement whatever is lost, and a handle to its end."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    CollectError,
    ConfigurationError,
    DecodeError,
    DollrClient,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PaymentFailedError,
    PollTimeoutError,
    RateLimitError,
    ReferenceUsedError,
    ServerError,
    TransportError,
)
from dollr_async.sandbox import Fault
from tests.flows import api_refusals
from tests.support.collections import REFERENCE, collect, operations
from tests.support.payments import Move, ready

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox
    from tests.flows.api_refusals import ApiRefusal

_KINDS = ["PAYOUT", "TRANSFER", "REFUND"]
_LANDED: dict[str, Fault | str | int] = {
    "lost answer": "lose_answer",
    "cut body": "cut_body",
    "garbage": "garbage",
    "timeout": "hang_after",
    "503": "503_after",
    "redirect": "307_after",
    "refusal": "422_after",
}
_NOT_LANDED: dict[str, Fault | str | int] = {"drop": "drop", "timeout": "hang", "500": 500}


@pytest.fixture(params=_KINDS)
async def move(request: pytest.FixtureRequest, sandbox: Sandbox, dollr: DollrClient) -> Move:
    """A movement of each kind, ready to begin."""
    return await ready(request.param, sandbox, dollr)


# What is refused before the first byte


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": 10.5}, r'write Decimal\("10.5"\)'),
        ({"amount": "10.50"}, r'Decimal\("10.50"\)'),
        ({"amount": Decimal(0)}, "not above zero"),
        ({"amount": Decimal("NaN")}, "not above zero"),
        ({"reference_id": "17"}, "version-4 UUID"),
    ],
)
async def test_what_is_refused_sends_nothing(move: Move, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        await move.begin(**changes)
    assert move.sandbox.requests == []


async def test_a_closed_client_sends_nothing(move: Move, dollr: DollrClient) -> None:
    await dollr.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await move.begin()
    assert move.sandbox.requests == []


# Answers that are lost


@pytest.mark.parametrize("fault", _LANDED.values(), ids=_LANDED)
async def test_a_lost_answer_is_adopted_not_resent(move: Move, fault: Fault | str | int) -> None:
    move.sandbox.fail(move.operation, fault)
    payment = await move.begin()
    assert (move.sends, move.status_checks) == (1, 1)
    assert [entry.reference_id for entry in move.ledger] == [str(payment.reference_id)]


@pytest.mark.parametrize("fault", _NOT_LANDED.values(), ids=_NOT_LANDED)
async def test_what_did_not_land_is_resent_with_the_same_body(move: Move, fault: Fault | str | int) -> None:
    move.sandbox.fail(move.operation, fault)
    payment = await move.begin()
    first, second = move.sandbox.requests_to(move.operation)
    assert first.content == second.content
    assert second.second - first.second >= 30.0
    assert [entry.reference_id for entry in move.ledger] == [str(payment.reference_id)]
    assert len(move.sandbox.requests_to(move.session)) == 1


@pytest.mark.parametrize("fault", [401, Fault.rate_limited(7)], ids=["401", "429"])
async def test_what_surely_did_not_run_is_resent_without_a_status_check(move: Move, fault: Fault | int) -> None:
    move.sandbox.fail(move.operation, fault)
    await move.begin()
    first, second = move.sandbox.requests_to(move.operation)
    assert first.content == second.content
    assert (move.status_checks, len(move.ledger)) == (0, 1)


@pytest.mark.parametrize("refusal", api_refusals.ALL.values(), ids=api_refusals.ALL)
async def test_a_refusal_is_believed_once_the_status_checks_that_its_kind_asks_for_say_not_found(
    move: Move, refusal: ApiRefusal
) -> None:
    move.sandbox.fail(move.operation, refusal.fault)
    with pytest.raises(CollectError, match="was not executed, and no money moved") as caught:
        await move.begin()
    assert caught.value.step == "execution"
    assert caught.value.progress.session_id == 500_001 + (move.kind == "REFUND")
    assert getattr(caught.value.__cause__, "status", None) == refusal.fault.status
    refusal.check_requests(move.sandbox, move.kind)
    assert move.ledger == []


async def test_too_many_requests_for_too_long_is_not_run(move: Move) -> None:
    move.sandbox.fail(move.operation, "rate_limited", times=None)
    with pytest.raises(CollectError) as caught:
        await move.begin()
    assert isinstance(caught.value.__cause__, RateLimitError)
    assert (move.sends, move.status_checks, move.ledger) == (4, 1, [])


async def test_an_unknown_outcome_says_how_to_resume_and_that_works(move: Move, dollr: DollrClient) -> None:
    move.sandbox.fail(move.operation, "lose_answer")
    move.sandbox.fail(move.status_operation, 500, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await move.begin()
    error = caught.value
    assert f"dollr.wait('{error.reference_id}', kind='{move.kind}')" in str(error)
    assert isinstance(error.__cause__, ServerError)
    assert error.progress.session_id == move.ledger[0].session_id
    move.sandbox.clear_faults()
    execution = await dollr.wait(str(error.reference_id), kind=move.kind)
    assert (execution.status, move.sends, len(move.ledger)) == ("COMPLETED", 1, 1)


async def test_doubt_is_not_lifted_by_a_refused_resend(move: Move) -> None:
    move.sandbox.fail(move.operation, "drop")
    move.sandbox.fail(move.operation, 422, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await move.begin()
    assert isinstance(caught.value.__cause__, InvalidRequestError)
    assert move.sends == 2


async def test_an_answer_with_a_status_has_landed_whatever_else_is_missing(move: Move) -> None:
    move.sandbox.fail(move.operation, Fault.answer(200, {"status": "PENDING"}, after_work=True))
    with pytest.raises(DecodeError) as caught:
        await move.begin()
    assert str(caught.value.reference_id) == move.ledger[0].reference_id
    assert f"kind='{move.kind}'" in caught.value.__notes__[0]
    assert (move.sends, move.status_checks) == (1, 0)


async def test_a_session_that_cannot_be_made_is_a_failed_step(move: Move) -> None:
    for fault, sends in (("lose_answer", 4), (500, 4), (422, 1), ("rate_limited", 4)):
        move.sandbox.requests.clear()
        move.sandbox.fail(move.session, fault, times=sends)
        with pytest.raises(CollectError, match="before any money moved") as caught:
            await move.begin()
        assert caught.value.step == "session"
        assert caught.value.progress.session_id is None
        assert len(move.sandbox.requests_to(move.session)) == sends
    assert move.ledger == []


async def test_an_api_that_cannot_be_reached_is_a_failed_step(move: Move) -> None:
    await move.sandbox.close()
    with pytest.raises(CollectError) as caught:
        await move.begin()
    assert isinstance(caught.value.__cause__, TransportError)


# The reference


async def test_the_callers_reference_is_the_payments(move: Move) -> None:
    payment = await move.begin(reference_id=REFERENCE)
    assert str(payment.reference_id) == REFERENCE
    assert [entry.reference_id for entry in move.ledger] == [REFERENCE]
    assert move.status_checks == 1


async def test_a_generated_reference_is_not_checked(move: Move) -> None:
    first, second = await move.begin(), await move.begin()
    assert first.reference_id != second.reference_id
    assert move.status_checks == 0


@pytest.mark.parametrize("slow", ["status check", "session"])
async def test_a_used_reference_is_not_used_again(move: Move, slow: str) -> None:
    await move.begin(reference_id=REFERENCE)
    move.sandbox.set_latency(0.5, move.status_operation if slow == "status check" else move.session)
    with pytest.raises(ReferenceUsedError, match=f"dollr.watch.*kind='{move.kind}'") as caught:
        await move.begin(reference_id=REFERENCE)
    assert caught.value.execution is not None
    assert caught.value.execution.status == "PENDING"
    assert (move.sends, len(move.ledger)) == (1, 1)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_reference_that_names_another_kind_moves_nothing(move: Move, dollr: DollrClient) -> None:
    await collect(dollr, reference_id=REFERENCE)
    with pytest.raises(ReferenceUsedError, match="already names a collection") as caught:
        await move.begin(reference_id=REFERENCE)
    assert f"follow it with dollr.watch('{REFERENCE}'), and do not pay again" in str(caught.value)
    assert caught.value.execution is not None
    assert (str(caught.value.reference_id), caught.value.execution.status) == (REFERENCE, "COMPLETED")
    assert (move.sends, move.ledger) == (1, [])


@pytest.mark.parametrize("fault", [500, "garbage", "forbidden"])
async def test_nothing_moves_when_the_reference_cannot_be_checked(move: Move, fault: str | int) -> None:
    move.sandbox.fail(move.status_operation, fault, times=None)
    with pytest.raises(CollectError) as caught:
        await move.begin(reference_id=REFERENCE)
    # No session is made before the reference is known to be unused.
    assert (caught.value.step, str(caught.value.reference_id)) == ("session", REFERENCE)
    assert move.sends == 0


# Cancelling


async def test_cancelling_leaves_the_payment_alone_and_its_reference_known(
    move: Move, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dollr_async")
    move.sandbox.set_latency(9.0, move.operation)
    task = asyncio.ensure_future(move.begin())
    await asyncio.sleep(5.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    await asyncio.sleep(9.0)
    (entry,) = move.ledger
    assert f"dollr.watch('{entry.reference_id}', kind='{move.kind}')" in caught.value.__notes__[0]
    assert caplog.messages == [f"payment {entry.reference_id} is about to be executed"]


# The handle


async def test_the_handle_is_followed_to_its_final_status(move: Move) -> None:
    payment = await move.begin()
    assert (payment.kind, payment.status, payment.requires_action) == (move.kind, "PENDING", False)
    changes = [change async for change in payment]
    assert [(change.previous, change.status) for change in changes] == [
        (None, "PENDING"),
        ("PENDING", "PROCESSING"),
        ("PROCESSING", "COMPLETED"),
    ]
    assert [change.is_final for change in changes] == [False, False, True]
    assert {change.execution.operation_type for change in changes} == {move.kind}
    assert (await payment.wait()).status == payment.status == "COMPLETED"
    assert repr(payment) == f"<Payment {payment.reference_id} COMPLETED>"
    assert set(operations(move.sandbox)[-move.status_checks :]) == {move.status_operation}


async def test_a_failed_payment_is_an_error_of_waiting_only(move: Move) -> None:
    move.sandbox.set_outcome("decline")
    payment = await move.begin()
    assert [change.status async for change in payment] == ["PENDING", "PROCESSING", "FAILED"]
    with pytest.raises(PaymentFailedError, match="The payer declined the payment") as caught:
        await payment.wait()
    assert caught.value.reference_id == payment.reference_id
    assert caught.value.execution.status == "FAILED"


async def test_a_timeout_is_no_failure_of_the_payment(move: Move) -> None:
    move.sandbox.set_outcome("stay_pending")
    payment = await move.begin()
    with pytest.raises(PollTimeoutError, match=f"It has not failed.*kind='{move.kind}'") as caught:
        await payment.wait(timeout=20.0)
    assert caught.value.reference_id == payment.reference_id
    assert caught.value.last is not None
    assert caught.value.last.status == "PENDING"


async def test_it_is_followed_from_its_reference_alone(move: Move, dollr: DollrClient) -> None:
    payment = await move.begin()
    async with DollrClient(**move.sandbox.settings) as other:
        statuses = [change.status async for change in other.watch(payment.reference_id, kind=move.kind)]
        assert statuses == ["PENDING", "PROCESSING", "COMPLETED"]
        assert (await other.wait(payment.reference_id, kind=move.kind.lower())).status == "COMPLETED"


async def test_it_is_not_found_among_another_kind(move: Move, dollr: DollrClient) -> None:
    payment = await move.begin()
    with pytest.raises(NotFoundError):
        await dollr.wait(payment.reference_id)
    assert len(move.sandbox.requests_to("get_collection_status")) > 3


async def test_an_unknown_kind_is_refused(dollr: DollrClient) -> None:
    with pytest.raises(InvalidInputError, match="COLLECTION, PAYOUT, TRANSFER, REFUND"):
        dollr.watch(REFERENCE, kind="GIFT")
