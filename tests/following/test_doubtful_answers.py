"""Status answers that settle nothing by themselves: unknown words, other payments, states not readable yet."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dollr_async import (
    CollectError,
    DecodeError,
    DollrClient,
    ExecutionKind,
    ExecutionStatus,
    NotFoundError,
    PollPolicy,
    PollTimeoutError,
)
from dollr_async.base.clock import LoopClock
from dollr_async.journal import Entry, MemoryJournal
from dollr_async.journal.client_journal import ClientJournal
from dollr_async.sandbox import AfterSeconds, Fault, Sandbox
from dollr_async.testing.support import an_entry
from tests.support.collections import REFERENCE, collect
from tests.support.journals import PlainJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
_STATUS, _SOURCE = "get_collection_status", "get_payment_source_status"


def _state(status: str, reference_id: object = REFERENCE, **changes: Any) -> Fault:  # noqa: ANN401 - any JSON
    amounts = {"payer_amount": 257.0, "payer_currency": "USD", "payee_amount": 250.0, "payee_currency": "USD"}
    state = {"reference_id": reference_id, "status": status, "operation_type": "COLLECTION", **amounts, **changes}
    return Fault.answer(200, state)


@pytest.fixture
async def even(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """Return a client that polls every two seconds exactly."""
    async with DollrClient(**sandbox.settings, polling=_EVEN) as dollr:
        yield dollr


def _paths(sandbox: Sandbox, operation: str) -> int:
    return len(sandbox.requests_to(operation))


# Words


@pytest.mark.parametrize("word", ["SUCCESSFUL", "successful", " Successful "])
async def test_successful_is_the_end_of_a_payment(sandbox: Sandbox, even: DollrClient, word: str) -> None:
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state(word))
    execution = await collection.wait()
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.raw_status == word
    assert _paths(sandbox, _STATUS) == 2  # one before the collection, one that met the end


@pytest.mark.parametrize("kind", list(ExecutionKind))
async def test_a_check_of_any_kind_reads_successful(sandbox: Sandbox, even: DollrClient, kind: ExecutionKind) -> None:
    sandbox.fail(f"get_{kind.lower()}_status", _state("SUCCESSFUL", operation_type=kind))
    check = await even.check(REFERENCE, kind)
    assert check.execution is not None
    assert (check.is_final, check.execution.status, check.execution.raw_status) == (True, "COMPLETED", "SUCCESSFUL")


async def test_a_word_that_stays_unknown_is_decided_by_the_payments_own_document(
    sandbox: Sandbox, even: DollrClient
) -> None:
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("SETTLED"), times=None)
    began = asyncio.get_running_loop().time()
    execution = await collection.wait()
    assert (execution.status, execution.raw_status) == (ExecutionStatus.COMPLETED, "SETTLED")
    waited = asyncio.get_running_loop().time() - began
    assert _EVEN.not_found_grace <= waited <= _EVEN.not_found_grace + 4.0
    assert collection.status == "COMPLETED"


async def test_an_unknown_word_goes_on_while_the_document_is_not_paid(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("stay_pending")
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("ON_HOLD"), times=None)
    with pytest.raises(PollTimeoutError, match="is still ON_HOLD after 90 seconds") as caught:
        await collection.wait(timeout=90.0)
    assert getattr(caught.value.last, "status", None) == "ON_HOLD"
    assert _paths(sandbox, _SOURCE) > 10


async def test_a_document_that_the_chain_did_not_make_decides_nothing(sandbox: Sandbox, even: DollrClient) -> None:
    await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("SETTLED"), times=None)
    with pytest.raises(PollTimeoutError, match="is still SETTLED"):
        await even.wait(REFERENCE, timeout=90.0)
    assert _paths(sandbox, _SOURCE) == 0


async def test_with_a_journal_another_process_decides_by_the_document_too(sandbox: Sandbox) -> None:
    journal = MemoryJournal()
    async with DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as dollr:
        await collect(dollr, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("SETTLED"), times=None)
    async with DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as dollr:
        young = await dollr.check(REFERENCE)
        assert (young.is_final, young.execution and young.execution.status) == (False, "SETTLED")
        await asyncio.sleep(5.0)
        old = await dollr.check(REFERENCE, age=60.0)
        assert (old.is_final, old.execution and old.execution.status) == (True, "COMPLETED")
        assert [payment async for payment in dollr.unfinished()] == [], "the journal is settled"


# Other payments


@pytest.mark.parametrize(
    "changed", [REFERENCE.upper(), REFERENCE.replace("-", ""), f"{{{REFERENCE}}}", "", "payment 7"]
)
async def test_a_reference_in_another_spelling_or_none_at_all_is_taken_as_ours(
    sandbox: Sandbox, even: DollrClient, changed: str
) -> None:
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("FAILED", changed))
    assert [change.status async for change in collection] == ["PENDING", "FAILED"]


async def test_a_state_of_another_payment_is_nobodys_and_is_polled_again(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("FAILED", str(uuid.uuid4())), times=3)
    assert [change.status async for change in collection] == ["PENDING", "COMPLETED"]


async def test_a_check_never_reports_another_payment(sandbox: Sandbox, even: DollrClient) -> None:
    other = uuid.uuid4()
    sandbox.fail(_STATUS, _state("COMPLETED", str(other)))
    with pytest.raises(DecodeError, match=f"answered about payment {other} instead of {REFERENCE}"):
        await even.check(REFERENCE)


# States that cannot be read yet


async def test_an_amount_that_is_null_while_pending_is_passed_over(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, _state("PENDING", payee_amount=None), times=3)
    assert [change.status async for change in collection] == ["PENDING", "COMPLETED"]


async def test_an_execution_with_a_null_amount_can_be_followed_as_its_error_says(
    sandbox: Sandbox, even: DollrClient
) -> None:
    sandbox.fail("collect", Fault.answer(200, {"status": "PENDING", "payee_amount": None}, after_work=True))
    with pytest.raises(DecodeError) as caught:
        await collect(even, reference_id=REFERENCE)
    assert any("was accepted: follow it with" in note for note in caught.value.__notes__)
    assert (await even.wait(REFERENCE)).status == "COMPLETED"


@pytest.mark.parametrize("word", ["COMPLETED", "FAILED", "SUCCESSFUL"])
async def test_an_end_that_cannot_be_read_ends_a_watch(sandbox: Sandbox, even: DollrClient, word: str) -> None:
    collection = await collect(even, reference_id=REFERENCE)
    sandbox.fail(_STATUS, Fault.answer(200, {"status": word}), times=None)
    with pytest.raises(DecodeError):
        await collection.wait()


# A run that is still at work


@pytest.mark.parametrize("is_journaled", [False, True])
async def test_a_watch_beside_the_run_of_its_own_client_waits_for_it(sandbox: Sandbox, *, is_journaled: bool) -> None:
    journal = MemoryJournal() if is_journaled else None
    async with DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as dollr:
        sandbox.fail("create_checkout_session", Fault.latency(25.0))
        sandbox.fail("create_payment_account", Fault.latency(29.0))
        sandbox.fail("create_party", Fault.latency(20.0))
        paying = asyncio.create_task(collect(dollr, reference_id=REFERENCE))
        watch = dollr.watch(REFERENCE)
        assert (await anext(watch)).status == "PENDING"
        assert asyncio.get_running_loop().time() > _EVEN.not_found_grace
        await (await paying).wait()


async def test_a_watch_in_another_process_waits_for_a_run_that_the_journal_shows_alive(sandbox: Sandbox) -> None:
    journal = MemoryJournal()
    async with (
        DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as paying,
        DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as watching,
    ):
        sandbox.fail("create_party", Fault.latency(20.0))
        sandbox.fail("create_checkout_session", Fault.latency(25.0))
        task = asyncio.create_task(collect(paying, reference_id=REFERENCE))
        assert (await watching.wait(REFERENCE)).status == "COMPLETED"
        await task


async def test_a_run_that_stopped_is_waited_for_no_longer(sandbox: Sandbox) -> None:
    journal = MemoryJournal()
    async with DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as dollr:
        sandbox.fail("create_party", Fault.latency(20.0))
        sandbox.fail("create_counterparty", Fault.latency(20.0))
        sandbox.fail("create_checkout_session", 422)
        watch = dollr.watch(REFERENCE)
        task = asyncio.create_task(collect(dollr, reference_id=REFERENCE))
        with pytest.raises(CollectError):
            await task
        ended = asyncio.get_running_loop().time()
        with pytest.raises(NotFoundError):
            await anext(watch)
        assert asyncio.get_running_loop().time() - ended > _EVEN.not_found_grace - 4.0
        assert sandbox.ledger == ()


async def test_a_watch_that_waited_for_a_run_ends_soon_after_it(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.fail("create_party", Fault.latency(20.0))
    sandbox.fail("create_counterparty", Fault.latency(20.0))
    sandbox.fail("create_checkout_session", 422)
    watching = asyncio.create_task(anext(even.watch(REFERENCE)))
    with pytest.raises(CollectError):
        await collect(even, reference_id=REFERENCE)
    ended = asyncio.get_running_loop().time()
    assert ended > _EVEN.not_found_grace
    assert not watching.done()
    with pytest.raises(NotFoundError):
        await watching
    assert asyncio.get_running_loop().time() - ended <= 4.0


class _CountingJournal(PlainJournal):
    """A journal of a user that takes a moment to list what is open, and counts how often it is asked to."""

    lists = 0

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        self.lists += 1
        await asyncio.sleep(0.5)
        return await super().unfinished(with_live=with_live)


async def test_many_payments_that_the_api_does_not_know_share_one_list_of_what_is_open(sandbox: Sandbox) -> None:
    journal = _CountingJournal()
    references = [uuid.uuid4() for _ in range(50)]
    for reference_id in references:
        await journal.claim(attrs.evolve(an_entry(), reference_id=reference_id, sends=1))
    await asyncio.sleep(journal.lease + 1.0)
    async with DollrClient(**sandbox.settings, polling=_EVEN, journal=journal) as dollr:
        ends = await asyncio.gather(*(dollr.wait(it) for it in references), return_exceptions=True)
    assert {type(end) for end in ends} == {NotFoundError}
    assert journal.lists <= 5, "not one for each payment"


async def test_a_run_that_begins_while_the_journal_is_listed_is_seen_by_the_next_that_asks(sandbox: Sandbox) -> None:
    journal, entry = _CountingJournal(), an_entry()
    await journal.claim(entry)
    await asyncio.sleep(journal.lease + 1.0)
    asked = ClientJournal(journal, sandbox.client_secret, LoopClock())
    before = asyncio.create_task(asked.is_live(entry.reference_id))
    await asyncio.sleep(0.6)
    assert not await before
    await journal.claim(entry)
    assert await asked.is_live(entry.reference_id)
    assert journal.lists == 2


async def test_settling_is_as_quick_as_before(even: DollrClient, sandbox: Sandbox) -> None:
    sandbox.set_settlement(AfterSeconds(processing=1.0, final=3.0))
    collection = await collect(even)
    assert [change.status async for change in collection] == ["PENDING", "PROCESSING", "COMPLETED"]
