"""Many payments in one iterator: what it yields, what it cannot follow, and how often it polls."""

from __future__ import annotations

import asyncio
import gc
import traceback
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dollr_async import (
    ConfigurationError,
    DollrClient,
    Execution,
    ExecutionKind,
    InvalidInputError,
    NotFoundError,
    PaymentToWatch,
    PermissionDeniedError,
    PollPolicy,
    PollTimeoutError,
    StatusChange,
    WatchFailure,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import AfterSeconds, Fault, Sandbox
from tests.support.collections import REFERENCE, collect
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from dollr_async import MergedWatch
    from dollr_async.following.payments_to_watch import Followable

_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
_STATUS = "get_collection_status"


@pytest.fixture
async def even(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """Return a client that polls every two seconds exactly."""
    async with DollrClient(**sandbox.settings, polling=_EVEN) as dollr:
        yield dollr


def _now() -> float:
    return asyncio.get_running_loop().time()


def _task_names() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks()]


def _polls(sandbox: Sandbox) -> list[float]:
    return [request.second for request in sandbox.requests_to(_STATUS)]


async def _payments(sandbox: Sandbox, dollr: DollrClient, count: int) -> list[uuid.UUID]:
    """Return the references of new payments; no handle of them is kept, and their requests are cleared."""
    made = await asyncio.gather(*(collect(dollr) for _ in range(count)))
    references = [collection.reference_id for collection in made]
    sandbox.requests.clear()
    return references


async def _all(many: MergedWatch) -> tuple[dict[uuid.UUID | str, list[str]], dict[uuid.UUID | str, type[Exception]]]:
    statuses: dict[uuid.UUID | str, list[str]] = {}
    failures: dict[uuid.UUID | str, type[Exception]] = {}
    async for news in many:
        if isinstance(news, WatchFailure):
            failures[news.reference_id] = type(news.error)
        else:
            statuses.setdefault(news.reference_id, []).append(news.status)
    return statuses, failures


_COURSE = ["PENDING", "PROCESSING", "COMPLETED"]


# What cannot be followed


async def test_what_cannot_be_followed_is_yielded_and_ends_nothing_else(sandbox: Sandbox, even: DollrClient) -> None:
    good = await _payments(sandbox, even, 3)
    unknown = uuid.uuid4()
    statuses, failures = await _all(even.watch_many([good[0], "order-17", good[1], unknown, good[2]]))
    assert statuses == dict.fromkeys(good, _COURSE)
    assert failures == {"order-17": InvalidInputError, unknown: NotFoundError}


async def test_a_refused_status_check_is_a_failure_of_one_payment_alone(sandbox: Sandbox, even: DollrClient) -> None:
    first, second = await _payments(sandbox, even, 2)
    sandbox.fail(_STATUS, "forbidden")
    statuses, failures = await _all(even.watch_many([first, second]))
    assert failures == {first: PermissionDeniedError}
    assert statuses == {second: _COURSE}


async def test_each_has_the_policys_timeout_from_its_own_start(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    first, second = await _payments(sandbox, even, 2)

    async def arriving() -> AsyncIterator[uuid.UUID]:
        yield first
        await asyncio.sleep(10.0)
        yield second

    ends = {}
    policy = PollPolicy(timeout=20.0)
    async for news in even.watch_many(arriving(), policy=policy):
        if isinstance(news, WatchFailure):
            assert isinstance(news.error, PollTimeoutError)
            assert news.error.last is not None
            assert "has not failed" in str(news.error)
            ends[news.reference_id] = (_now(), news.error.elapsed)
    assert ends == {first: (20.0, 20.0), second: (30.0, 20.0)}


async def test_time_runs_out_even_if_rounding_makes_the_elapsed_time_too_short(
    sandbox: Sandbox, even: DollrClient
) -> None:
    (reference,) = await _payments(sandbox, even, 1)
    await asyncio.sleep(0.25507 - _now())
    limit = 0.3
    assert (_now() + limit) - _now() < limit
    many = even.watch_many([reference], policy=PollPolicy(timeout=limit))
    assert isinstance(await anext(many), StatusChange)
    news = asyncio.create_task(anext(many))
    await asyncio.sleep(limit)
    for _ in range(20):
        await asyncio.sleep(0)
    assert news.done()
    assert isinstance(news.result(), WatchFailure)


async def test_time_runs_out_even_if_nothing_was_ever_seen(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, 503, times=None)
    _, failures = await _all(even.watch_many([REFERENCE], policy=PollPolicy(timeout=9.0)))
    assert failures == {uuid.UUID(REFERENCE): PollTimeoutError}
    assert _now() == 9.0


@pytest.mark.full(reason="it polls for hours of virtual time")
async def test_without_a_timeout_it_waits_for_ever(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    (reference,) = await _payments(sandbox, even, 1)
    task = asyncio.create_task(_all(even.watch_many([reference], policy=PollPolicy(interval=500.0, timeout=None))))
    await asyncio.sleep(50_000.0)
    sandbox.settle(reference)
    statuses, _ = await task
    assert statuses == {reference: ["PENDING", "COMPLETED"]}


@pytest.mark.parametrize("fault", ["drop", 500, 503, 408, "garbage", "cut_body", "rate_limited", 404])
async def test_a_temporary_error_is_no_failure(sandbox: Sandbox, even: DollrClient, fault: str | int) -> None:
    references = await _payments(sandbox, even, 3)
    sandbox.fail(_STATUS, fault, times=4)
    statuses, failures = await _all(even.watch_many(references))
    assert failures == {}
    assert {course[-1] for course in statuses.values()} == {"COMPLETED"}


@pytest.mark.parametrize("wrong", [REFERENCE, uuid.uuid4(), 7, None, b"ids"])
def test_one_reference_is_not_many(wrong: Any) -> None:  # noqa: ANN401 - what a caller might write
    dollr = DollrClient("id", "secret", base_url="http://127.0.0.1:1")
    with pytest.raises(InvalidInputError, match=r"watch_many\(\[reference_id\]\)"):
        dollr.watch_many(wrong)


@pytest.mark.parametrize("at_once", [0, -1, True, 2.5, "10", None])
def test_a_wrong_at_once_is_refused(at_once: Any) -> None:  # noqa: ANN401 - what a caller might write
    dollr = DollrClient("id", "secret", base_url="http://127.0.0.1:1")
    with pytest.raises(InvalidInputError, match="at_once must be a whole number"):
        dollr.watch_many([REFERENCE], at_once=at_once)


@pytest.mark.parametrize("wrong", [7, None, object()])
async def test_an_entry_that_names_no_payment_is_a_failure_of_its_own(even: DollrClient, wrong: Any) -> None:  # noqa: ANN401 - the same
    (news,) = [news async for news in even.watch_many([wrong])]
    assert isinstance(news, WatchFailure)
    assert isinstance(news.error, InvalidInputError)
    assert "uuid.uuid4()" in str(news.error)


async def test_what_the_iterable_raises_is_raised_after_the_changes_seen(sandbox: Sandbox, even: DollrClient) -> None:
    (reference,) = await _payments(sandbox, even, 1)

    async def broken() -> AsyncIterator[uuid.UUID]:
        yield reference
        await asyncio.sleep(1.5)
        message = "the database is gone"
        raise OSError(message)

    seen = []
    many = even.watch_many(broken())

    async def read() -> None:
        async for news in many:
            assert isinstance(news, StatusChange)
            seen.append(news.status)

    with pytest.raises(OSError, match="the database is gone"):
        await read()
    assert seen == ["PENDING"]
    before = len(sandbox.requests)
    await asyncio.sleep(60.0)
    assert len(sandbox.requests) == before
    with pytest.raises(OSError, match="the database is gone") as caught:
        await anext(many)
    lengths = [len(traceback.extract_tb(caught.value.__traceback__))]
    for _ in range(3):
        with pytest.raises(OSError, match="the database is gone") as caught:
            await anext(many)
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(lengths)) == 1  # the same each time, and not longer each time


async def test_an_iterable_that_never_waits_blocks_nothing_and_fills_no_queue(even: DollrClient) -> None:
    read = 0

    async def ready() -> AsyncIterator[str]:
        nonlocal read
        while read < 5_000:
            read += 1
            yield "order-17"

    assert isinstance(await anext(even.watch_many(ready())), WatchFailure)
    assert read < 100


async def test_an_iterable_that_was_cancelled_is_not_the_end(even: DollrClient) -> None:
    async def cancelled() -> AsyncIterator[str]:
        task = asyncio.create_task(asyncio.sleep(60.0))
        asyncio.get_running_loop().call_later(1.0, task.cancel)
        await task
        yield REFERENCE

    with pytest.raises(asyncio.CancelledError):
        await anext(even.watch_many(cancelled()))


# What is yielded


async def test_every_change_of_each_payment_from_the_present_state_to_the_final_one(
    sandbox: Sandbox, even: DollrClient
) -> None:
    references = await _payments(sandbox, even, 40)
    changes: dict[uuid.UUID, list[tuple[str, str | None, bool]]] = {}
    async for news in even.watch_many(references):
        assert isinstance(news, StatusChange)
        assert news.execution.reference_id == str(news.reference_id)
        assert news.at.tzinfo is UTC
        changes.setdefault(news.reference_id, []).append((news.status, news.previous, news.is_final))
    course = [("PENDING", None, False), ("PROCESSING", "PENDING", False), ("COMPLETED", "PROCESSING", True)]
    assert changes == dict.fromkeys(references, course)
    assert len(_polls(sandbox)) == 3 * 40


async def test_no_payments_at_all_end_at_once(sandbox: Sandbox, even: DollrClient) -> None:
    many = even.watch_many([])
    assert [news async for news in many] == []
    with pytest.raises(StopAsyncIteration):
        await anext(many)
    assert sandbox.requests == []


async def test_failed_is_a_change_like_any(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("decline")
    references = await _payments(sandbox, even, 2)
    statuses, failures = await _all(even.watch_many(references))
    assert {course[-1] for course in statuses.values()} == {"FAILED"}
    assert failures == {}


async def test_a_reference_that_is_named_twice_is_followed_once(sandbox: Sandbox, even: DollrClient) -> None:
    (reference,) = await _payments(sandbox, even, 1)
    statuses, _ = await _all(even.watch_many([reference, str(reference), reference]))
    assert statuses == {reference: _COURSE}
    assert _polls(sandbox) == [0.0, 2.0, 4.0]


async def test_handles_and_other_kinds_are_followed_too(sandbox: Sandbox, even: DollrClient) -> None:
    collection, paid_out = await collect(even), await payout(even)
    sandbox.requests.clear()
    entries: list[Followable] = [collection, paid_out, PaymentToWatch(REFERENCE, "refund")]
    statuses, failures = await _all(even.watch_many(entries))
    assert set(statuses) == {collection.reference_id, paid_out.reference_id}
    assert failures == {uuid.UUID(REFERENCE): NotFoundError}
    asked = {request.operation for request in sandbox.requests}
    assert asked == {"get_collection_status", "get_payout_status", "get_refund_status"}


async def test_references_are_read_as_they_come(sandbox: Sandbox, even: DollrClient) -> None:
    queue: asyncio.Queue[uuid.UUID | None] = asyncio.Queue()

    async def arriving() -> AsyncIterator[uuid.UUID]:
        while (reference := await queue.get()) is not None:
            yield reference

    task = asyncio.create_task(_all(even.watch_many(arriving())))
    await asyncio.sleep(100.0)
    for _ in range(3):
        queue.put_nowait((await collect(even)).reference_id)
        await asyncio.sleep(20.0)
    queue.put_nowait(None)
    statuses, _ = await task
    assert list(statuses.values()) == [_COURSE] * 3


async def test_what_the_journal_lists_as_unfinished_is_followed(sandbox: Sandbox) -> None:
    journal = MemoryJournal()
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        references = {(await collect(dollr)).reference_id for _ in range(3)}
    async with DollrClient(**sandbox.settings, journal=journal, polling=_EVEN) as dollr:
        statuses, failures = await _all(dollr.watch_many(dollr.unfinished()))
        assert set(statuses) == references
        assert failures == {}
        assert [payment async for payment in dollr.unfinished()] == []


# How often it polls


async def test_a_slow_reader_gets_the_latest_state_and_never_a_queue_of_old_ones(
    sandbox: Sandbox, even: DollrClient
) -> None:
    references = await _payments(sandbox, even, 5)
    seen: list[str] = []
    async for news in even.watch_many(references):
        assert isinstance(news, StatusChange)
        seen.append(news.status)
        await asyncio.sleep(30.0)
    assert Counter(seen)["COMPLETED"] == 5
    assert len(seen) <= 10


async def test_a_slow_reader_delays_no_other(sandbox: Sandbox, even: DollrClient) -> None:
    references = await _payments(sandbox, even, 5)

    async def slowly() -> None:
        async for _ in even.watch_many(references):
            await asyncio.sleep(1_000.0)

    slow = asyncio.create_task(slowly())
    statuses, _ = await _all(even.watch_many(references))
    assert {course[-1] for course in statuses.values()} == {"COMPLETED"}
    assert _now() < 10.0
    slow.cancel()
    await asyncio.wait([slow])


async def test_single_watches_and_merged_ones_share_their_polls(sandbox: Sandbox, even: DollrClient) -> None:
    references = await _payments(sandbox, even, 3)
    await asyncio.gather(
        _all(even.watch_many(references)),
        _all(even.watch_many(reversed(references))),
        *(even.wait(reference) for reference in references),
    )
    assert len(_polls(sandbox)) == 9


async def test_leaving_the_loop_leaves_nothing_behind(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    references = await _payments(sandbox, even, 5)
    async for _ in even.watch_many(references):
        break
    gc.collect()
    await asyncio.sleep(1.0)
    before = len(sandbox.requests)
    assert {name for name in _task_names() if "dollr_async" in name} == {"dollr_async token refresh"}
    await asyncio.sleep(300.0)
    assert len(sandbox.requests) == before


async def test_an_iterator_that_is_kept_polls_nothing_until_it_is_awaited_again(
    sandbox: Sandbox, even: DollrClient
) -> None:
    references = await _payments(sandbox, even, 5)
    many = even.watch_many(references)
    await anext(many)
    await asyncio.sleep(0.5)
    before = len(sandbox.requests)
    await asyncio.sleep(300.0)
    assert len(sandbox.requests) == before
    statuses, _ = await _all(many)
    assert {course[-1] for course in statuses.values()} == {"COMPLETED"}
    assert len(statuses) == 5


async def test_nothing_more_is_read_once_the_loop_is_left(even: DollrClient) -> None:
    read = []

    def endless() -> Iterator[uuid.UUID]:
        while True:
            read.append(uuid.uuid4())
            yield read[-1]

    many = even.watch_many(endless(), policy=PollPolicy(timeout=5.0), at_once=100)
    await anext(many)
    before = len(read)
    await asyncio.sleep(100.0)
    assert len(read) == before == 100


async def test_no_more_than_at_once_are_followed(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    references = await _payments(sandbox, even, 21)
    _, failures = await _all(even.watch_many(references, policy=PollPolicy(timeout=5.0), at_once=7))
    assert failures == dict.fromkeys(references, PollTimeoutError)
    assert _now() == 15.0
    for began in (0.0, 5.0, 10.0):
        asked = {request.path for request in sandbox.requests if began <= request.second < began + 5.0}
        assert len(asked) == 7


async def test_cancelling_one_leaves_the_others(sandbox: Sandbox, even: DollrClient) -> None:
    references = await _payments(sandbox, even, 4)
    many = [asyncio.create_task(_all(even.watch_many(references))) for _ in range(3)]
    await asyncio.sleep(1.0)
    many[1].cancel()
    ends = await asyncio.gather(*many, return_exceptions=True)
    assert isinstance(ends[1], asyncio.CancelledError)
    assert ends[0] == ends[2] == (dict.fromkeys(references, _COURSE), {})


async def test_an_iterator_whose_task_was_cancelled_goes_on_where_it_was(sandbox: Sandbox, even: DollrClient) -> None:
    references = await _payments(sandbox, even, 2)
    many = even.watch_many(references)
    first = [await anext(many), await anext(many)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(many), 1.0)
    statuses, _ = await _all(many)
    assert {news.reference_id for news in first} == set(references)
    assert statuses == dict.fromkeys(references, _COURSE[1:])


async def test_closing_the_client_ends_it(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    async with DollrClient(**sandbox.settings) as dollr:
        references = await _payments(sandbox, dollr, 3)
        tasks = [
            asyncio.create_task(_all(dollr.watch_many(references))),
            asyncio.create_task(dollr.wait(references[0])),
        ]
        await asyncio.sleep(5.5)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [ConfigurationError, ConfigurationError]
    with pytest.raises(ConfigurationError, match="closed"):
        await _all(dollr.watch_many(references))


@pytest.mark.parametrize("references", [[], ["order-17"], [REFERENCE]])
async def test_a_closed_client_follows_nothing_whatever_it_is_given(sandbox: Sandbox, references: list[str]) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        pass
    with pytest.raises(ConfigurationError, match="closed"):
        await anext(dollr.watch_many(references))


async def _waiting_for_ever() -> AsyncIterator[uuid.UUID]:
    await asyncio.get_running_loop().create_future()
    yield uuid.uuid4()


async def test_a_closed_client_does_not_wait_for_a_reference(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        pass
    with pytest.raises(ConfigurationError, match="closed"):
        await asyncio.wait_for(anext(dollr.watch_many(_waiting_for_ever())), 10.0)


@pytest.mark.real_time
def test_it_cannot_be_awaited_in_another_event_loop() -> None:
    dollr = DollrClient("id", "secret", base_url="http://127.0.0.1:1")
    many = dollr.watch_many(_waiting_for_ever())

    async def a_while() -> object:
        return await asyncio.wait_for(anext(many), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(a_while())
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(a_while())


# The ceiling, and the ages


@pytest.mark.full(reason="it polls for hours of virtual time")
async def test_the_ceiling_of_the_client_holds_for_all_that_it_follows(sandbox: Sandbox) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1.0, final=100.0))
    async with DollrClient(**sandbox.settings, max_polls_per_second=5, polling=_EVEN) as dollr:
        references = await _payments(sandbox, dollr, 60)
        await asyncio.gather(
            _all(dollr.watch_many(references[:50])), *(dollr.wait(reference) for reference in references[50:])
        )
    polls = _polls(sandbox)
    assert all(sum(first <= at < first + 1.0 for at in polls) <= 6 for first in polls)
    assert len(polls) >= 5 * 99


async def test_at_the_ceiling_new_payments_come_first_and_old_ones_are_not_forgotten(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    async with DollrClient(**sandbox.settings, max_polls_per_second=4, polling=PollPolicy(timeout=300.0)) as dollr:
        references = await _payments(sandbox, dollr, 44)
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
        old = [PaymentToWatch(reference, began_at=an_hour_ago) for reference in references[:40]]
        task = asyncio.create_task(_all(dollr.watch_many(old)))
        await asyncio.sleep(30.0)
        began = _now()
        newer = asyncio.create_task(_all(dollr.watch_many(references[40:])))
        await asyncio.sleep(60.0)
        polls = Counter(request.path.rsplit("/", 1)[1] for request in sandbox.requests if request.second >= began)
        task.cancel()
        newer.cancel()
        await asyncio.wait([task, newer])
    assert min(polls[str(reference)] for reference in references[40:]) >= 10
    assert sum(polls[str(reference)] for reference in references[:40]) >= 100


@pytest.mark.full(reason="it polls for hours of virtual time")
async def test_a_payment_of_yesterday_is_polled_while_new_ones_fill_the_ceiling(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    polling = PollPolicy(timeout=1_200.0)
    async with DollrClient(**sandbox.settings, max_polls_per_second=2, polling=polling) as dollr:
        old, *new = await _payments(sandbox, dollr, 15)  # the new ones alone want 2.8 polls in a second
        yesterday = PaymentToWatch(old, began_at=datetime.now(UTC) - timedelta(days=1))
        await _all(dollr.watch_many([yesterday, *new]))
        polls = Counter(request.path.rsplit("/", 1)[1] for request in sandbox.requests_to(_STATUS))
    assert polls[str(old)] >= 3  # the first of them without a place in the queue
    assert min(polls[str(reference)] for reference in new) >= 150


@pytest.mark.parametrize("wrong", [0, -1, True, "5", float("inf"), float("nan"), 10**400])
def test_a_wrong_ceiling_is_refused(wrong: Any) -> None:  # noqa: ANN401 - what a caller might write
    with pytest.raises(InvalidInputError, match="max_polls_per_second must be a number above 0"):
        DollrClient("id", "secret", max_polls_per_second=wrong)


async def test_timeouts_count_while_the_reader_is_busy(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    references = await _payments(sandbox, even, 3)
    watch = even.watch_many(references, policy=PollPolicy(timeout=60.0))
    assert {(await anext(watch)).reference_id for _ in references} == set(references)
    sandbox.requests.clear()
    await asyncio.sleep(61.0)
    failures = [news async for news in watch]
    assert {type(news.error) for news in failures if isinstance(news, WatchFailure)} == {PollTimeoutError}
    assert (len(failures), _polls(sandbox)) == (3, [])


async def test_one_429_pauses_every_poll(sandbox: Sandbox, even: DollrClient) -> None:
    references = await _payments(sandbox, even, 10)
    task = asyncio.create_task(_all(even.watch_many(references)))
    await asyncio.sleep(1.0)
    sandbox.fail(_STATUS, Fault.rate_limited(30))
    statuses, failures = await task
    assert failures == {}
    assert {course[-1] for course in statuses.values()} == {"COMPLETED"}
    assert [at for at in _polls(sandbox) if 2.5 < at < 31.9] == []


async def test_a_restarted_process_does_not_take_old_payments_for_new_ones(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    journal = MemoryJournal()
    polling = PollPolicy(jitter=0.0, timeout=21.0)
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        collection = await collect(dollr)
        entry = await journal.read(collection.reference_id)
        assert entry is not None
    async with DollrClient(**sandbox.settings, journal=_Aged(journal, 600.0), polling=polling) as dollr:
        sandbox.requests.clear()
        await _all(dollr.watch_many([collection.reference_id]))
        assert _polls(sandbox) == [0.0, 5.0, 10.0, 15.0, 20.0]


class _Aged(MemoryJournal):
    """A journal whose payments began some time ago."""

    def __init__(self, journal: MemoryJournal, seconds: float) -> None:
        super().__init__()
        self._other = journal
        self._seconds = seconds

    async def read(self, reference_id: uuid.UUID) -> Any:  # noqa: ANN401 - an entry, or none
        entry = await self._other.read(reference_id)
        return (
            None if entry is None else attrs.evolve(entry, began_at=entry.began_at - timedelta(seconds=self._seconds))
        )


# Size


async def test_many_are_followed_without_a_task_for_each(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail(_STATUS, Fault.answer(200, _still_processing()), times=None)
    references = [uuid.uuid4() for _ in range(300)]
    most = 0
    seen = 0
    async for _ in even.watch_many(references, policy=PollPolicy(timeout=60.0)):
        seen += 1
        most = max(most, sum("dollr_async" in name for name in _task_names()))
        if seen == 300:
            break
    assert most <= 66


def _still_processing() -> dict[str, object]:
    return {
        "reference_id": REFERENCE,
        "status": "PROCESSING",
        "payer_amount": 1,
        "payer_currency": "USD",
        "payee_amount": 1,
        "payee_currency": "USD",
        "operation_type": "COLLECTION",
    }


def test_a_payment_to_watch_says_what_is_wrong_with_it() -> None:
    with pytest.raises(InvalidInputError, match="has no time zone"):
        PaymentToWatch(REFERENCE, began_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the refused form
    payment = PaymentToWatch(REFERENCE, "payout")
    assert (payment.reference_id, payment.kind) == (uuid.UUID(REFERENCE), ExecutionKind.PAYOUT)


async def test_one_state_of_each_payment_is_kept_however_often_it_is_polled(
    sandbox: Sandbox, even: DollrClient
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1.0, final=100.0))
    references = await _payments(sandbox, even, 20)
    many = even.watch_many(references)
    for _ in 2 * references:
        await anext(many)  # each is PENDING, and then PROCESSING
    waiting = asyncio.create_task(anext(many))
    await asyncio.sleep(20.0)
    assert len(_polls(sandbox)) > 8 * len(references)
    gc.collect()
    # Of these payments alone: other tests of this process may have left some.
    kept = Counter(str(found.reference_id) for found in gc.get_objects() if type(found) is Execution)
    assert [kept[str(reference)] for reference in references] == [1] * len(references)
    waiting.cancel()
    await asyncio.wait([waiting])
