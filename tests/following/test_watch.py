"""Watching a payment: what is yielded and when, what ends the watch, and how polls are shared."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dollr_async import (
    AuthenticationError,
    Card,
    ConfigurationError,
    DecodeError,
    DollrClient,
    ExecutionKind,
    ExecutionStatus,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    PollPolicy,
    PollTimeoutError,
    RetryPolicy,
)
from dollr_async.sandbox import AfterSeconds, AfterStatusChecks, Fault, Quirks, Sandbox
from tests.support.collections import REFERENCE, collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async import StatusChange, Watch

_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
_STATUS = "get_collection_status"


@pytest.fixture
async def even(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """Return a client that polls every two seconds exactly."""
    async with DollrClient(**sandbox.settings, polling=_EVEN) as dollr:
        yield dollr


def _now() -> float:
    return asyncio.get_running_loop().time()


def _polls(sandbox: Sandbox) -> list[float]:
    return [request.second for request in sandbox.requests_to(_STATUS)]


async def _all(watch: AsyncIterator[StatusChange]) -> list[tuple[str, str | None]]:
    return [(change.status, change.previous) async for change in watch]


async def _pending(sandbox: Sandbox, dollr: DollrClient) -> uuid.UUID:
    """Return the reference of a payment that is pending until the test settles it; no handle of it is kept."""
    sandbox.set_outcome("stay_pending")
    return (await collect(dollr)).reference_id


# What is yielded


async def test_the_present_state_comes_at_once_and_the_final_one_last(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    seen = []
    async for change in collection:
        seen.append((_now(), change.status, change.previous, change.is_final, change.requires_action))
        assert change.at.tzinfo is UTC
        assert change.reference_id == collection.reference_id
        assert change.execution.status == change.status
    assert seen == [
        (0.0, "PENDING", None, False, False),
        (2.0, "PROCESSING", "PENDING", False, False),
        (4.0, "COMPLETED", "PROCESSING", True, False),
    ]
    assert _polls(sandbox) == [2.0, 4.0]


@pytest.mark.parametrize(("outcome", "status"), [("complete_at_once", "COMPLETED"), ("fail_at_once", "FAILED")])
async def test_a_status_that_is_final_already_is_yielded_once_without_a_poll(
    sandbox: Sandbox, even: DollrClient, outcome: str, status: str
) -> None:
    sandbox.set_outcome(outcome)
    collection = await collect(even)
    assert await _all(aiter(collection)) == [(status, None)]
    assert _polls(sandbox) == []


async def test_failed_is_yielded_like_any_status(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("decline")
    collection = await collect(even)
    assert [status for status, _ in await _all(aiter(collection))] == ["PENDING", "PROCESSING", "FAILED"]


async def test_a_state_in_between_may_be_missed_but_never_the_last(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    seen = []
    async for change in collection:
        seen.append(change.status)
        await asyncio.sleep(30)
    assert seen == ["PENDING", "COMPLETED"]


async def test_a_change_of_requires_action_is_a_change(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even, pay_with=Card("Amara 3ds"))
    seen = []
    async for change in collection:
        seen.append((change.status, change.requires_action))
        if change.requires_action:
            sandbox.confirm_card(collection.reference_id)
    assert seen == [("PROCESSING", True), ("PROCESSING", False), ("COMPLETED", False)]


async def test_an_ended_iterator_stays_ended(even: DollrClient) -> None:
    watch = aiter(await collect(even))
    await _all(watch)
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


def _answer(status: str) -> Fault:
    body = {
        "reference_id": REFERENCE,
        "status": status,
        "payer_amount": "1.00",
        "payer_currency": "USD",
        "payee_amount": 1,
        "payee_currency": "USD",
        "operation_type": "COLLECTION",
    }
    return Fault.answer(200, body)


async def test_an_unknown_status_keeps_its_text_and_is_not_final(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, _answer("On hold"))
    sandbox.fail(_STATUS, _answer("Settled?"))
    sandbox.fail(_STATUS, _answer("completed"))
    changes = [change async for change in even.watch(REFERENCE)]
    assert [change.status for change in changes] == ["On hold", "Settled?", "COMPLETED"]
    assert [change.is_final for change in changes] == [False, False, True]


async def test_lower_case_words_are_the_same_words(sandbox: Sandbox, even: DollrClient) -> None:
    for word in ("pending", "PENDING", "Pending", "processing", "failed"):
        sandbox.fail(_STATUS, _answer(word))
    assert [status for status, _ in await _all(even.watch(REFERENCE))] == ["PENDING", "PROCESSING", "FAILED"]
    assert len(_polls(sandbox)) == 5


# From the id alone


async def test_a_payment_is_followed_from_its_id_alone_in_another_client(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = (await collect(dollr)).reference_id
    await dollr.close()
    async with DollrClient(**sandbox.settings) as other:
        assert await _all(other.watch(str(reference_id))) == [
            ("PENDING", None),
            ("PROCESSING", "PENDING"),
            ("COMPLETED", "PROCESSING"),
        ]


@pytest.mark.parametrize("kind", [*ExecutionKind, "payout", "Refund"])
async def test_each_kind_has_its_own_status_call(sandbox: Sandbox, even: DollrClient, kind: str) -> None:
    operation = f"get_{kind.lower()}_status"
    sandbox.fail(operation, _answer("COMPLETED"))
    assert await _all(even.watch(REFERENCE, kind)) == [("COMPLETED", None)]
    assert [request.path for request in sandbox.requests_to(operation)] == [f"/v1/status/{kind.lower()}/{REFERENCE}"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("order-17",), "uuid.uuid4()"),
        ((uuid.UUID("c232ab00-9414-11ec-b3c8-9f6bdeced846"),), "uuid.uuid4()"),
        ((REFERENCE, "LOAN"), "COLLECTION, PAYOUT"),
    ],
)
async def test_what_cannot_be_followed_is_refused(
    sandbox: Sandbox, even: DollrClient, arguments: tuple[Any, ...], sentence: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        even.watch(*arguments)
    assert sentence in str(caught.value)
    with pytest.raises(InvalidInputError, match="has no time zone"):
        even.watch(REFERENCE, began_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the refused form
    assert sandbox.requests == []


# When it polls


async def test_polls_become_rarer_with_the_age_of_the_payment(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=5.0, backoff=1.5, jitter=0.0, timeout=30.0)
    with pytest.raises(PollTimeoutError):
        await _all(dollr.watch(reference_id, policy=policy))
    assert _polls(sandbox) == [0.0, 2.0, 5.0, 9.5, 14.5, 19.5, 24.5, 29.5]


async def test_jitter_spreads_the_polls(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.5, timeout=60.0)
    with pytest.raises(PollTimeoutError):
        await _all(dollr.watch(reference_id, policy=policy))
    gaps = [after - before for before, after in pairwise(_polls(sandbox))]
    assert all(1.0 <= gap <= 3.0 for gap in gaps)
    assert len({round(gap, 3) for gap in gaps}) > 5


async def test_an_old_payment_is_polled_rarely_from_the_start(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=5.0, jitter=0.0, timeout=11.0)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(PollTimeoutError) as caught:
        await _all(dollr.watch(reference_id, policy=policy, began_at=an_hour_ago))
    assert _polls(sandbox) == [0.0, 5.0, 10.0]
    assert caught.value.elapsed == 11.0  # the timeout counts from the start of the watch


async def test_a_payment_that_begins_in_the_future_is_a_new_one(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=5.0, backoff=1.0, jitter=0.0, timeout=5.0)
    with pytest.raises(PollTimeoutError):
        await _all(dollr.watch(reference_id, policy=policy, began_at=datetime.now(UTC) + timedelta(hours=1)))
    assert _polls(sandbox) == [0.0, 2.0, 4.0]


# Temporary errors, and what ends a watch

_TEMPORARY: list[Fault | str | int] = [
    "drop",
    500,
    502,
    503,
    408,
    "redirect",
    "garbage",
    "cut_body",
    "rate_limited",
    401,
]


@pytest.mark.parametrize("fault", _TEMPORARY)
async def test_a_temporary_error_does_not_end_a_watch(
    sandbox: Sandbox, even: DollrClient, fault: Fault | str | int
) -> None:
    sandbox.set_settlement(AfterStatusChecks(processing=9, final=10))
    collection = await collect(even)
    sandbox.fail(_STATUS, fault, times=1 if fault == 401 else 4)
    assert [status for status, _ in await _all(aiter(collection))] == ["PENDING", "PROCESSING", "COMPLETED"]


async def test_a_poll_that_hangs_times_out_and_is_repeated(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, timeout=7.0, polling=_EVEN) as dollr:
        collection = await collect(dollr)
        sandbox.fail(_STATUS, "hang", times=2)
        assert (await collection.wait()).status == "COMPLETED"
    assert _polls(sandbox) == [2.0, 11.0, 20.0]


@pytest.mark.parametrize(("retry_after", "next_poll"), [(9, 11.0), (1, 4.0), (300, 62.0), (10**400, 62.0)])
async def test_retry_after_is_respected(
    sandbox: Sandbox, even: DollrClient, retry_after: int, next_poll: float
) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, Fault.rate_limited(retry_after))
    await collection.wait()
    assert _polls(sandbox)[:2] == [2.0, next_poll]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("limit", "next_poll"), [(60.0, 62.0), (20.0, 22.0)])
async def test_the_clients_max_retry_after_bounds_the_pause_of_a_watch(
    sandbox: Sandbox, status: int, limit: float, next_poll: float
) -> None:
    retry = RetryPolicy(max_retry_after=limit)
    async with DollrClient(**sandbox.settings, polling=_EVEN, retry=retry) as dollr:
        collection = await collect(dollr)
        sandbox.fail(_STATUS, Fault.answer(status, headers={"Retry-After": "86400"}))
        await collection.wait()
    assert _polls(sandbox)[:2] == [2.0, next_poll]


async def test_a_token_that_may_not_be_asked_for_pauses_a_watch_for_a_minute(
    sandbox: Sandbox, even: DollrClient
) -> None:
    collection = await collect(even)
    sandbox.revoke_tokens()
    sandbox.fail("client_obtain_token", Fault.rate_limited(86_400))
    assert (await collection.wait()).status == "COMPLETED"
    assert _now() < 80.0


async def test_a_token_endpoint_that_is_down_does_not_end_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.revoke_tokens()
    sandbox.fail("client_obtain_token", 503, times=9)
    assert (await collection.wait()).status == "COMPLETED"


async def test_a_refused_status_check_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, "forbidden")
    with pytest.raises(PermissionDeniedError):
        await _all(aiter(collection))
    assert len(_polls(sandbox)) == 1


async def test_credentials_that_are_refused_end_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, 401, times=None)
    with pytest.raises(AuthenticationError):
        await _all(aiter(collection))


async def test_a_status_in_an_unreadable_shape_is_polled_again_until_it_is_final(
    sandbox: Sandbox, even: DollrClient
) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, Fault.answer(200, {"status": "PROCESSING"}))
    sandbox.fail(_STATUS, Fault.answer(200, {"status": "COMPLETED"}))
    with pytest.raises(DecodeError):
        await _all(aiter(collection))
    assert _polls(sandbox) == [2.0, 4.0]


async def test_a_reference_that_is_unknown_beyond_the_grace_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    with pytest.raises(NotFoundError):
        await _all(even.watch(REFERENCE))
    assert _polls(sandbox) == [2.0 * number for number in range(17)]


async def test_a_reference_that_is_unknown_within_the_grace_is_awaited() -> None:
    async with (
        Sandbox(quirks=Quirks(status_lag=25.0)) as sandbox,
        DollrClient(**sandbox.settings, polling=_EVEN) as dollr,
    ):
        reference_id = (await collect(dollr)).reference_id
        assert await _all(dollr.watch(reference_id))


async def test_a_404_after_a_status_has_a_grace_of_its_own(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1.0, final=80.0))
    collection = await collect(even)
    sandbox.fail(_STATUS, Fault.latency(0.0), times=20)
    sandbox.fail(_STATUS, 404, times=15)
    assert (await collection.wait()).status == "COMPLETED"


async def test_a_closed_client_ends_a_watch(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        watch = dollr.watch(REFERENCE)
    with pytest.raises(ConfigurationError, match="closed"):
        await anext(watch)


# Time


async def test_a_timeout_is_not_failed(sandbox: Sandbox, even: DollrClient) -> None:
    reference_id = await _pending(sandbox, even)
    watch = even.watch(reference_id, policy=PollPolicy(timeout=20.0))
    assert (await anext(watch)).status == "PENDING"
    with pytest.raises(PollTimeoutError) as caught:
        await anext(watch)
    error = caught.value
    assert (error.reference_id, error.elapsed) == (reference_id, 20.0)
    assert error.last is not None
    assert error.last.status == "PENDING"
    assert "still PENDING after 20 seconds. It has not failed" in str(error)
    assert f"dollr.watch('{reference_id}')" in str(error)


async def test_a_timeout_before_anything_was_seen(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, 500, times=None)
    with pytest.raises(PollTimeoutError, match="not known to the API") as caught:
        await even.wait(REFERENCE, timeout=9.0)
    assert (caught.value.last, caught.value.elapsed) == (None, 9.0)


async def test_a_timeout_in_the_middle_of_a_poll(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, "hang")
    with pytest.raises(PollTimeoutError):
        await even.wait(REFERENCE, timeout=9.0)
    assert _now() == 9.0


async def test_a_change_that_comes_as_time_runs_out_is_yielded(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    collection = await collect(even)
    completed = attrs.evolve(collection.execution, status=ExecutionStatus.COMPLETED)
    watch = even.watch(collection.reference_id).within(3.0)
    assert (await anext(watch)).status == "PENDING"
    # In the same turn of the loop as the timeout, just before it.
    asyncio.get_running_loop().call_at(_now() + 3.0 - 1e-7, collection._poller.update, completed)
    assert (await anext(watch)).status == "COMPLETED"


async def test_without_a_timeout_it_waits_for_ever(sandbox: Sandbox, even: DollrClient) -> None:
    reference_id = await _pending(sandbox, even)
    waiting = asyncio.create_task(even.wait(reference_id, policy=PollPolicy(interval=600.0, timeout=None)))
    await asyncio.sleep(5_000.0)
    assert not waiting.done()
    sandbox.settle(reference_id)
    assert (await waiting).status == "COMPLETED"


async def test_a_timeout_of_zero_yields_what_is_known_and_no_more(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    collection = await collect(even)
    with pytest.raises(PollTimeoutError):
        await collection.wait(0)
    sandbox.settle(collection.reference_id)
    await collection.wait()
    assert (await collection.wait(0)).status == "COMPLETED"


# Shared polls


async def test_several_loops_over_one_handle_share_their_polls(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    ends = await asyncio.gather(*(_all(aiter(collection)) for _ in range(20)))
    assert [[status for status, _ in end] for end in ends] == [["PENDING", "PROCESSING", "COMPLETED"]] * 20
    assert _polls(sandbox) == [2.0, 4.0]


async def test_watches_by_id_share_polls_with_the_handle(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    await asyncio.gather(collection.wait(), even.wait(collection.reference_id), even.wait(str(collection.reference_id)))
    assert _polls(sandbox) == [2.0, 4.0]


async def test_the_shortest_interval_counts(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    slow = PollPolicy(interval=60.0, max_interval=60.0, jitter=0.0)
    fast = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
    seen: dict[str, float] = {}

    async def follow(name: str, watch: Watch) -> None:
        async for change in watch:
            if change.is_final:
                seen[name] = _now()

    slowly = asyncio.create_task(follow("slow", dollr.watch(reference_id, policy=slow)))
    await asyncio.sleep(7.0)  # the slow one waits for its next poll by now
    quickly = asyncio.create_task(follow("fast", dollr.watch(reference_id, policy=fast)))
    await asyncio.sleep(6.5)
    sandbox.settle(reference_id)
    await asyncio.gather(slowly, quickly)
    assert _polls(sandbox) == [0.0, 7.0, 9.0, 11.0, 13.0, 15.0]
    assert seen == {"slow": 15.0, "fast": 15.0}


async def test_when_the_fast_one_leaves_the_slow_one_goes_on_at_its_own_pace(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    reference_id = await _pending(sandbox, dollr)
    slow = PollPolicy(interval=10.0, max_interval=10.0, jitter=0.0, timeout=35.0)
    fast = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0, timeout=5.0)
    ends = await asyncio.gather(
        _all(dollr.watch(reference_id, policy=slow)),
        _all(dollr.watch(reference_id, policy=fast)),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [PollTimeoutError, PollTimeoutError]
    assert _polls(sandbox) == [0.0, 2.0, 4.0, 14.0, 24.0, 34.0]


async def test_a_watch_that_is_cancelled_during_a_poll_leaves_the_others_going(
    sandbox: Sandbox, even: DollrClient
) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, Fault.latency(5.0))
    tasks = [asyncio.create_task(collection.wait()) for _ in range(3)]
    await asyncio.sleep(3.0)
    assert sandbox.in_flight == 1
    tasks[0].cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ends[0], asyncio.CancelledError)
    assert [getattr(end, "status", None) for end in ends[1:]] == ["COMPLETED", "COMPLETED"]
    assert _polls(sandbox) == [2.0]  # the poll in flight was for the others too
    assert _now() == 7.0


async def test_a_poll_that_nobody_awaits_any_more_is_cancelled(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, "hang")
    task = asyncio.create_task(collection.wait())
    await asyncio.sleep(3.0)
    assert sandbox.in_flight == 1
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.1)
    assert sandbox.in_flight == 0
    assert (await collection.wait()).status == "COMPLETED"
    assert _now() < 6.0


async def test_an_error_ends_all_watches_of_a_payment(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, "forbidden", times=None)
    ends = await asyncio.gather(*(_all(aiter(collection)) for _ in range(3)), return_exceptions=True)
    assert [type(end) for end in ends] == [PermissionDeniedError] * 3


async def test_leaving_a_loop_leaves_nothing_behind(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    async for change in collection:
        if change.status == "PROCESSING":
            break
    before = len(sandbox.requests)
    await asyncio.sleep(300.0)
    assert len(sandbox.requests) == before
    assert collection.status == "PROCESSING"


async def test_a_payment_that_nobody_holds_is_forgotten(sandbox: Sandbox, even: DollrClient) -> None:
    reference_id = await _pending(sandbox, even)
    watch = even.watch(reference_id)
    await anext(watch)
    assert len(even._registry._payments[ExecutionKind.COLLECTION]) == 1
    del watch
    await asyncio.sleep(3.0)  # its next poll would have been due
    assert len(even._registry._payments[ExecutionKind.COLLECTION]) == 0


async def test_many_payments_are_followed_at_once(sandbox: Sandbox, even: DollrClient) -> None:
    collections = await asyncio.gather(*(collect(even) for _ in range(50)))
    executions = await asyncio.gather(*(collection.wait() for collection in collections))
    assert {execution.status for execution in executions} == {"COMPLETED"}
    assert sandbox.tokens_issued == 1
