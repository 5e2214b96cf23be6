"""What an observer gets of each call: the operation, its steps, its requests, status checks, doubt and the journal."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from dollr_async import (
    CollectError,
    DollrClient,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    PaymentFailedError,
    PollTimeoutError,
    RetryPolicy,
)
from dollr_async.journal import MemoryJournal
from dollr_async.observing import (
    BudgetWaited,
    DoubtBegan,
    DoubtEnded,
    Event,
    JournalWritten,
    OperationBegan,
    OperationEnded,
    RequestEnded,
    StatusChecked,
    StepEnded,
    TokenFetched,
)
from dollr_async.sandbox import Fault
from tests.following.test_shared_ceiling import PacedBudget, refuse
from tests.support.collections import ITEM, PAYER, REFERENCE, collect
from tests.support.observing import Recorder
from tests.support.payments import ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox import Sandbox

KEY = UUID(REFERENCE)


@pytest.fixture
def seen() -> Recorder:
    return Recorder()


@pytest.fixture
async def dollr(sandbox: Sandbox, seen: Recorder) -> AsyncIterator[DollrClient]:
    """A client of the sandbox that is observed."""
    async with DollrClient(**sandbox.settings, observer=seen) as dollr:
        yield dollr


def steps_of(seen: Recorder) -> dict[str, int | str | None]:
    return {step.step: step.id for step in seen.of(StepEnded)}


async def test_a_collection_and_its_wait_are_two_operations_each_with_its_end(
    dollr: DollrClient, seen: Recorder
) -> None:
    collection = await collect(dollr, reference_id=REFERENCE)
    await collection.wait()
    begun, ended = seen.of(OperationBegan), seen.of(OperationEnded)
    assert [(it.operation, it.reference_id, it.kind) for it in begun] == [
        ("collect", KEY, "COLLECTION"),
        ("wait", KEY, "COLLECTION"),
    ]
    assert [(it.operation_id, it.status, it.error) for it in ended] == [
        (begun[0].operation_id, "PENDING", None),
        (begun[1].operation_id, "COMPLETED", None),
    ]
    assert begun[0].operation_id != begun[1].operation_id
    assert ended[1].seconds > 1.0
    assert seen.events[0] is begun[0]
    assert seen.events[-1] is ended[1]


async def test_each_step_has_the_id_that_it_made(dollr: DollrClient, seen: Recorder) -> None:
    collection = await collect(dollr)
    assert steps_of(seen) == {
        "party": collection.party_id,
        "operator": "ORANGE_MONEY_LBR",
        "counterparty": collection.counterparty_id,
        "payment_account": collection.payment_account_id,
        "document": collection.source_id,
        "items": steps_of(seen)["items"],
        "publish": collection.source_id,
        "session": collection.session_id,
        "execution": str(collection.reference_id),
    }
    assert {step.reference_id for step in seen.of(StepEnded)} == {collection.reference_id}
    assert all(step.seconds >= 0 and step.error is None for step in seen.of(StepEnded))


async def test_a_step_that_fails_says_why_and_so_does_the_operation(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    sandbox.fail("publish_invoice", 403)
    with pytest.raises(CollectError):
        await collect(dollr)
    assert [(step.step, step.id, step.error) for step in seen.of(StepEnded) if step.error] == [
        ("publish", None, "PermissionDeniedError")
    ]
    assert [(it.status, it.error) for it in seen.of(OperationEnded)] == [(None, "CollectError")]


async def test_an_execution_that_is_refused_is_a_step_that_failed(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    sandbox.fail("collect", 403)
    with pytest.raises(CollectError):
        await collect(dollr)
    assert [step.error for step in seen.of(StepEnded) if step.step == "execution"] == ["PermissionDeniedError"]


@pytest.mark.parametrize("kind", ["PAYOUT", "TRANSFER", "REFUND"])
async def test_money_in_every_direction_is_an_operation(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder, kind: str
) -> None:
    move = await ready(kind, sandbox, dollr)
    seen.events.clear()
    await move.begin()
    (ended,) = seen.of(OperationEnded)
    assert (ended.operation, ended.kind) == (kind.lower(), kind)


async def test_a_hosted_checkout_and_the_wait_for_its_document_are_operations(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    hosted = await dollr.hosted_checkout(payer=PAYER, items=[ITEM], currency="USD")
    sandbox.pay("INVOICE", hosted.source_id)
    await hosted.wait()
    assert [(it.operation, it.kind, it.status) for it in seen.of(OperationEnded)] == [
        ("hosted_checkout", None, None),
        ("wait", None, "PAID"),
    ]
    assert {(it.source_type, it.source_id) for it in seen.of(StatusChecked)} == {("INVOICE", hosted.source_id)}


async def test_a_failed_payment_is_no_error_and_a_timeout_is(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    sandbox.set_outcome("decline")
    with pytest.raises(PaymentFailedError):
        await (await collect(dollr)).wait()
    sandbox.set_outcome("stay_pending")
    with pytest.raises(PollTimeoutError):
        await (await collect(dollr)).wait(timeout=3.0)
    waits = [it for it in seen.of(OperationEnded) if it.operation == "wait"]
    assert [(it.status, it.error) for it in waits] == [("FAILED", None), (None, "PollTimeoutError")]


async def test_a_cancelled_operation_ends(sandbox: Sandbox, dollr: DollrClient, seen: Recorder) -> None:
    sandbox.fail("collect", "hang")
    task = asyncio.create_task(collect(dollr))
    await asyncio.sleep(5.0)
    task.cancel()
    await asyncio.wait([task])
    assert [it.error for it in seen.of(OperationEnded)] == ["CancelledError"]


async def test_a_request_shows_its_route_and_each_send_is_an_event(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    sandbox.fail("retrieve_invoice_by_number", 503)
    sandbox.fail("retrieve_invoice_by_number", "cut_body")
    with pytest.raises(NotFoundError):
        await dollr.invoices.retrieve_by_number("Amara Kamara")
    requests = seen.of(RequestEnded)
    assert {(it.method, it.route) for it in requests} == {("GET", "invoices/retrieve/number/{id}")}
    assert sorted((it.status or 0, it.error) for it in requests) == [
        (0, "TransportError"),
        (404, None),
        (503, None),
    ]
    assert [it.attempt for it in requests] == [1, 2, 3]


async def test_a_view_of_the_client_is_observed_too(dollr: DollrClient, seen: Recorder) -> None:
    await dollr.with_options(timeout=5.0).fees.tiers()
    assert [it.route for it in seen.of(RequestEnded)] == ["fees/tiers"]


async def test_a_token_is_an_event_of_its_own(sandbox: Sandbox, dollr: DollrClient, seen: Recorder) -> None:
    sandbox.fail("client_obtain_token", 401)
    with pytest.raises(Exception, match="401"):
        await dollr.ready()
    await dollr.fees.tiers()
    await dollr.fees.tiers()
    assert [it.error for it in seen.of(TokenFetched)] == ["AuthenticationError", None]


async def test_each_status_check_of_a_followed_payment_is_an_event(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    collection = await collect(dollr)
    sandbox.fail("get_collection_status", 503)
    await _all_of(aiter(collection))
    await dollr.check(collection.reference_id)
    checks = seen.of(StatusChecked)
    assert len(checks) == len(sandbox.requests_to("get_collection_status"))
    assert {(it.kind, it.reference_id) for it in checks} == {("COLLECTION", collection.reference_id)}
    assert [(it.status, it.is_final, it.error) for it in checks][-1] == ("COMPLETED", True, None)
    assert [it.error for it in checks if it.status is None] == ["ServerError"]
    assert seen.of(OperationBegan)[1:] == [], "an iterator is no operation"


async def test_a_status_that_is_no_word_of_the_api_is_not_repeated(
    sandbox: Sandbox, dollr: DollrClient, seen: Recorder
) -> None:
    collection = await collect(dollr)
    sandbox.settle(collection.reference_id)
    body = collection.execution.to_json() | {"status": "ask Amara", "extra": None}
    sandbox.fail("get_collection_status", Fault.answer(200, body))
    await dollr.check(collection.reference_id)
    assert [it.status for it in seen.of(StatusChecked)] == ["UNKNOWN"]


async def test_a_poll_that_had_to_wait_says_how_late_it_was(sandbox: Sandbox, seen: Recorder) -> None:
    sandbox.set_outcome("stay_pending")
    async with DollrClient(**sandbox.settings, observer=seen, max_polls_per_second=1.0) as dollr:
        references = [(await collect(dollr)).reference_id for _ in range(6)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_all_of(dollr.watch_many(references)), 4.5)
        delays = [it.delay for it in seen.of(StatusChecked)]
    assert max(delays) == pytest.approx(4.0, abs=0.1), "the fifth of six that were due together"


async def _all_of(changes: AsyncIterator[object]) -> None:
    async for _ in changes:
        pass


async def test_doubt_that_ends_well_is_adopted(sandbox: Sandbox, dollr: DollrClient, seen: Recorder) -> None:
    sandbox.fail("collect", "lose_answer")
    await collect(dollr, reference_id=REFERENCE)
    assert seen.of(DoubtBegan) == [DoubtBegan(reference_id=KEY, error="TransportError")]
    (ended,) = seen.of(DoubtEnded)
    assert (ended.reference_id, ended.outcome) == (KEY, "ADOPTED")


async def test_doubt_that_stays_is_unknown_and_a_resumed_run_is_in_doubt_from_its_start(
    sandbox: Sandbox, seen: Recorder
) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 503, times=None)
    retry = RetryPolicy(recovery=40.0)
    async with DollrClient(**sandbox.settings, journal=MemoryJournal(), observer=seen, retry=retry) as dollr:
        with pytest.raises(OutcomeUnknownError) as caught:
            await collect(dollr)
        reference_id = caught.value.reference_id
        (ended,) = seen.of(DoubtEnded)
        assert (ended.outcome, ended.seconds >= 40.0) == ("UNKNOWN", True)
        seen.events.clear()
        sandbox.clear_faults()
        await collect(dollr, reference_id=reference_id)
    assert seen.of(DoubtBegan) == [DoubtBegan(reference_id=reference_id)]
    assert [it.outcome for it in seen.of(DoubtEnded)] == ["ADOPTED"]


async def test_without_doubt_there_is_no_event_of_it(dollr: DollrClient, seen: Recorder) -> None:
    await collect(dollr)
    assert seen.of(DoubtBegan) == []
    assert seen.of(DoubtEnded) == []


async def test_what_the_journal_stores_is_told(sandbox: Sandbox, seen: Recorder) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal(), observer=seen) as dollr:
        await (await collect(dollr, reference_id=REFERENCE)).wait()
        async for outcome in dollr.outcomes(idle=0):
            await outcome.handled()
    actions = [it.action for it in seen.of(JournalWritten)]
    assert set(actions) == {"claim", "write", "settle", "handled"}
    assert (actions[0], actions[-1]) == ("claim", "handled")
    assert {(it.reference_id, it.error) for it in seen.of(JournalWritten)} == {(KEY, None)}


async def test_a_payment_that_a_person_closes_is_told(sandbox: Sandbox, seen: Recorder) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 503, times=None)
    retry = RetryPolicy(recovery=40.0)
    async with DollrClient(**sandbox.settings, journal=MemoryJournal(), observer=seen, retry=retry) as dollr:
        with pytest.raises(OutcomeUnknownError) as caught:
            await collect(dollr)
        reference_id = caught.value.reference_id
        seen.events.clear()
        await dollr.close_payment(reference_id, as_="NOT_RUN", reason="no trace of it")
    (closed,) = seen.of(JournalWritten)
    assert (closed.action, closed.reference_id, closed.error) == ("close", reference_id, None)


async def test_a_journal_that_fails_is_told(sandbox: Sandbox, seen: Recorder) -> None:
    class Full(MemoryJournal):
        async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
            raise OSError("no space left on device")

    async with DollrClient(**sandbox.settings, journal=Full(), observer=seen) as dollr:
        await (await collect(dollr)).wait()
    assert {it.error for it in seen.of(JournalWritten) if it.action == "settle"} == {"JournalError"}


async def test_what_is_reserved_of_a_shared_budget_is_told(sandbox: Sandbox, seen: Recorder) -> None:
    budget = PacedBudget()
    async with DollrClient(**sandbox.settings, poll_budget=budget, observer=seen) as dollr:
        collection = await collect(dollr)
        await dollr.check(collection.reference_id)
        assert [(it.polls, it.error) for it in seen.of(BudgetWaited)] == [(1, None)]
        budget.fails = refuse
        await collection.wait()
    assert {it.error for it in seen.of(BudgetWaited)} == {None, "ConnectionRefusedError"}


async def test_an_observer_that_raises_is_logged_once_and_stops_nothing(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Event] = []

    class Broken:
        def observe(self, event: Event) -> None:
            calls.append(event)
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, logger="dollr_async"):
        async with DollrClient(**sandbox.settings, journal=MemoryJournal(), observer=Broken()) as dollr:
            assert (await (await collect(dollr)).wait()).status == "COMPLETED"
    assert len(calls) > 20
    (record,) = caplog.records
    assert "the observer failed at OperationBegan; payments go on" in record.getMessage()


def test_what_is_no_observer_is_refused() -> None:
    class Awaited:
        async def observe(self, event: Event) -> None: ...

    for wrong in (print, Awaited()):
        with pytest.raises(InvalidInputError, match=r"observer must have a method observe\(event\)"):
            DollrClient("id", "secret", observer=wrong)  # type: ignore[arg-type] # the point


async def test_every_event_is_frozen_and_can_be_written_as_json(sandbox: Sandbox, seen: Recorder) -> None:
    sandbox.fail("collect", "lose_answer")
    async with DollrClient(
        **sandbox.settings, journal=MemoryJournal(), poll_budget=PacedBudget(), observer=seen
    ) as dollr:
        await (await collect(dollr)).wait()
    kinds = {type(event).__name__ for event in seen.events}
    assert kinds == {kind.__name__ for kind in Event.__subclasses__()}
    for event in seen.events:
        written = json.loads(json.dumps(event.to_json()))
        assert written["event"] == type(event).__name__
        with pytest.raises(AttributeError):
            event.seconds = 0.0  # type: ignore[attr-defined] # the point
