"""Collections followed by push beside polling, on real websockets: what is yielded, and every way to lose push."""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    DollrClient,
    ExecutionKind,
    InvalidInputError,
    PollPolicy,
    PollTimeoutError,
    RealtimeSettings,
    StatusChange,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import AfterSeconds, Quirks, Sandbox
from tests.conftest import check_requests
from tests.support.collections import collect, operations
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract import Contract

_RARELY = PollPolicy(interval=50.0, max_interval=50.0, jitter=0.0)
"""Polling that is so slow that a change that is seen earlier was pushed."""

_STATUS = "get_collection_status"
_COURSE = ["PENDING", "PROCESSING", "COMPLETED"]


@asynccontextmanager
async def _client(sandbox: Sandbox, polling: PollPolicy = _RARELY, **more: Any) -> AsyncIterator[DollrClient]:  # noqa: ANN401 - passed on as they are
    settings = RealtimeSettings(**sandbox.realtime, **more.pop("realtime", {}))
    async with DollrClient(**sandbox.settings, polling=polling, realtime=settings, **more) as dollr:
        yield dollr


@pytest.fixture
async def slow(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose payments are PROCESSING after ten seconds, and final after twenty."""
    sandbox.set_settlement(AfterSeconds(processing=10.0, final=20.0))
    return sandbox


def _now() -> float:
    return asyncio.get_running_loop().time()


def _polls(sandbox: Sandbox) -> list[float]:
    return [request.second for request in sandbox.requests_to(_STATUS)]


async def _changes(watch: AsyncIterator[StatusChange]) -> list[tuple[str, float]]:
    return [(change.status, round(_now(), 1)) async for change in watch]


async def _statuses(watch: AsyncIterator[StatusChange]) -> list[str]:
    return [status for status, _ in await _changes(watch)]


# What push is for


async def test_changes_are_seen_when_they_are_pushed(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        changes = await _changes(aiter(await collect(dollr)))
    assert changes == [("PENDING", 0.0), ("PROCESSING", 10.0), ("COMPLETED", 20.0)]


async def test_push_begins_after_the_charge_and_a_poll_follows(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        collection = await collect(dollr)
        assert "get_collection_realtime_key" not in operations(slow)
        await _changes(aiter(collection))
        sent = operations(slow)
    after = sent[sent.index("collect") + 1 :]
    assert after[0] == "get_collection_realtime_key"
    assert after[1:] == [_STATUS] * len(after[1:])
    assert _polls(slow)[0] < 1.0
    assert len(_polls(slow)) <= 4  # after the join, and at each change


@pytest.mark.parametrize(("longest", "expected"), [(5.0, [30.0, 60.0, 90.0]), (45.0, [45.0, 90.0])])
async def test_while_it_is_live_polling_is_slow(sandbox: Sandbox, longest: float, expected: list[float]) -> None:
    sandbox.set_outcome("stay_pending")
    policy = PollPolicy(interval=longest, max_interval=longest, jitter=0.0, timeout=100.0)
    async with _client(sandbox, policy, realtime={"poll_interval": 30.0}) as dollr:
        with pytest.raises(PollTimeoutError):
            await (await collect(dollr)).wait()
    late = [at for at in _polls(sandbox) if at > 1.0]
    assert late == pytest.approx(expected, abs=1.0)


# What is pushed is not trusted


@pytest.mark.parametrize(
    "row", [{"status": "COMPLETED"}, {"status": "FAILED"}, {}, {"status": None}, {"reference_id": "another"}]
)
async def test_a_pushed_row_is_a_hint_and_the_status_check_decides(slow: Sandbox, row: dict[str, object]) -> None:
    async with _client(slow) as dollr:
        collection = await collect(dollr)
        task = asyncio.create_task(_changes(aiter(collection)))
        await asyncio.sleep(5.0)
        before = len(_polls(slow))
        assert slow.push_row(collection.reference_id, row) == 1
        await asyncio.sleep(0.5)
        assert len(_polls(slow)) == before + 1
        assert await task == [("PENDING", 0.0), ("PROCESSING", 10.0), ("COMPLETED", 20.0)]


_GARBAGE = {
    "nothing": "",
    "text": "not JSON",
    "a list": "[]",
    "a number": "7",
    "a topic that is not text": '{"topic": 5}',
    "another topic": '{"topic":"realtime:other","event":"postgres_changes","payload":{},"ref":null}',
    "nested deeply": "[" * 5_000,
    "large": "x" * 100_000,
    "bytes": b"\x00\xff",
}


@pytest.mark.parametrize("frame", _GARBAGE.values(), ids=_GARBAGE)
async def test_garbage_on_the_socket_does_no_harm(slow: Sandbox, frame: str | bytes) -> None:
    async with _client(slow) as dollr:
        task = asyncio.create_task(_changes(aiter(await collect(dollr))))
        await asyncio.sleep(5.0)
        slow.send_realtime(frame)
        assert await task == [("PENDING", 0.0), ("PROCESSING", 10.0), ("COMPLETED", 20.0)]
        assert slow.realtime_counts.connects == 1


async def test_a_message_of_any_size_ends_one_connection_at_most(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        task = asyncio.create_task(_statuses(aiter(await collect(dollr))))
        await asyncio.sleep(5.0)
        slow.send_realtime("x" * 5_000_000)
        assert await task == _COURSE
        assert _now() < 30.0


# Every way to lose push


async def test_without_a_connection_polling_finds_the_same_changes(sandbox: Sandbox) -> None:
    sandbox.refuse_realtime()
    async with _client(sandbox, PollPolicy(jitter=0.0)) as dollr:
        assert await _statuses(aiter(await collect(dollr))) == _COURSE
    assert sandbox.realtime_counts.connects == 0


async def test_an_address_where_no_server_listens_changes_nothing(sandbox: Sandbox) -> None:
    realtime = RealtimeSettings("http://127.0.0.1:9", "anon")
    async with DollrClient(**sandbox.settings, realtime=realtime) as dollr:
        assert await _statuses(aiter(await collect(dollr))) == _COURSE


@pytest.mark.parametrize("code", [None, 1000, 1012])
async def test_a_dropped_connection_is_replaced_and_joined_with_a_fresh_key(slow: Sandbox, code: int | None) -> None:
    async with _client(slow) as dollr:
        task = asyncio.create_task(_changes(aiter(await collect(dollr))))
        await asyncio.sleep(5.0)
        slow.drop_realtime(code)
        changes = await task
    assert changes == [("PENDING", 0.0), ("PROCESSING", 10.0), ("COMPLETED", 20.0)]
    assert slow.realtime_counts.connects == 2
    assert len(slow.requests_to("get_collection_realtime_key")) == 2


async def test_a_lost_channel_is_a_reason_to_poll_at_once(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        task = asyncio.create_task(_changes(aiter(await collect(dollr))))
        await asyncio.sleep(9.5)
        slow.silence_realtime("changes")
        await asyncio.sleep(2.0)
        slow.refuse_realtime()
        slow.drop_realtime()
        await asyncio.sleep(0.5)
        assert any(11.4 < at < 11.7 for at in _polls(slow))
        slow.restore_realtime()
        changes = await task
    assert [status for status, _ in changes] == _COURSE
    assert changes[1][1] <= 11.7


async def test_an_outage_of_a_minute_loses_no_change(sandbox: Sandbox) -> None:
    sandbox.set_settlement(AfterSeconds(processing=30.0, final=100.0))
    async with _client(sandbox, PollPolicy(jitter=0.0)) as dollr:
        task = asyncio.create_task(_changes(aiter(await collect(dollr))))
        await asyncio.sleep(10.0)
        sandbox.refuse_realtime(seconds=60.0)
        sandbox.drop_realtime()
        changes = await task
    assert [status for status, _ in changes] == _COURSE
    assert changes[1][1] <= 36.0  # polled, as long as there is no push
    assert changes[2] == ("COMPLETED", 100.0)  # and pushed again
    assert sandbox.realtime_counts.channels == 0


async def test_the_connection_to_a_silent_server_is_replaced(sandbox: Sandbox) -> None:
    sandbox.set_settlement(AfterSeconds(processing=120.0, final=240.0))
    async with _client(sandbox) as dollr:
        task = asyncio.create_task(_changes(aiter(await collect(dollr))))
        await asyncio.sleep(5.0)
        sandbox.silence_realtime("all")
        await asyncio.sleep(40.0)
        sandbox.restore_realtime()
        changes = await task
    assert changes == [("PENDING", 0.0), ("PROCESSING", 120.0), ("COMPLETED", 240.0)]
    assert sandbox.realtime_counts.connects >= 2


async def test_a_silent_server_is_noticed_within_36_seconds_and_a_poll_follows(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    policy = PollPolicy(interval=500.0, max_interval=500.0, jitter=0.0, timeout=120.0)
    async with _client(sandbox, policy) as dollr:
        task = asyncio.create_task((await collect(dollr)).wait())
        await asyncio.sleep(15.5)  # just after a heartbeat was answered, which is the worst moment
        silent_since = _now()
        sandbox.silence_realtime("all")
        with pytest.raises(PollTimeoutError):
            await task
        (poll,) = [at for at in _polls(sandbox) if at > 1.0]
        assert 34.0 < poll - silent_since <= 36.0


async def test_changes_that_are_not_pushed_are_polled(slow: Sandbox) -> None:
    slow.silence_realtime("changes")
    async with _client(slow, PollPolicy(jitter=0.0), realtime={"poll_interval": 8.0}) as dollr:
        changes = await _changes(aiter(await collect(dollr)))
    assert [status for status, _ in changes] == _COURSE
    assert changes[-1][1] <= 28.1


async def test_a_change_between_the_join_and_the_subscription_is_not_missed() -> None:
    async with Sandbox(quirks=Quirks(subscription_lag=12.0)) as sandbox:
        sandbox.set_settlement(AfterSeconds(processing=10.0, final=11.0))
        async with _client(sandbox) as dollr:
            changes = await _changes(aiter(await collect(dollr)))
        assert changes[-1][0] == "COMPLETED"
        assert changes[-1][1] <= 12.5


@pytest.mark.parametrize("after_reply", [False, True])
async def test_a_refused_join_is_retried(slow: Sandbox, after_reply: bool) -> None:  # noqa: FBT001 - a parameter of the test
    slow.refuse_joins(2, after_reply=after_reply)
    async with _client(slow) as dollr:
        assert (await _changes(aiter(await collect(dollr))))[-1] == ("COMPLETED", 20.0)
    counts = slow.realtime_counts
    assert counts.joins + counts.refused_joins == 3


async def test_an_expired_key_is_replaced(sandbox: Sandbox) -> None:
    sandbox.set_settlement(AfterSeconds(processing=30.0, final=60.0))
    async with _client(sandbox) as dollr:
        task = asyncio.create_task(_changes(aiter(await collect(dollr))))
        await asyncio.sleep(20.0)
        sandbox.expire_realtime_keys()
        assert await task == [("PENDING", 0.0), ("PROCESSING", 30.0), ("COMPLETED", 60.0)]


async def test_a_payment_that_outlives_many_keys_is_followed_by_push_to_its_end(contract: Contract) -> None:
    async with Sandbox(realtime_key_lifetime=60.0) as sandbox:
        sandbox.set_settlement(AfterSeconds(processing=200.0, final=500.0))
        async with _client(sandbox) as dollr:
            changes = await _changes(aiter(await collect(dollr)))
        assert changes == [("PENDING", 0.0), ("PROCESSING", 200.0), ("COMPLETED", 500.0)]
        check_requests(sandbox, contract)


@pytest.mark.parametrize("fault", [403, 404, 422])
async def test_without_a_key_the_payment_is_polled(sandbox: Sandbox, fault: int) -> None:
    sandbox.fail("get_collection_realtime_key", fault, times=None)
    async with _client(sandbox, PollPolicy(jitter=0.0)) as dollr:
        assert await _statuses(aiter(await collect(dollr))) == _COURSE
    assert len(sandbox.requests_to("get_collection_realtime_key")) == 1


async def test_a_refused_key_is_requested_again_by_the_next_follower(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    sandbox.fail("get_collection_realtime_key", 403)
    async with _client(sandbox, PollPolicy(jitter=0.0, timeout=60.0)) as dollr:
        collection = await collect(dollr)
        for pause, keys in ((4.0, 1), (6.0, 1), (0.0, 2)):
            with pytest.raises(PollTimeoutError):
                await collection.wait(20.0)
            assert len(sandbox.requests_to("get_collection_realtime_key")) == keys
            await asyncio.sleep(pause)


@pytest.mark.parametrize("fault", ["drop", 500, 503, "garbage", "rate_limited"])
async def test_a_key_that_could_not_be_fetched_is_requested_again(slow: Sandbox, fault: str | int) -> None:
    slow.fail("get_collection_realtime_key", fault, times=2)
    async with _client(slow) as dollr:
        assert (await _changes(aiter(await collect(dollr))))[-1] == ("COMPLETED", 20.0)


# Which payments are followed by push


async def test_payments_of_another_process_are_followed_by_push_if_a_journal_knows_them(slow: Sandbox) -> None:
    journal = MemoryJournal()
    async with DollrClient(**slow.settings, journal=journal) as first:
        reference_id = (await collect(first)).reference_id
    async with _client(slow, journal=journal) as dollr:
        assert (await _changes(dollr.watch(reference_id)))[-1] == ("COMPLETED", 20.0)
    assert slow.realtime_counts.joins == 1


async def test_without_a_journal_a_reference_alone_is_polled(slow: Sandbox) -> None:
    async with DollrClient(**slow.settings) as first:
        reference_id = (await collect(first)).reference_id
    async with _client(slow) as dollr:
        assert await _statuses(dollr.watch(reference_id)) == ["PENDING", "COMPLETED"]
    assert slow.realtime_counts.connects == 0


async def test_other_kinds_are_polled(sandbox: Sandbox) -> None:
    async with _client(sandbox, PollPolicy(jitter=0.0)) as dollr:
        await (await payout(dollr)).wait()
    assert sandbox.realtime_counts.connects == 0


async def test_many_are_followed_on_one_connection(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        collections = await asyncio.gather(*(collect(dollr) for _ in range(30)))
        ends = {}
        async for news in dollr.watch_many(collections):
            assert isinstance(news, StatusChange)
            if news.is_final:
                ends[news.reference_id] = round(_now(), 1)
        assert ends == {collection.reference_id: 20.0 for collection in collections}
        assert slow.realtime_counts.joins == 30
        assert slow.realtime_counts.connects == 1


async def test_payments_without_a_channel_are_polled_until_there_is_one(sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    async with _client(sandbox, PollPolicy(jitter=0.0), realtime={"max_channels": 1}) as dollr:
        first, second = await collect(dollr), await collect(dollr)
        tasks = [asyncio.create_task(_changes(aiter(one))) for one in (first, second)]
        await asyncio.sleep(20.0)
        assert sandbox.realtime_counts.channels == 1
        assert len(_polls(sandbox)) >= 4
        sandbox.settle(first.reference_id)
        await asyncio.sleep(20.0)
        assert sandbox.realtime_counts.joins == 2
        sandbox.settle(second.reference_id)
        changes = await asyncio.gather(*tasks)
    assert [each[-1] for each in changes] == [("COMPLETED", 20.0), ("COMPLETED", 40.0)]


async def test_watchers_of_one_payment_share_its_channel(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        collection = await collect(dollr)
        changes = await asyncio.gather(*(_changes(aiter(collection)) for _ in range(20)))
        assert {each[-1] for each in changes} == {("COMPLETED", 20.0)}
        assert slow.realtime_counts.joins == 1


# Nothing is left behind


async def test_leaving_the_loop_closes_the_channel_and_then_the_connection(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        collection = await collect(dollr)
        async for change in collection:
            if change.status == "PROCESSING":
                break
        await asyncio.sleep(30.0)
        assert slow.realtime_counts.channels == 0
        assert slow.realtime_counts.sockets == 0
        polls = len(_polls(slow))
        await asyncio.sleep(300.0)
        assert len(_polls(slow)) == polls
        assert await _statuses(aiter(collection)) == ["PROCESSING", "COMPLETED"]  # and back again


async def test_a_busy_reader_keeps_its_channel(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        async for _ in await collect(dollr):
            await asyncio.sleep(3.0)
    assert slow.realtime_counts.joins == 1


async def test_the_final_status_of_a_payment_closes_its_channel_at_once(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        await (await collect(dollr)).wait()
        await asyncio.sleep(0.1)
        assert slow.realtime_counts.channels == 0


async def test_a_payment_that_nobody_holds_is_forgotten(slow: Sandbox) -> None:
    async with _client(slow) as dollr:
        collection = await collect(dollr)
        watch = aiter(collection)
        await anext(watch)
        await anext(watch)
        del collection, watch
        await asyncio.sleep(100.0)
        gc.collect()
        assert len(dollr._registry._payments[ExecutionKind.COLLECTION]) == 0


@pytest.mark.parametrize("seconds", [0.0, 0.001, 1.0, 15.0])
async def test_closing_the_client_leaves_nothing_and_logs_no_warning(
    slow: Sandbox, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    async with _client(slow) as dollr:
        task = asyncio.create_task((await collect(dollr)).wait())
        await asyncio.sleep(seconds)
    await asyncio.wait([task])
    assert task.exception() is not None
    assert [task for task in asyncio.all_tasks() if "dollr_async" in task.get_name()] == []
    await asyncio.sleep(1.0)
    assert slow.realtime_counts.sockets == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_outage_is_logged_once_and_shows_no_key(slow: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    slow.refuse_realtime()
    async with _client(slow, PollPolicy(jitter=0.0)) as dollr:
        await (await collect(dollr)).wait()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "polled" in warnings[0]
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("dollr_async"))
    assert slow.realtime["anon_key"] not in logged


@pytest.mark.parametrize("wrong", ["https://x.supabase.co", {}, ("https://x.supabase.co", "anon"), True])
def test_settings_of_another_type_are_refused(wrong: Any) -> None:  # noqa: ANN401 - what a caller might write
    with pytest.raises(InvalidInputError, match=r"realtime=RealtimeSettings\(url, anon_key\)"):
        DollrClient("id", "secret", realtime=wrong)


async def test_a_reference_that_was_never_executed_requests_no_key(sandbox: Sandbox) -> None:
    async with _client(sandbox, PollPolicy(jitter=0.0, not_found_grace=1.0)) as dollr:
        with pytest.raises(Exception, match="404"):
            await dollr.wait(uuid.uuid4())
    assert sandbox.requests_to("get_collection_realtime_key") == []
