"""One status check of a payment, for a caller that schedules the next one elsewhere."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from dollr_async import (
    Collection,
    DollrClient,
    ExecutionKind,
    InvalidInputError,
    NotFoundError,
    PollPolicy,
    RateLimitError,
    RealtimeSettings,
    ServerError,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import AfterSeconds, Fault
from tests.support.collections import collect
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox import Sandbox

_STEADY = PollPolicy(jitter=0)
_RARELY = PollPolicy(interval=50.0, max_interval=50.0, jitter=0.0)


async def _changes(collection: Collection) -> list[tuple[str, float]]:
    return [(change.status, round(asyncio.get_running_loop().time(), 1)) async for change in collection]


async def test_an_unknown_reference_is_not_there_yet_and_later_not_found(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, polling=_STEADY) as dollr:
        check = await dollr.check(uuid4(), age=30.0)
        assert (check.execution, check.is_final, check.next_in) == (None, False, 5.0)
        with pytest.raises(NotFoundError):
            await dollr.check(uuid4(), age=30.1)


async def test_the_next_check_is_due_by_the_age_and_none_is_after_the_final_status(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, polling=_STEADY) as dollr:
        reference_id = (await collect(dollr)).reference_id
        new, old = await dollr.check(reference_id), await dollr.check(str(reference_id), age=600)
        assert (new.next_in, old.next_in) == (2.0, 5.0)
        assert new.execution is not None
        assert new.execution.status == "PENDING"
        await asyncio.sleep(10)
        done = await dollr.check(reference_id, age=10)
        assert (done.is_final, done.next_in) == (True, None)


async def test_a_check_that_fails_says_nothing_about_the_payment(sandbox: Sandbox, dollr: DollrClient) -> None:
    reference_id = (await collect(dollr)).reference_id
    sandbox.fail("status.collection", 503)
    with pytest.raises(ServerError):
        await dollr.check(reference_id)
    assert len(sandbox.requests_to("status.collection")) == 1


async def test_other_kinds_are_checked_by_their_own_operation(sandbox: Sandbox, dollr: DollrClient) -> None:
    payment = await payout(dollr)
    check = await dollr.check(payment.reference_id, "payout")
    assert check.execution is not None


async def test_a_final_status_is_kept_in_the_journal(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        reference_id = (await collect(dollr)).reference_id
        await asyncio.sleep(10)
        assert (await dollr.check(reference_id)).is_final
        assert [payment async for payment in dollr.unfinished()] == []


@pytest.mark.parametrize("age", [-1, math.nan, math.inf, True, "5", None, 10**400])
async def test_a_wrong_age_is_refused(sandbox: Sandbox, dollr: DollrClient, age: Any) -> None:  # noqa: ANN401 - what a caller might write
    with pytest.raises(InvalidInputError, match="age must be a number of seconds"):
        await dollr.check(uuid4(), age=age)
    assert sandbox.requests == []


# Beside watches of the same payment


@pytest.fixture
async def by_push(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """A client that polls so rarely that a change that is seen earlier was not polled."""
    realtime = RealtimeSettings(**sandbox.realtime)
    async with DollrClient(**sandbox.settings, polling=_RARELY, realtime=realtime) as dollr:
        yield dollr


async def test_a_watch_yields_at_once_what_a_check_saw(sandbox: Sandbox, by_push: DollrClient) -> None:
    sandbox.set_settlement(AfterSeconds(processing=10.0, final=20.0))
    sandbox.silence_realtime("changes")
    collection = await collect(by_push)
    task = asyncio.create_task(_changes(collection))
    await asyncio.sleep(12.0)
    assert (await by_push.check(collection.reference_id)).next_in is not None
    await asyncio.sleep(10.0)
    assert (await by_push.check(collection.reference_id)).is_final
    assert await task == [("PENDING", 0.0), ("PROCESSING", 12.0), ("COMPLETED", 22.0)]
    await asyncio.sleep(0.1)
    assert sandbox.realtime_counts.channels == 0


async def test_the_same_answer_again_is_the_same_object_again(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_settlement(AfterSeconds(processing=10.0, final=20.0))
    collection = await collect(dollr)
    first = (await dollr.check(collection.reference_id)).execution
    assert (await dollr.check(collection.reference_id)).execution is first
    await asyncio.sleep(12.0)
    later = (await dollr.check(collection.reference_id)).execution
    assert later is not None
    assert (later.status, later is first) == ("PROCESSING", False)


async def test_a_check_of_a_payment_that_nobody_watches_leaves_nothing_behind(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    sandbox.set_outcome("stay_pending")
    reference_id = (await collect(dollr)).reference_id
    assert (await dollr.check(reference_id)).next_in is not None
    assert len(dollr._registry._payments[ExecutionKind.COLLECTION]) == 0
    sandbox.requests.clear()
    await asyncio.sleep(100.0)
    assert sandbox.requests == []


async def test_a_check_waits_neither_for_the_ceiling_nor_for_the_pause_after_a_429(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    async with DollrClient(**sandbox.settings, max_polls_per_second=0.1, polling=_STEADY) as dollr:
        collection = await collect(dollr)
        sandbox.fail("status.collection", Fault.rate_limited(300), times=2)
        task = asyncio.create_task(collection.wait())
        await asyncio.sleep(5.0)
        with pytest.raises(RateLimitError) as caught:
            await dollr.check(collection.reference_id)
        assert caught.value.retry_after == 300
        sandbox.requests.clear()
        for _ in range(10):
            await dollr.check(collection.reference_id)
        assert {round(request.second) for request in sandbox.requests_to("status.collection")} == {5}
        task.cancel()
        await asyncio.wait([task])
