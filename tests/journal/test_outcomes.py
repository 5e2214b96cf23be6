"""`outcomes()`: each payment's end is handed out until it is handled, whatever happens to workers, API and journal."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pytest

from dollr_async import (
    AlreadyHandledError,
    AuthenticationError,
    CollectError,
    ConfigurationError,
    DollrClient,
    InvalidInputError,
    JournalError,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    PollPolicy,
)
from dollr_async.base.observing import StatusChecked
from dollr_async.journal import EndedPayment, Entry, MemoryJournal, OpenPayment, SQLiteJournal
from dollr_async.journal.entry import REFUSED
from dollr_async.sandbox import AfterSeconds, Fault, Quirks, Sandbox
from dollr_async.testing.outcome_journal_contract import executed
from tests.support.collections import ITEM, PAYER, collect
from tests.support.journals import PlainJournal
from tests.support.observing import Recorder
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from dollr_async.journal import Journal

_POLICY = PollPolicy(interval=1.0, max_interval=2.0, jitter=0.0, timeout=60.0, not_found_grace=10.0)


_REFUSAL = Fault.answer(422, {"detail": [{"loc": ["body", "provider"], "msg": "no such provider", "type": "value"}]})


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
async def dollr(sandbox: Sandbox, journal: MemoryJournal) -> AsyncIterator[DollrClient]:
    async with client(sandbox, journal) as dollr:
        yield dollr


@asynccontextmanager
async def client(sandbox: Sandbox, journal: Journal, **changes: Any) -> AsyncIterator[DollrClient]:  # noqa: ANN401 - passed on as they are
    async with DollrClient(**{**sandbox.settings, "polling": _POLICY, "journal": journal, **changes}) as dollr:
        yield dollr


async def one_pass(dollr: DollrClient) -> list[Outcome]:
    """Run one pass, and handle all that it hands out."""
    found = []
    async for outcome in dollr.outcomes(idle=0):
        await outcome.handled()
        found.append(outcome)
    return found


async def next_outcome(dollr: DollrClient, seconds: float = 300.0) -> Outcome:
    async with asyncio.timeout(seconds):
        async for outcome in dollr.outcomes():
            await outcome.handled()
            return outcome
    raise AssertionError


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def now() -> float:
    return asyncio.get_running_loop().time()


# What is handed out


@pytest.mark.parametrize("is_file", [False, True])
async def test_each_end_is_handed_out_with_its_execution_until_it_is_handled(
    sandbox: Sandbox, tmp_path: Path, *, is_file: bool
) -> None:
    journal = SQLiteJournal(tmp_path / "payments.db") if is_file else MemoryJournal()
    async with client(sandbox, journal) as dollr:
        collections = [await collect(dollr) for _ in range(2)]
        sandbox.set_outcome("decline")
        collections.append(await collect(dollr))
        found: list[Outcome] = []
        async for outcome in dollr.outcomes(idle=5):
            assert outcome.execution is not None
            assert str(outcome.execution.status) == str(outcome.status)
            await outcome.handled()
            found.append(outcome)
        assert {one.reference_id: str(one.status) for one in found} == {
            collections[0].reference_id: "COMPLETED",
            collections[1].reference_id: "COMPLETED",
            collections[2].reference_id: "FAILED",
        }
        assert [one.ended_at for one in found] == sorted(one.ended_at for one in found)
        assert found[0].progress.source_id is not None
        assert await one_pass(dollr) == []
    if isinstance(journal, SQLiteJournal):
        await journal.close()


async def test_waiting_for_a_payment_does_not_handle_it(dollr: DollrClient) -> None:
    collection = await collect(dollr)
    await collection.wait()
    (outcome,) = await one_pass(dollr)
    assert (outcome.reference_id, outcome.kind, outcome.status) == (collection.reference_id, "COLLECTION", "COMPLETED")


async def test_a_payout_is_handed_out_as_a_payout(sandbox: Sandbox, dollr: DollrClient) -> None:
    payment = await payout(dollr)
    sandbox.settle(payment.reference_id)
    (outcome,) = await one_pass(dollr)
    assert (outcome.reference_id, outcome.kind) == (payment.reference_id, "PAYOUT")


async def test_what_surely_did_not_run_is_told_once_and_never_as_failed(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("executions.collection", _REFUSAL)
    with pytest.raises(CollectError) as refused:
        await collect(dollr)
    (outcome,) = await one_pass(dollr)
    assert (outcome.reference_id, outcome.status) == (refused.value.reference_id, OutcomeStatus.NOT_RUN)
    assert outcome.execution is None
    assert await one_pass(dollr) == []


async def test_a_refused_payment_that_is_tried_again_is_told_by_its_new_end(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    sandbox.fail("executions.collection", _REFUSAL)
    reference_id = uuid.uuid4()
    with pytest.raises(CollectError):
        await collect(dollr, reference_id=reference_id)
    outcomes = dollr.outcomes()
    old = await anext(outcomes)
    assert old.status == "NOT_RUN"
    await (await collect(dollr, reference_id=reference_id)).wait()
    with pytest.raises(AlreadyHandledError, match="tried again since: roll your transaction back"):
        await old.handled()
    new = await anext(outcomes)
    assert (new.reference_id, new.status) == (reference_id, "COMPLETED")
    await new.handled()


async def test_a_payment_of_a_dead_process_is_followed_and_one_that_was_never_executed_is_not(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=5.0, final=20.0))
    collection = await collect(dollr)
    never = await executed(journal, sends=0)
    began = now()
    outcome = await next_outcome(dollr)
    assert outcome.reference_id == collection.reference_id
    assert 18.0 < now() - began < 24.0
    assert [entry.reference_id for entry in await journal.unfinished()] == [never.reference_id]


async def test_a_new_payment_of_another_process_is_found_by_the_sweep(sandbox: Sandbox, dollr: DollrClient) -> None:
    finding = asyncio.create_task(next_outcome(dollr))
    await asyncio.sleep(30.0)
    async with client(sandbox, dollr._journal._journal._journal) as other:  # type: ignore[union-attr] # the same journal
        collection = await collect(other)
        sandbox.settle(collection.reference_id)
        began = now()
        assert (await finding).reference_id == collection.reference_id
        assert now() - began < 5.0


# Who handles it


async def test_what_is_not_handled_is_handed_out_again_and_later_each_time(dollr: DollrClient) -> None:
    await (await collect(dollr)).wait()
    times: list[float] = []
    async for outcome in dollr.outcomes():
        times.append(now())
        if len(times) == 4:
            await outcome.handled()
            break
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert 1.0 <= pauses[0] <= 2.1
    assert pauses[2] >= 3.9
    assert await one_pass(dollr) == []


async def test_one_pass_hands_each_outcome_out_once_and_the_next_pass_again(dollr: DollrClient) -> None:
    for _ in range(3):
        await (await collect(dollr)).wait()
    first = [outcome.reference_id async for outcome in dollr.outcomes(idle=0, lease=2.0)]
    await asyncio.sleep(120.0)
    second = [outcome.reference_id async for outcome in dollr.outcomes(idle=0)]
    assert len(set(first)) == len(first) == 3
    assert sorted(second) == sorted(first)


async def test_two_workers_share_the_outcomes(sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal) -> None:
    for _ in range(30):
        await collect(dollr)
    handled: list[UUID] = []

    async def work(worker: DollrClient) -> int:
        count = 0
        async for outcome in worker.outcomes(idle=10):
            await asyncio.sleep(1.0)
            await outcome.handled()
            handled.append(outcome.reference_id)
            count += 1
        return count

    async with client(sandbox, journal) as other:
        counts = await asyncio.gather(work(dollr), work(other))
    assert min(counts) > 3
    assert len(set(handled)) == len(handled) == 30


async def test_a_body_that_is_slower_than_its_lease_may_run_twice_and_one_of_them_is_told(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    await (await collect(dollr)).wait()
    slow = dollr.outcomes(lease=30.0)
    first = await anext(slow)
    async with client(sandbox, journal) as other:
        began = now()
        second = await anext(other.outcomes())
        assert 29.0 < now() - began < 34.0
        assert second == first
        assert hash(second) == hash(first)
        await second.handled()
        with pytest.raises(AlreadyHandledError, match="handled already"):
            await first.handled()


@pytest.mark.parametrize("how", ["break", "cancel the wait", "cancel the body", "close"])
async def test_leaving_gives_every_lease_back_at_once(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal, how: str
) -> None:
    collection = await collect(dollr)
    sandbox.set_settlement(AfterSeconds(processing=5.0, final=2000.0))
    pending = await collect(dollr)
    async with client(sandbox, journal) as leaving:

        async def work() -> None:
            async for outcome in leaving.outcomes(lease=10_000.0):
                if how in ("break", "close"):
                    break
                if how == "cancel the body":
                    await asyncio.sleep(1000.0)
                await outcome.handled()

        working = asyncio.create_task(work())
        await asyncio.sleep(30.0)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        if how == "close":
            await leaving.close()
        await asyncio.sleep(0.1)
        assert journal._followers.workers == frozenset()
        sandbox.settle(pending.reference_id)
        left = {outcome.reference_id for outcome in await one_pass(dollr)}
    wanted = {pending.reference_id} if how == "cancel the wait" else {pending.reference_id, collection.reference_id}
    assert left == wanted


async def test_after_a_wait_that_was_cut_short_the_iterator_goes_on(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_settlement(AfterSeconds(processing=5.0, final=20.0))
    collection = await collect(dollr)
    outcomes = dollr.outcomes()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(outcomes), 5.0)
    assert (await anext(outcomes)).reference_id == collection.reference_id


async def test_closing_the_client_ends_the_loop_with_an_error(sandbox: Sandbox, journal: MemoryJournal) -> None:
    for has_open in (False, True):
        async with client(sandbox, journal) as dollr:
            if has_open:
                sandbox.set_settlement(AfterSeconds(processing=5.0, final=2000.0))
                await collect(dollr)
            waiting = asyncio.create_task(next_outcome(dollr))
            await asyncio.sleep(10.0)
            await dollr.close()
            with pytest.raises(ConfigurationError, match="closed"):
                await waiting
            with pytest.raises(ConfigurationError, match="closed"):
                await anext(dollr.outcomes())


async def test_no_more_payments_are_polled_at_one_time_than_asked(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=5.0, final=30.0))
    for _ in range(6):
        await collect(dollr)
    handled = 0
    async for outcome in dollr.outcomes(at_once=2, idle=20):
        await outcome.handled()
        handled += 1
        (worker,) = journal._followers.workers
        assert len(journal._followers.follows(worker)) <= 2
    assert handled == 6


async def test_outcomes_that_others_saw_end_are_read_ahead_while_they_are_handled_quickly(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    for _ in range(40):
        await (await collect(dollr)).wait()
    sandbox.set_latency(1.0, "get_collection_status")
    async with client(sandbox, journal) as other:
        began = now()
        assert len(await one_pass(other)) == 40
        assert now() - began < 8.0


# Doubt, and an API that does not answer


async def test_a_payment_that_does_not_end_is_put_off_with_one_warning(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1e6, final=2e6))
    collection = await collect(dollr)
    finding = asyncio.create_task(next_outcome(dollr, 1e5))
    await asyncio.sleep(59.0)
    assert warnings(caplog) == []
    await asyncio.sleep(100.0)
    (warning,) = warnings(caplog)
    assert warning.startswith(f"payment {collection.reference_id} is still PENDING 60 seconds after it began")
    assert f"dollr.close_payment('{collection.reference_id}', as_=..., reason=...)" in warning
    sandbox.settle(collection.reference_id)
    assert (await finding).status == "COMPLETED"


async def test_an_old_payment_is_checked_after_a_tenth_of_its_age(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1e6, final=2e6))
    for hours in (1, 1000):
        collection = await collect(dollr)
        stored = journal._stored[collection.reference_id]
        journal._replace(stored, attrs.evolve(stored.entry, began_at=datetime.now(UTC) - timedelta(hours=hours)))
    async with client(sandbox, journal) as other:
        before = len(sandbox.requests_to("get_collection_status"))
        finding = asyncio.create_task(next_outcome(other, 1e5))
        await asyncio.sleep(7000.0)
        # Each 360 seconds, and each hour.
        assert 19 + 2 <= len(sandbox.requests_to("get_collection_status")) - before <= 21 + 2
        assert len(warnings(caplog)) == 2
        finding.cancel()
        await asyncio.gather(finding, return_exceptions=True)


async def test_a_payment_that_the_api_does_not_know_stays_open(
    dollr: DollrClient, journal: MemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await executed(journal, began_at=datetime.now(UTC) - timedelta(seconds=100), in_doubt=True)
    assert [outcome async for outcome in dollr.outcomes(idle=90)] == []
    (warning,) = warnings(caplog)
    assert f"payment {entry.reference_id} is not known to the API" in warning
    assert [open_.reference_id for open_ in await journal.unfinished()] == [entry.reference_id]


async def test_a_payment_that_cannot_be_checked_stays_open(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    collection = await collect(dollr)
    stored = journal._stored[collection.reference_id]
    journal._replace(stored, attrs.evolve(stored.entry, began_at=datetime.now(UTC) - timedelta(seconds=100)))
    sandbox.fail("get_collection_status", 403, times=None)
    assert [outcome async for outcome in dollr.outcomes(idle=90)] == []
    (record,) = (record for record in caplog.records if record.levelname == "WARNING")
    refusal = f"GET /v1/status/collection/{collection.reference_id} was answered 403"
    assert record.getMessage().startswith(f"payment {collection.reference_id} cannot be checked ({refusal}")
    assert vars(record)["reference_id"] == collection.reference_id
    assert [open_.reference_id for open_ in await journal.unfinished()] == [collection.reference_id]


async def test_passes_tell_once_of_a_payment_that_does_not_end(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1e6, final=2e6))
    collection = await collect(dollr)
    stored = journal._stored[collection.reference_id]
    journal._replace(stored, attrs.evolve(stored.entry, began_at=datetime.now(UTC) - timedelta(seconds=100)))
    async with client(sandbox, journal, polling=attrs.evolve(_POLICY, timeout=1000.0)) as patient:
        assert await one_pass(patient) == []
    assert warnings(caplog) == [], "it is young"
    for _ in range(2):
        assert await one_pass(dollr) == []
    (warning,) = warnings(caplog)
    assert warning.startswith(f"payment {collection.reference_id} is still PENDING 100 seconds after it began")


async def test_without_a_timeout_every_open_payment_is_waited_for(sandbox: Sandbox, journal: MemoryJournal) -> None:
    sandbox.set_settlement(AfterSeconds(processing=5.0, final=100.0))
    async with client(sandbox, journal, polling=attrs.evolve(_POLICY, timeout=None)) as dollr:
        collection = await collect(dollr)
        handled = []
        async for outcome in dollr.outcomes(idle=20):
            await outcome.handled()
            handled.append(outcome.reference_id)
    assert handled == [collection.reference_id]


async def test_an_end_that_the_worker_has_seen_itself_is_handed_out_without_another_check(
    sandbox: Sandbox, journal: MemoryJournal
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=5.0, final=20.0))
    seen = Recorder()
    async with client(sandbox, journal, observer=seen) as dollr:
        await collect(dollr)
        assert (await next_outcome(dollr)).execution is not None
    assert [check.is_final for check in seen.of(StatusChecked)].count(True) == 1


async def test_one_pass_checks_each_open_payment_once_and_leaves_it_to_the_next(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1e6, final=2e6))
    collections = [await collect(dollr) for _ in range(20)]
    before = len(sandbox.requests_to("get_collection_status"))
    assert await one_pass(dollr) == []
    assert len(sandbox.requests_to("get_collection_status")) - before == 20
    for collection in collections[:2]:
        sandbox.settle(collection.reference_id)
    found = {outcome.reference_id for outcome in await one_pass(dollr)}
    assert found == {collection.reference_id for collection in collections[:2]}
    assert len(await journal.unfinished()) == 18


async def test_an_api_that_is_down_delays_what_is_handed_out(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    collection = await collect(dollr)
    await collection.wait()
    sandbox.fail("get_collection_status", 503, times=None)
    async with client(sandbox, journal) as other:
        finding = asyncio.create_task(next_outcome(other, 1e5))
        await asyncio.sleep(1000.0)
        assert not finding.done()
        sandbox.clear_faults()
        outcome = await finding
        assert outcome.execution is not None


@pytest.mark.parametrize("fault", [404, "garbage", 403])
async def test_an_execution_that_cannot_be_read_for_long_is_left_out(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal, fault: str | int
) -> None:
    await (await collect(dollr)).wait()
    sandbox.fail("get_collection_status", fault, times=None)
    async with client(sandbox, journal) as other:
        began = now()
        outcome = await next_outcome(other)
        assert 118.0 < now() - began < 130.0
        assert (outcome.status, outcome.execution) == ("COMPLETED", None)
        assert await one_pass(other) == []


async def test_credentials_that_are_refused_end_the_worker(sandbox: Sandbox, journal: MemoryJournal) -> None:
    await executed(journal)
    async with client(sandbox, journal, client_secret="another") as dollr:
        with pytest.raises(AuthenticationError):
            await anext(dollr.outcomes())


async def test_an_outcome_that_another_runs_document_may_explain_is_not_handed_out(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    collection = await collect(dollr)
    await collection.wait()
    other = await dollr.hosted_checkout(payer=PAYER, items=[ITEM], currency="USD")
    entry = await journal.read(collection.reference_id)
    assert entry is not None
    journal._replace(
        journal._stored[entry.reference_id], attrs.evolve(entry, is_contested=True, source_id=other.source_id)
    )
    journal._stored[entry.reference_id].ended_at = datetime.now(UTC) - timedelta(minutes=1)
    finding = asyncio.create_task(next_outcome(dollr, 1e5))
    await asyncio.sleep(60.0)
    assert not finding.done()
    (warning,) = warnings(caplog)
    assert "another run has executed" in warning
    assert f"dollr.close_payment('{collection.reference_id}'" in warning
    await dollr.close_payment(collection.reference_id, as_="NOT_RUN", reason="the other invoice was paid")
    assert (await finding).status == "NOT_RUN"


async def test_a_contested_payment_whose_own_document_is_paid_is_handed_out(
    dollr: DollrClient, journal: MemoryJournal
) -> None:
    collection = await collect(dollr)
    await collection.wait()
    entry = await journal.read(collection.reference_id)
    assert entry is not None
    journal._replace(journal._stored[entry.reference_id], attrs.evolve(entry, is_contested=True))
    (outcome,) = await one_pass(dollr)
    assert outcome.status == "COMPLETED"


async def test_what_the_api_says_now_is_told_where_the_journal_says_something_else(
    dollr: DollrClient, journal: MemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    collection = await collect(dollr)
    await collection.wait()
    entry = await journal.read(collection.reference_id)
    assert entry is not None
    journal._replace(journal._stored[entry.reference_id], attrs.evolve(entry, outcome="FAILED"))
    (outcome,) = await one_pass(dollr)
    assert outcome.status == "COMPLETED"
    assert "was FAILED, and the API says COMPLETED now" in caplog.text


async def test_successful_is_told_as_completed(journal: MemoryJournal) -> None:
    async with (
        Sandbox(quirks=Quirks(status_words={"COMPLETED": "SUCCESSFUL"})) as sandbox,
        client(sandbox, journal) as dollr,
    ):
        await collect(dollr)
        outcome = await next_outcome(dollr)
    assert outcome.status == "COMPLETED"
    assert outcome.execution is not None
    assert outcome.execution.raw_status == "SUCCESSFUL"


# A journal that fails


class Failing(MemoryJournal):
    """A journal that can be down."""

    is_down = False

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        self._check()
        return await super().follow(worker, limit=limit, lease=lease, is_early=is_early)

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        self._check()
        return await super().hand_out(lease=lease)

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        self._check()
        await super().stop_following(worker, reference_id, check_again_in=check_again_in)

    async def has_work(self, *, since: datetime) -> bool:
        self._check()
        return await super().has_work(since=since)

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        self._check()
        return await super().renew_hand_out(reference_id, number, lease=lease)

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        self._check()
        await super().give_back(reference_id, number, delay=delay)

    def _check(self) -> None:
        if self.is_down:
            raise OSError("connection lost")


async def test_a_journal_that_fails_at_the_start_is_an_error_and_later_it_is_waited_for(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Failing()
    async with client(sandbox, journal) as dollr:
        journal.is_down = True
        with pytest.raises(JournalError, match="connection lost"):
            await anext(dollr.outcomes())
        journal.is_down = False
        finding = asyncio.create_task(anext(dollr.outcomes(idle=100)))
        await asyncio.sleep(10.0)
        journal.is_down = True
        await asyncio.sleep(200.0)
        assert not finding.done()
        journal.is_down = False
        collection = await collect(dollr)
        outcome = await finding
        assert outcome.reference_id == collection.reference_id
        journal.is_down = True
    assert "tried again" in caplog.text
    assert "run out by themselves" in caplog.text


async def test_a_journal_that_fails_between_two_outcomes_ends_no_worker(sandbox: Sandbox) -> None:
    journal = Failing()
    async with client(sandbox, journal) as dollr:
        for _ in range(2):
            await (await collect(dollr)).wait()
        outcomes = dollr.outcomes()
        first = await anext(outcomes)
        journal.is_down = True  # so that the first one cannot be given back
        finding = asyncio.create_task(anext(outcomes))
        await asyncio.sleep(100.0)
        assert not finding.done()
        journal.is_down = False
        assert (await finding).reference_id != first.reference_id
        assert (await anext(outcomes)).reference_id == first.reference_id


async def test_a_lease_that_cannot_be_renewed_is_tried_again(sandbox: Sandbox) -> None:
    journal = Failing()
    async with client(sandbox, journal) as dollr:
        await (await collect(dollr)).wait()
    sandbox.set_latency(5.0, "get_collection_status")
    async with client(sandbox, journal) as dollr:
        finding = asyncio.create_task(anext(dollr.outcomes(lease=100.0)))
        await asyncio.sleep(4.0)
        journal.is_down = True
        await asyncio.sleep(50.0)
        assert not finding.done()
        journal.is_down = False
        assert (await finding).status == "COMPLETED"


async def test_one_pass_over_a_journal_that_fails_is_an_error(sandbox: Sandbox) -> None:
    journal = Failing()
    journal.is_down = True
    async with client(sandbox, journal) as dollr:
        with pytest.raises(JournalError, match="connection lost"):
            await one_pass(dollr)


# Closing by hand


async def test_a_persons_verdict_is_handed_out_once_with_its_reason(dollr: DollrClient, journal: MemoryJournal) -> None:
    entry = await executed(journal, in_doubt=True)
    await dollr.close_payment(str(entry.reference_id), as_="FAILED", reason=" not on the operator's bill ")
    (outcome,) = await one_pass(dollr)
    assert (outcome.status, outcome.reason, outcome.execution) == ("FAILED", "not on the operator's bill", None)
    assert await one_pass(dollr) == []
    with pytest.raises(JournalError, match="has ended as FAILED already"):
        await dollr.close_payment(entry.reference_id, as_="COMPLETED", reason="a mistake")


@pytest.mark.parametrize("verdict", ["COMPLETED", "FAILED"])
async def test_nothing_is_sent_for_a_payment_that_a_person_has_closed(
    sandbox: Sandbox, dollr: DollrClient, verdict: Literal["COMPLETED", "FAILED"]
) -> None:
    sandbox.fail("collect", "hang", times=None)
    reference_id = uuid.uuid4()
    collecting = asyncio.create_task(collect(dollr, reference_id=reference_id))
    await asyncio.sleep(5.0)
    collecting.cancel()
    await asyncio.wait([collecting])
    sandbox.clear_faults()
    sends = len(sandbox.requests_to("collect"))
    assert sends == 1
    await dollr.close_payment(reference_id, as_=verdict, reason="on the operator's bill")
    with pytest.raises(OutcomeUnknownError, match=r"is not known yet\. Do not pay again"):
        await collect(dollr, reference_id=reference_id)
    (outcome,) = await one_pass(dollr)
    assert outcome.status == verdict
    with pytest.raises(OutcomeUnknownError):
        await collect(dollr, reference_id=reference_id)
    assert (len(sandbox.requests_to("collect")), sandbox.ledger) == (sends, ())
    assert await one_pass(dollr) == []


async def test_the_execution_comes_with_a_verdict_that_the_api_shares(
    dollr: DollrClient, journal: MemoryJournal
) -> None:
    collection = await collect(dollr)
    sandbox_entry = await journal.read(collection.reference_id)
    assert sandbox_entry is not None
    await dollr.close_payment(collection.reference_id, as_="COMPLETED", reason="the customer showed the receipt")
    await asyncio.sleep(60.0)
    (outcome,) = await one_pass(dollr)
    assert outcome.execution is not None
    assert outcome.execution.status == "COMPLETED"


async def test_a_payment_that_was_never_executed_can_only_be_closed_as_not_run(
    dollr: DollrClient, journal: MemoryJournal
) -> None:
    entry = await executed(journal, sends=0)
    with pytest.raises(InvalidInputError, match="never begun: close it as NOT_RUN"):
        await dollr.close_payment(entry.reference_id, as_="COMPLETED", reason="a mistake")
    await dollr.close_payment(entry.reference_id, as_="NOT_RUN", reason="the shop was closed")
    found = await journal.read(entry.reference_id)
    assert found is not None
    assert found.outcome == REFUSED
    (outcome,) = await one_pass(dollr)
    assert outcome.status == "NOT_RUN"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"as_": "DONE"}, "as_ must be 'NOT_RUN', 'COMPLETED' or 'FAILED', not 'DONE'"),
        ({"as_": None}, "as_ must be 'NOT_RUN', 'COMPLETED' or 'FAILED', not None"),
        ({"reason": "  "}, "reason must say in words"),
        ({"reference_id": "7"}, "not a version-4 UUID"),
    ],
)
async def test_a_verdict_that_is_not_valid_is_refused(dollr: DollrClient, change: dict[str, Any], words: str) -> None:
    terms: dict[str, Any] = {"reference_id": uuid.uuid4(), "as_": "NOT_RUN", "reason": "no trace of it", **change}
    with pytest.raises(InvalidInputError, match=words):
        await dollr.close_payment(terms.pop("reference_id"), **terms)


async def test_an_unknown_payment_cannot_be_closed(dollr: DollrClient) -> None:
    with pytest.raises(JournalError, match="is not in this journal: check the reference"):
        await dollr.close_payment(uuid.uuid4(), as_="NOT_RUN", reason="no trace of it")


# What is refused


async def test_without_a_journal_that_hands_outcomes_out_there_are_none(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        with pytest.raises(ConfigurationError, match=r"make the client with DollrClient\(journal=\.\.\.\)"):
            dollr.outcomes()
    async with DollrClient(**sandbox.settings, journal=PlainJournal()) as dollr:
        with pytest.raises(ConfigurationError, match="does not hand out outcomes: use a SQLiteJournal"):
            dollr.outcomes()
        with pytest.raises(ConfigurationError, match="does not hand out outcomes"):
            await dollr.close_payment(uuid.uuid4(), as_="NOT_RUN", reason="no trace of it")


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"idle": -1}, "idle must be a number of seconds from 0 up, or None"),
        ({"idle": "5"}, "idle must be a number"),
        ({"at_once": 0}, "at_once must be a whole number from 1 up"),
        ({"at_once": True}, "at_once must be a whole number"),
        ({"lease": 0}, "lease must be a number of seconds above 0"),
    ],
)
async def test_terms_that_are_not_valid_are_refused(dollr: DollrClient, terms: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        dollr.outcomes(**terms)


async def test_an_outcome_shows_no_secret_and_its_own_equality(dollr: DollrClient) -> None:
    collection = await collect(dollr)
    outcome = await next_outcome(dollr)
    assert str(collection.reference_id) in repr(outcome)
    assert "mark" not in repr(outcome)
    assert outcome != collection
    assert isinstance(outcome, Outcome)
    assert not isinstance(outcome, Entry)
