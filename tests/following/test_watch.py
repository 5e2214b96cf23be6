"""Following a payment: what is yielded and when, what ends it, and how its looks are shared."""

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
    NewCounterparty,
    NewInvoice,
    NewParty,
    NotFoundError,
    PermissionDeniedError,
    PollPolicy,
    PollTimeoutError,
)
from dollr_async.sandbox import AfterSeconds, AfterStatusChecks, Fault, Quirks, Sandbox
from tests.support.collections import REFERENCE, collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async import SourceWatch, StatusChange, Watch

_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
_STATUS = "get_collection_status"


@pytest.fixture
async def even(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """Return a client that looks every two seconds exactly."""
    async with DollrClient(**sandbox.settings, polling=_EVEN) as dollr:
        yield dollr


def _now() -> float:
    return asyncio.get_running_loop().time()


def _looks(sandbox: Sandbox) -> list[float]:
    return [request.second for request in sandbox.requests_to(_STATUS)]


async def _all(watch: AsyncIterator[StatusChange]) -> list[tuple[str, str | None]]:
    return [(change.status, change.previous) async for change in watch]


async def _pending(sandbox: Sandbox, dollr: DollrClient) -> uuid.UUID:
    """Return the reference of a payment that is pending until settled by hand, with nothing kept of it."""
    sandbox.set_outcome("stay_pending")
    return (await collect(dollr)).reference_id


# What is yielded


async def test_each_change_the_present_one_at_once_and_the_last_one_last(sandbox: Sandbox, even: DollrClient) -> None:
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
    assert _looks(sandbox) == [2.0, 4.0]


@pytest.mark.parametrize(("outcome", "status"), [("complete_at_once", "COMPLETED"), ("fail_at_once", "FAILED")])
async def test_what_is_final_already_is_yielded_once_without_a_look(
    sandbox: Sandbox, even: DollrClient, outcome: str, status: str
) -> None:
    sandbox.set_outcome(outcome)
    collection = await collect(even)
    assert await _all(aiter(collection)) == [(status, None)]
    assert _looks(sandbox) == []


async def test_failure_is_yielded_like_any_status(sandbox: Sandbox, even: DollrClient) -> None:
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
    assert len(_looks(sandbox)) == 5


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


# When it looks


async def test_looks_become_rarer_with_the_age_of_the_payment(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=5.0, backoff=1.5, jitter=0.0, timeout=30.0)
    with pytest.raises(PollTimeoutError):
        await _all(dollr.watch(reference_id, policy=policy))
    assert _looks(sandbox) == [0.0, 2.0, 5.0, 9.5, 14.5, 19.5, 24.5, 29.5]


async def test_jitter_spreads_the_looks(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.5, timeout=60.0)
    with pytest.raises(PollTimeoutError):
        await _all(dollr.watch(reference_id, policy=policy))
    looks = _looks(sandbox)
    gaps = [after - before for before, after in pairwise(looks)]
    assert all(1.0 <= gap <= 3.0 for gap in gaps)
    assert len({round(gap, 3) for gap in gaps}) > 5


async def test_an_old_payment_is_asked_rarely_from_the_start(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=5.0, jitter=0.0, timeout=11.0)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(PollTimeoutError) as caught:
        await _all(dollr.watch(reference_id, policy=policy, began_at=an_hour_ago))
    assert _looks(sandbox) == [0.0, 5.0, 10.0]
    assert caught.value.elapsed == 11.0  # the timeout counts from the start of the watch


async def test_a_payment_from_the_future_is_a_young_one(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    policy = PollPolicy(interval=2.0, max_interval=5.0, backoff=1.0, jitter=0.0, timeout=5.0)
    with pytest.raises(PollTimeoutError):
        await _all(dollr.watch(reference_id, policy=policy, began_at=datetime.now(UTC) + timedelta(hours=1)))
    assert _looks(sandbox) == [0.0, 2.0, 4.0]


# Blips, and what ends it

_BLIPS: list[Fault | str | int] = ["drop", 500, 502, 503, 408, "redirect", "garbage", "cut_body", "rate_limited", 401]


@pytest.mark.parametrize("blip", _BLIPS)
async def test_a_blip_does_not_end_a_watch(sandbox: Sandbox, even: DollrClient, blip: Fault | str | int) -> None:
    sandbox.set_settlement(AfterStatusChecks(processing=9, final=10))
    collection = await collect(even)
    sandbox.fail(_STATUS, blip, times=1 if blip == 401 else 4)
    assert [status for status, _ in await _all(aiter(collection))] == ["PENDING", "PROCESSING", "COMPLETED"]


async def test_a_look_that_hangs_is_given_up_and_made_again(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, timeout=7.0, polling=_EVEN) as dollr:
        collection = await collect(dollr)
        sandbox.fail(_STATUS, "hang", times=2)
        assert (await collection.wait()).status == "COMPLETED"
    assert _looks(sandbox) == [2.0, 11.0, 20.0]


@pytest.mark.parametrize(("asked", "next_look"), [(9, 11.0), (1, 4.0), (300, 302.0)])
async def test_retry_after_is_respected(sandbox: Sandbox, even: DollrClient, asked: int, next_look: float) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, Fault.rate_limited(asked))
    await collection.wait()
    assert _looks(sandbox)[:2] == [2.0, next_look]


async def test_a_token_endpoint_that_is_down_does_not_end_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.revoke_tokens()
    sandbox.fail("client_obtain_token", 503, times=9)
    assert (await collection.wait()).status == "COMPLETED"


async def test_a_refusal_to_tell_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, "forbidden")
    with pytest.raises(PermissionDeniedError):
        await _all(aiter(collection))
    assert len(_looks(sandbox)) == 1


async def test_credentials_that_are_refused_end_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, 401, times=None)
    with pytest.raises(AuthenticationError):
        await _all(aiter(collection))


async def test_a_status_in_an_unreadable_shape_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    sandbox.fail(_STATUS, Fault.answer(200, {"status": "PROCESSING"}))
    with pytest.raises(DecodeError):
        await _all(aiter(collection))


async def test_a_reference_that_is_unknown_beyond_the_grace_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    with pytest.raises(NotFoundError):
        await _all(even.watch(REFERENCE))
    assert _looks(sandbox) == [2.0 * number for number in range(17)]


async def test_a_reference_that_is_unknown_within_the_grace_is_awaited() -> None:
    async with (
        Sandbox(quirks=Quirks(status_lag=25.0)) as sandbox,
        DollrClient(**sandbox.settings, polling=_EVEN) as dollr,
    ):
        reference_id = (await collect(dollr)).reference_id
        assert await _all(dollr.watch(reference_id))


async def test_a_404_of_what_was_seen_has_a_grace_of_its_own(sandbox: Sandbox, even: DollrClient) -> None:
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


async def test_out_of_time_is_not_failed(sandbox: Sandbox, even: DollrClient) -> None:
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


async def test_out_of_time_before_anything_was_seen(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, 500, times=None)
    with pytest.raises(PollTimeoutError, match="not known to the API") as caught:
        await even.wait(REFERENCE, timeout=9.0)
    assert (caught.value.last, caught.value.elapsed) == (None, 9.0)


async def test_time_runs_out_in_the_middle_of_a_look(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, "hang")
    with pytest.raises(PollTimeoutError):
        await even.wait(REFERENCE, timeout=9.0)
    assert _now() == 9.0


async def test_news_that_comes_as_time_runs_out_is_news(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    collection = await collect(even)
    completed = attrs.evolve(collection.execution, status=ExecutionStatus.COMPLETED)
    watch = even.watch(collection.reference_id).within(3.0)
    assert (await anext(watch)).status == "PENDING"
    # In the turn of the loop in which the time runs out, just before it does.
    asyncio.get_running_loop().call_at(_now() + 3.0 - 1e-7, collection._poller.saw, completed)
    assert (await anext(watch)).status == "COMPLETED"


async def test_no_limit_means_no_limit(sandbox: Sandbox, even: DollrClient) -> None:
    reference_id = await _pending(sandbox, even)
    waiting = asyncio.create_task(even.wait(reference_id, policy=PollPolicy(interval=600.0, timeout=None)))
    await asyncio.sleep(5_000.0)
    assert not waiting.done()
    sandbox.settle(reference_id)
    assert (await waiting).status == "COMPLETED"


async def test_a_timeout_of_zero_tells_what_is_known_and_no_more(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    collection = await collect(even)
    with pytest.raises(PollTimeoutError):
        await collection.wait(0)
    sandbox.settle(collection.reference_id)
    await collection.wait()
    assert (await collection.wait(0)).status == "COMPLETED"


# Shared looks


async def test_several_loops_over_one_handle_share_their_looks(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    ends = await asyncio.gather(*(_all(aiter(collection)) for _ in range(20)))
    assert [[status for status, _ in end] for end in ends] == [["PENDING", "PROCESSING", "COMPLETED"]] * 20
    assert _looks(sandbox) == [2.0, 4.0]


async def test_watches_by_id_share_with_the_handle(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    await asyncio.gather(collection.wait(), even.wait(collection.reference_id), even.wait(str(collection.reference_id)))
    assert _looks(sandbox) == [2.0, 4.0]


async def test_the_shortest_interval_rules(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = await _pending(sandbox, dollr)
    slow = PollPolicy(interval=60.0, max_interval=60.0, jitter=0.0)
    fast = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
    seen: dict[str, float] = {}

    async def follow(name: str, watch: Watch) -> None:
        async for change in watch:
            if change.is_final:
                seen[name] = _now()

    slowly = asyncio.create_task(follow("slow", dollr.watch(reference_id, policy=slow)))
    await asyncio.sleep(7.0)  # the slow one waits for its look by now
    quickly = asyncio.create_task(follow("fast", dollr.watch(reference_id, policy=fast)))
    await asyncio.sleep(6.5)
    sandbox.settle(reference_id)
    await asyncio.gather(slowly, quickly)
    assert _looks(sandbox) == [0.0, 7.0, 9.0, 11.0, 13.0, 15.0]
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
    assert _looks(sandbox) == [0.0, 2.0, 4.0, 14.0, 24.0, 34.0]


async def test_a_watch_that_is_cancelled_in_its_look_leaves_the_others_going(
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
    assert _looks(sandbox) == [2.0]  # the look in flight was theirs too
    assert _now() == 7.0


async def test_a_look_that_nobody_awaits_any_more_is_given_up(sandbox: Sandbox, even: DollrClient) -> None:
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


async def test_one_watch_that_ends_in_an_error_is_told_to_all_who_look(sandbox: Sandbox, even: DollrClient) -> None:
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
    assert len(even._registry._payments) == 1
    del watch
    await asyncio.sleep(3.0)  # its next look would have been due
    assert len(even._registry._payments) == 0


async def test_many_payments_are_followed_at_once(sandbox: Sandbox, even: DollrClient) -> None:
    collections = await asyncio.gather(*(collect(even) for _ in range(50)))
    executions = await asyncio.gather(*(collection.wait() for collection in collections))
    assert {execution.status for execution in executions} == {"COMPLETED"}
    assert sandbox.tokens_issued == 1


# The policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": 0},
        {"interval": "2"},
        {"max_interval": -1},
        {"backoff": 0.5},
        {"jitter": 1},
        {"jitter": -0.1},
        {"timeout": -1},
        {"not_found_grace": -1},
        {"interval": True},
    ],
)
def test_a_policy_refuses_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        PollPolicy(**wrong)


def test_an_interval_above_the_longest_stays_as_it_is() -> None:
    assert PollPolicy(interval=60.0, max_interval=5.0).interval_at(1000.0) == 60.0


# Documents


async def test_a_document_is_followed_until_it_is_paid(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    watch = even.watch_source("invoice", str(collection.source_id))
    changes = [change async for change in watch]
    assert [(change.status, change.previous) for change in changes] == [("PROCESSING", None), ("PAID", "PROCESSING")]
    assert [change.is_final for change in changes] == [False, True]
    assert {(change.source_type, change.source_id) for change in changes} == {("INVOICE", collection.source_id)}
    assert changes[-1].source.paid_at is not None
    assert [request.second for request in sandbox.requests_to("get_payment_source_status")] == [0.0, 2.0, 4.0]


async def test_a_failed_payment_does_not_end_its_document(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("decline")
    collection = await collect(even)
    watch = even.watch_source("INVOICE", collection.source_id or 0, policy=PollPolicy(timeout=20.0))
    assert [(await anext(watch)).status, (await anext(watch)).status] == ["PROCESSING", "ACTIVE"]
    with pytest.raises(PollTimeoutError, match="has not failed") as caught:
        await anext(watch)
    assert caught.value.reference_id is None
    assert f"dollr.watch_source('INVOICE', {collection.source_id})" in str(caught.value)


async def test_a_canceled_document_is_followed_no_further(even: DollrClient) -> None:
    invoice = await _draft(even)
    watch = even.watch_source("INVOICE", invoice)
    assert (await anext(watch)).status == "IDLE"
    await even.invoices.cancel(invoice)
    assert [change.status async for change in watch] == ["CANCELED"]


async def _draft(dollr: DollrClient) -> int:
    party = await dollr.parties.create(NewParty(fullname="Amara", phone="231771234567"))
    counterparty = await dollr.counterparties.create(NewCounterparty(party_id=party.id))
    return (await dollr.invoices.create(NewInvoice(counterparty_id=counterparty.id, currency="USD"))).id


async def test_watches_of_one_document_share_their_looks(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    watches = [even.watch_source("INVOICE", collection.source_id or 0) for _ in range(10)]
    await asyncio.gather(*(_last(watch) for watch in watches))
    assert len(sandbox.requests_to("get_payment_source_status")) == 3


async def _last(watch: SourceWatch) -> None:
    statuses = [change.status async for change in watch]
    assert statuses[-1] == "PAID"


@pytest.mark.parametrize(("source_type", "source_id"), [("SUBSCRIPTION", 1), ("BILL", 1), ("INVOICE", 0)])
async def test_what_is_no_document_is_refused(
    sandbox: Sandbox, even: DollrClient, source_type: str, source_id: int
) -> None:
    with pytest.raises(InvalidInputError):
        even.watch_source(source_type, source_id)
    assert sandbox.requests == []


async def test_a_document_that_is_unknown_beyond_the_grace_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    with pytest.raises(NotFoundError):
        await anext(even.watch_source("ORDER", 17))
    assert len(sandbox.requests) == 18
