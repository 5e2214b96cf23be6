"""A run that was cut off is resumed by the next one: at any request, on every route, with one charge."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import attrs
import pytest

from dollr_async import (
    Card,
    CollectError,
    DecodeError,
    DollrClient,
    KnownPayer,
    LineItem,
    OutcomeUnknownError,
    Payment,
    SavedAccount,
    SourceType,
)
from dollr_async.journal import MemoryJournal, SQLiteJournal
from dollr_async.sandbox import Fault, Sandbox
from tests.flows import api_refusals
from tests.support.collections import REFERENCE, collect, operations, sent
from tests.support.documents import a_document
from tests.support.payments import payout, ready, refund, transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from dollr_async.journal import Entry, Journal
    from tests.flows.api_refusals import ApiRefusal

    _Pay = Callable[[DollrClient], Awaitable[Payment]]

_LINES = [LineItem(name="Tea", amount=Decimal(2)), LineItem(name="Tea", amount=Decimal(2))]
_ROUTES: dict[str, dict[str, Any]] = {
    "invoice": {},
    "order": {"source_type": SourceType.ORDER},
    "direct": {"direct": True},
    "known payer": {"payer": KnownPayer(200_001)},
    "saved account": {"payer": KnownPayer(200_001), "pay_with": SavedAccount(600_001)},
    "card": {"pay_with": Card("Amara Kamara")},
    "another currency": {"payer_currency": "LRD"},
    "own text": {"document_reference": "order 17"},
    "a document that exists": {},
}
_MOST_REQUESTS = 25
# Reads do no harm, and a session without a send is made again, since it expires.
_MAY_BE_REPEATED = {"client_obtain_token", "create_checkout_session", "create_payout_session"}
_MAY_BE_REPEATED |= {"create_transfer_session", "create_refund_session"}


class _Store:
    """A journal that outlives its processes: opened once for each of them."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory = MemoryJournal()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Journal]:
        if self._path is None:
            yield self._memory
            return
        async with SQLiteJournal(self._path) as journal:
            yield journal

    @asynccontextmanager
    async def process(self, sandbox: Sandbox) -> AsyncIterator[DollrClient]:
        async with self.opened() as journal, DollrClient(**sandbox.settings, journal=journal) as dollr:
            yield dollr

    async def age(self, reference_id: UUID) -> None:
        """Let the session of an entry have expired an hour ago."""
        async with self.opened() as journal:
            claim = await journal.claim(await self.entry(reference_id))
            assert claim.number is not None
            assert claim.entry.session_expires_at is not None
            over = datetime.now(UTC) - timedelta(hours=1)
            await journal.write(attrs.evolve(claim.entry, session_expires_at=over), claim.number)
            await journal.release(reference_id, claim.number)

    async def entry(self, reference_id: UUID) -> Entry:
        async with self.opened() as journal:
            found = await journal.read(reference_id)
        assert found is not None
        return found


_AGAIN = pytest.mark.full(reason="it is what the journal in memory shows, with a file that is synced at each step")


@pytest.fixture(params=["memory", pytest.param("sqlite", marks=_AGAIN)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> _Store:
    return _Store(tmp_path / "journal.db" if request.param == "sqlite" else None)


async def _killed_after_a_second(store: _Store, sandbox: Sandbox, pay: _Pay) -> bool:
    """Run a payment in a process of its own that ends while it waits; False when it was done by then."""
    async with store.process(sandbox) as dollr:
        task = asyncio.ensure_future(pay(dollr))
        await asyncio.sleep(1.0)
        was_done = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return not was_done


def _answered(sandbox: Sandbox) -> Counter[str]:
    """Count what was made or changed, and answered."""
    return Counter(
        str(request.operation)
        for request in sandbox.requests
        if request.method != "GET" and request.delivered and request.operation not in _MAY_BE_REPEATED
    )


async def _kill_at_each_request(
    store: _Store, sandbox: Sandbox, fault: Fault, payment: Callable[[UUID], Awaitable[_Pay]]
) -> int:
    """Kill a payment at its first request, another at its second, and so on; resume each, and return how many."""
    for answered in range(_MOST_REQUESTS):
        reference_id = uuid4()
        pay = await payment(reference_id)
        sandbox.requests.clear()
        if answered:
            sandbox.fail("*", Fault.latency(0.0), times=answered)
        sandbox.fail("*", fault, times=None)
        cut_off = await _killed_after_a_second(store, sandbox, pay)
        sandbox.clear_faults()
        async with store.process(sandbox) as dollr:
            await (await pay(dollr)).wait()
        moved = [entry.status for entry in sandbox.ledger if entry.reference_id == str(reference_id)]
        assert moved == ["COMPLETED"], operations(sandbox)
        # What the API acknowledged to the first run, the second did not do again.
        done = _answered(sandbox)
        lines = done.pop("add_invoice_item", 0) + done.pop("add_order_item", 0)
        assert (lines <= len(_LINES), set(done.values()) <= {1}) == (True, True), operations(sandbox)
        assert (await store.entry(reference_id)).outcome == "COMPLETED"
        if not cut_off:
            return answered
    raise AssertionError("it never ended")


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.hang(after_work=True)], ids=["before", "after"])
@pytest.mark.parametrize("route", _ROUTES)
async def test_killed_at_any_request_and_resumed_it_is_one_charge(
    sandbox: Sandbox, dollr: DollrClient, store: _Store, route: str, fault: Fault
) -> None:
    await collect(dollr)  # makes the payer and the account that are known
    sandbox.set_outcome("complete_at_once")

    async def payment(reference_id: UUID) -> _Pay:
        terms = {"items": _LINES, **_ROUTES[route], "reference_id": reference_id}
        if route == "a document that exists":
            terms |= {"items": None, "source": await a_document(dollr)}
        return partial(collect, **terms)

    assert await _kill_at_each_request(store, sandbox, fault, payment) >= 3
    made = [*await dollr.invoices.list(), *await dollr.orders.list()]
    assert len(made) == len(sandbox.ledger), "one document for each payment"


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.hang(after_work=True)], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["TRANSFER", "REFUND"])
async def test_a_transfer_or_a_refund_is_resumed_too(
    sandbox: Sandbox, dollr: DollrClient, store: _Store, kind: str, fault: Fault
) -> None:
    await ready(kind, sandbox, dollr)
    sandbox.set_outcome("complete_at_once")

    async def payment(reference_id: UUID) -> _Pay:
        moving = transfer if kind == "TRANSFER" else refund
        return partial(moving, amount=Decimal(1), reference_id=reference_id)

    assert await _kill_at_each_request(store, sandbox, fault, payment) >= 3


# Payouts, whose passcode is not kept


@pytest.mark.parametrize("operation", ["create_party", "create_payment_account", "create_payout_session"])
async def test_a_payout_that_never_began_its_execution_is_resumed(
    sandbox: Sandbox, store: _Store, operation: str
) -> None:
    sandbox.fail(operation, "hang")
    assert await _killed_after_a_second(store, sandbox, partial(payout, reference_id=REFERENCE))
    async with store.process(sandbox) as dollr:
        await (await payout(dollr, reference_id=REFERENCE)).wait()
    assert [entry.sends for entry in sandbox.ledger] == [1]


async def test_a_payout_that_landed_is_found(sandbox: Sandbox, store: _Store) -> None:
    sandbox.fail("payout", "hang_after")
    assert await _killed_after_a_second(store, sandbox, partial(payout, reference_id=REFERENCE))
    async with store.process(sandbox) as dollr:
        await (await payout(dollr, reference_id=REFERENCE)).wait()
    assert (len(sent(sandbox, "payout")), len(sandbox.ledger)) == (1, 1)


@pytest.mark.parametrize("is_old", [False, True])
async def test_a_payout_is_never_resent_after_a_restart(sandbox: Sandbox, store: _Store, *, is_old: bool) -> None:
    sandbox.fail("payout", "hang")
    assert await _killed_after_a_second(store, sandbox, partial(payout, reference_id=REFERENCE))
    if is_old:
        await store.age(UUID(REFERENCE))
    async with store.process(sandbox) as dollr:
        with pytest.raises(OutcomeUnknownError, match="kind='PAYOUT'"):
            await payout(dollr, reference_id=REFERENCE)
    assert (len(sent(sandbox, "payout")), len(sent(sandbox, "create_payout_session")), sandbox.ledger) == (1, 1, ())


# What is known of the execution


async def test_an_execution_in_doubt_is_checked_before_it_is_resent(sandbox: Sandbox, store: _Store) -> None:
    sandbox.fail("collect", "hang")
    pay = partial(collect, reference_id=REFERENCE)
    assert await _killed_after_a_second(store, sandbox, pay)
    sandbox.requests.clear()
    async with store.process(sandbox) as dollr:
        began = asyncio.get_running_loop().time()
        collection = await pay(dollr)
        assert asyncio.get_running_loop().time() - began >= 30.0
    assert set(operations(sandbox)) == {"client_obtain_token", "get_collection_status", "collect"}
    assert operations(sandbox)[-1] == "collect"
    assert len(sent(sandbox, "collect")) == 1
    assert [entry.session_id for entry in sandbox.ledger] == [collection.session_id]


@pytest.mark.parametrize("refusal", api_refusals.ONE_OF_EACH.values(), ids=api_refusals.ONE_OF_EACH)
async def test_a_refusal_that_no_status_check_has_confirmed_is_doubt(
    sandbox: Sandbox, store: _Store, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.landed)
    sandbox.fail("get_collection_status", Fault.latency(0.0))
    sandbox.fail("get_collection_status", "hang")
    pay = partial(collect, reference_id=REFERENCE)
    assert await _killed_after_a_second(store, sandbox, pay)
    async with store.process(sandbox) as dollr:
        await (await pay(dollr)).wait()
    assert (len(sent(sandbox, "collect")), len(sandbox.ledger)) == (1, 1)


async def test_a_session_that_expired_meanwhile_is_replaced(sandbox: Sandbox, store: _Store) -> None:
    sandbox.fail("collect", "hang")
    pay = partial(collect, reference_id=REFERENCE)
    assert await _killed_after_a_second(store, sandbox, pay)
    await store.age(UUID(REFERENCE))
    sandbox.requests.clear()
    async with store.process(sandbox) as dollr:
        collection = await pay(dollr)
    assert operations(sandbox)[1:] == ["get_collection_status", "create_checkout_session", "collect"]
    assert [entry.session_id for entry in sandbox.ledger] == [collection.session_id]


async def test_doubt_outlives_its_process(sandbox: Sandbox, store: _Store) -> None:
    sandbox.fail("collect", "hang_after")
    pay = partial(collect, reference_id=REFERENCE)
    assert await _killed_after_a_second(store, sandbox, pay)
    sandbox.fail("get_collection_status", 500, times=None)
    async with store.process(sandbox) as dollr:
        with pytest.raises(OutcomeUnknownError):
            await pay(dollr)
    sandbox.clear_faults()
    async with store.process(sandbox) as dollr:
        await (await pay(dollr)).wait()
    assert (len(sent(sandbox, "collect")), len(sandbox.ledger)) == (1, 1)


async def test_what_has_landed_in_an_unreadable_shape_is_never_resent(sandbox: Sandbox, store: _Store) -> None:
    sandbox.fail("collect", Fault.answer(200, {"status": "PENDING"}, after_work=True))
    pay = partial(collect, reference_id=REFERENCE)
    async with store.process(sandbox) as dollr:
        with pytest.raises(DecodeError):
            await pay(dollr)
    entry = await store.entry(UUID(REFERENCE))
    assert (entry.status, entry.in_doubt, entry.outcome) == ("PENDING", False, None)
    await store.age(UUID(REFERENCE))
    sandbox.fail("get_collection_status", 404, times=None)
    async with store.process(sandbox) as dollr:
        with pytest.raises(OutcomeUnknownError):
            await pay(dollr)
    assert (len(sent(sandbox, "collect")), len(sent(sandbox, "create_checkout_session"))) == (1, 1)


@pytest.mark.parametrize("refusal", api_refusals.ONE_OF_EACH.values(), ids=api_refusals.ONE_OF_EACH)
async def test_a_refused_payment_may_be_tried_again_under_its_reference(
    sandbox: Sandbox, store: _Store, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.fault, times=2)
    pay = partial(collect, reference_id=REFERENCE)
    async with store.process(sandbox) as dollr:
        with pytest.raises(CollectError) as caught:
            await pay(dollr)
        assert (caught.value.step, [payment async for payment in dollr.unfinished()]) == ("execution", [])
    refused = await store.entry(UUID(REFERENCE))
    assert (refused.outcome, refused.in_doubt, refused.status) == ("REFUSED", False, None)
    async with store.process(sandbox) as dollr:
        with pytest.raises(CollectError, match="does not take this reference again: start a new payment"):
            await pay(dollr)
    async with store.process(sandbox) as dollr:
        await pay(dollr)
    assert len({str(body) for body in sent(sandbox, "collect")}) == 3, "a new session for each"
    once = {operation: times for operation, times in _answered(sandbox).items() if operation != "collect"}
    assert (set(once.values()), len(sandbox.ledger)) == ({1}, 1)


async def test_an_execution_that_never_arrived_may_be_tried_again(sandbox: Sandbox, store: _Store) -> None:
    sandbox.fail("collect", "rate_limited", times=4)
    async with store.process(sandbox) as dollr:
        with pytest.raises(CollectError):
            await collect(dollr, reference_id=REFERENCE)
        await collect(dollr, reference_id=REFERENCE)
    assert (len(sent(sandbox, "collect")), len(sandbox.ledger)) == (5, 1)


@pytest.mark.parametrize("outcome", ["complete_at_once", "fail_at_once"])
async def test_a_finished_payment_is_returned_as_finished(sandbox: Sandbox, store: _Store, outcome: str) -> None:
    sandbox.set_outcome(outcome)
    async with store.process(sandbox) as dollr:
        first = await collect(dollr, reference_id=REFERENCE)
        assert [payment async for payment in dollr.unfinished()] == []
    entry = await store.entry(UUID(REFERENCE))
    assert (entry.status, entry.outcome) == (first.status, first.status)
    sandbox.requests.clear()
    async with store.process(sandbox) as dollr:
        again = await collect(dollr, reference_id=REFERENCE)
    assert (again.status, again.source_id, again.session_id) == (first.status, first.source_id, first.session_id)
    assert again.status.is_final
    assert operations(sandbox) == ["client_obtain_token", "get_collection_status"]
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("refusal", api_refusals.ONE_OF_EACH.values(), ids=api_refusals.ONE_OF_EACH)
async def test_a_payment_that_is_tried_again_after_a_refusal_is_in_doubt_again(
    sandbox: Sandbox, store: _Store, refusal: ApiRefusal
) -> None:
    pay = partial(collect, reference_id=REFERENCE)
    sandbox.fail("collect", refusal.fault)
    async with store.process(sandbox) as dollr:
        with pytest.raises(CollectError):
            await pay(dollr)
    sandbox.fail("collect", "hang_after")
    assert await _killed_after_a_second(store, sandbox, pay)
    async with store.process(sandbox) as dollr:
        assert [payment.reference_id async for payment in dollr.unfinished()] == [UUID(REFERENCE)]
        assert (await (await pay(dollr)).wait()).status == "COMPLETED"
    assert (len(sent(sandbox, "collect")), len(sandbox.ledger)) == (2, 1)


async def test_a_session_is_replaced_once_however_many_processes_there_are(sandbox: Sandbox, store: _Store) -> None:
    pay = partial(collect, reference_id=REFERENCE)
    sandbox.fail("collect", "hang", times=2)
    for _ in range(2):
        assert await _killed_after_a_second(store, sandbox, pay)
        await store.age(UUID(REFERENCE))
    assert len(sent(sandbox, "create_checkout_session")) == 2
    async with store.process(sandbox) as dollr:
        collection = await pay(dollr)
    assert (len(sent(sandbox, "create_checkout_session")), len(sent(sandbox, "collect"))) == (2, 3)
    assert [entry.session_id for entry in sandbox.ledger] == [collection.session_id]


@pytest.mark.parametrize(("fault", "times"), [("rate_limited", 4), (401, 2)])
async def test_a_session_with_sends_is_not_replaced_without_a_status_check(
    sandbox: Sandbox, store: _Store, fault: str | int, times: int
) -> None:
    pay = partial(collect, reference_id=REFERENCE)
    sandbox.fail("collect", fault, times=times)
    async with store.process(sandbox) as dollr:
        with pytest.raises(CollectError):
            await pay(dollr)
    await store.age(UUID(REFERENCE))
    async with store.process(sandbox) as dollr:
        await pay(dollr)
    assert (len(sent(sandbox, "create_checkout_session")), len(sandbox.ledger)) == (1, 1)


async def test_sends_are_counted_over_all_sessions_and_under_the_present_one(sandbox: Sandbox, store: _Store) -> None:
    pay = partial(collect, reference_id=REFERENCE)
    sandbox.fail("collect", "hang", times=2)
    assert await _killed_after_a_second(store, sandbox, pay)
    first = await store.entry(UUID(REFERENCE))
    await store.age(UUID(REFERENCE))
    assert await _killed_after_a_second(store, sandbox, pay)
    second = await store.entry(UUID(REFERENCE))
    assert [(entry.sends, entry.session_sends, entry.is_renewed) for entry in (first, second)] == [
        (1, 1, False),
        (2, 1, True),
    ]
    assert first.session_id != second.session_id


async def test_what_never_arrived_has_all_its_sends_again_in_the_next_process(sandbox: Sandbox, store: _Store) -> None:
    pay = partial(collect, reference_id=REFERENCE)
    sandbox.fail("collect", "rate_limited", times=8)
    for sends in (4, 8):
        async with store.process(sandbox) as dollr:
            with pytest.raises(CollectError):
                await pay(dollr)
        assert len(sent(sandbox, "collect")) == sends
    assert sandbox.ledger == ()
