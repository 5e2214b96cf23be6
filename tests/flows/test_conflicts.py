"""A conflict is not a refusal: an execution that may be another run's, end to end (docs/design.md, rule 2).

Whatever happens, one reference moves money once, and no error says that no money moved where it did.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aiohttp
import attrs
import pytest

from dollr_async import (
    CollectError,
    DollrClient,
    FeeBearer,
    KnownPayer,
    LineItem,
    OutcomeUnknownError,
    Payer,
    PaymentFailedError,
    RateLimitError,
    ReferenceUsedError,
    ServerError,
    SourceType,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.conftest import check_requests
from tests.flows.api_refusals import BELIEVED_LATER, CONFLICT_SECONDS, CONFLICTS, TEXT_SECONDS
from tests.support.collections import REFERENCE, collect, sent
from tests.support.documents import a_document
from tests.support.payments import payout, ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from dollr_async import Collection
    from tests.contract import Contract
    from tests.flows.api_refusals import ApiRefusal
    from tests.support.payments import Move

_IN_PROGRESS = Fault.answer(409, {"detail": "A request with this reference is in progress"}, after_work=True)
_LAGS = [0.0, 1.0, 20.0]
_ITEM = LineItem(name="Strategy session", amount=Decimal("249.00"))


@asynccontextmanager
async def _sandbox(contract: Contract, *, lag: float = 0.0, **quirks: Any) -> AsyncIterator[Sandbox]:  # noqa: ANN401 - passed on as they are
    """Start a sandbox whose status calls know an execution `lag` seconds after it was accepted."""
    async with Sandbox(quirks=Quirks(status_lag=lag, **quirks)) as sandbox:
        yield sandbox
        check_requests(sandbox, contract)


def _client(sandbox: Sandbox, journal: MemoryJournal | None = None) -> DollrClient:
    return DollrClient(**sandbox.settings, journal=journal)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _checks(sandbox: Sandbox, kind: str = "collection") -> int:
    return len(sandbox.requests_to(f"get_{kind}_status"))


@asynccontextmanager
async def _two_runs(
    sandbox: Sandbox, first: dict[str, Any], second: dict[str, Any]
) -> AsyncIterator[tuple[Collection, Collection | BaseException]]:
    """Collect twice at once under one reference, with two clients; the second is a quarter of a second behind."""
    async with _client(sandbox) as one, _client(sandbox) as other:
        sandbox.set_latency(0.5)
        ahead = asyncio.create_task(collect(one, reference_id=REFERENCE, **first))
        await asyncio.sleep(0.25)
        behind = asyncio.create_task(collect(other, reference_id=REFERENCE, **second))
        won, lost = await asyncio.gather(ahead, behind, return_exceptions=True)
        assert not isinstance(won, BaseException)
        sandbox.set_latency(0.0)
        yield won, lost


# Two runs of one payment, in two processes that share no journal


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("lag", _LAGS)
async def test_of_two_runs_one_moves_money_and_the_other_says_that_its_document_is_not_the_paid_one(
    contract: Contract, lag: float, *, direct: bool
) -> None:
    terms = {"direct": direct}
    async with _sandbox(contract, lag=lag) as sandbox:
        sandbox.set_outcome("stay_pending")
        async with _two_runs(sandbox, terms, terms) as (won, lost):
            assert not isinstance(lost, BaseException), "it is not said that no money moved"
            (entry,) = sandbox.ledger
            assert (entry.reference_id, entry.session_id) == (REFERENCE, won.session_id)
            assert (str(lost.reference_id), lost.source_id != won.source_id) == (REFERENCE, True)
            sandbox.settle(REFERENCE)
            assert (await won.wait()).status == "COMPLETED"
            for _ in range(2):
                began = _now()
                with pytest.raises(ReferenceUsedError, match="not PAID") as caught:
                    await lost.wait()
                assert -0.01 <= _now() - began - CONFLICT_SECONDS <= 5.0, "its document may lag"
                assert caught.value.execution is not None
                assert (str(caught.value.reference_id), caught.value.execution.status) == (REFERENCE, "COMPLETED")
                assert f"{lost.source_type} {lost.source_id}, is ACTIVE, not PAID" in str(caught.value)
                assert f"Follow it with dollr.watch('{REFERENCE}')" in str(caught.value)
                assert "new payment" not in str(caught.value)
            assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("lag", _LAGS)
async def test_of_two_runs_of_a_payment_that_failed_both_say_so(contract: Contract, lag: float) -> None:
    async with _sandbox(contract, lag=lag) as sandbox:
        sandbox.set_outcome("decline")
        async with _two_runs(sandbox, {}, {}) as ends:
            for end in ends:
                assert not isinstance(end, BaseException)
                with pytest.raises(PaymentFailedError):
                    await end.wait()
        assert [entry.status for entry in sandbox.ledger] == ["FAILED"]


@pytest.mark.parametrize("lag", _LAGS)
async def test_a_run_whose_payment_is_completed_by_the_time_it_is_found_says_so_at_once(
    contract: Contract, lag: float
) -> None:
    async with _sandbox(contract, lag=lag) as sandbox:
        sandbox.set_outcome("complete_at_once")
        async with _two_runs(sandbox, {}, {}) as (won, lost):
            assert isinstance(lost, ReferenceUsedError)
            assert "is ACTIVE, not PAID" in str(lost)
            assert (won.status, len(sandbox.ledger)) == ("COMPLETED", 1)


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_two_runs_for_one_document_have_both_paid_it(contract: Contract, source_type: SourceType) -> None:
    async with _sandbox(contract, lag=1.0) as sandbox:
        async with DollrClient(**sandbox.settings) as dollr:
            source = await a_document(dollr, source_type)
        terms = {"items": None, "source": source, "payer": KnownPayer(200_001)}
        async with _two_runs(sandbox, terms, terms) as (won, lost):
            assert not isinstance(lost, BaseException)
            assert [(await end.wait()).status for end in (won, lost)] == ["COMPLETED", "COMPLETED"]
            assert (won.source_id, len(sandbox.ledger)) == (lost.source_id, 1)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"items": [_ITEM]}, r"it moves 257.00 USD, but 249.00 USD was asked for"),
        ({"currency": "LRD", "payer_currency": "USD"}, r"it moves 257.00 USD, but 250.00 LRD was asked for"),
        ({"payer_currency": "LRD"}, "it charges the payer in USD, not in LRD"),
    ],
    ids=["amount", "currency", "payer's currency"],
)
@pytest.mark.parametrize("lag", _LAGS)
async def test_a_run_that_moves_other_money_is_another_runs_from_the_start(
    contract: Contract, lag: float, second: dict[str, Any], why: str
) -> None:
    async with _sandbox(contract, lag=lag) as sandbox:
        sandbox.set_outcome("stay_pending")
        async with _two_runs(sandbox, {}, second) as (_, lost):
            assert isinstance(lost, ReferenceUsedError)
            assert why in str(lost)
            assert f"Follow it with dollr.watch('{REFERENCE}')" in str(lost)
            assert "new payment" not in str(lost)
            assert lost.execution is not None
            assert (lost.execution.status, len(sandbox.ledger)) == ("PENDING", 1)
            found, refused = sandbox.requests_to("get_collection_status")[-1], sandbox.requests_to("collect")[-1]
            assert found.second - refused.second <= lag + 8.5, "nothing is waited for once it is found"


# A conflict about this payment's own execution


@pytest.mark.parametrize(
    ("refusal", "lag"),
    [
        *((refusal, lag) for refusal in CONFLICTS.values() for lag in (1.0, CONFLICT_SECONDS - 1.0)),
        *((refusal, lag) for refusal in BELIEVED_LATER.values() for lag in (1.0, TEXT_SECONDS - 1.0)),
    ],
    ids=[f"{name}, {lag}" for names in (CONFLICTS, BELIEVED_LATER) for name in names for lag in ("a second", "late")],
)
async def test_a_refusal_of_what_has_landed_is_this_payment_as_soon_as_the_status_says_so(
    contract: Contract, refusal: ApiRefusal, lag: float
) -> None:
    async with _sandbox(contract, lag=lag) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("collect", refusal.landed)
        collection = await collect(dollr, reference_id=REFERENCE)
        assert (await collection.wait()).status == "COMPLETED"
        assert [(entry.reference_id, entry.sends) for entry in sandbox.ledger] == [(REFERENCE, 1)]


_TERMS: dict[str, dict[str, Any]] = {
    "order": {"source_type": SourceType.ORDER},
    "direct": {"direct": True},
    "the payee bears the fees": {"fee_bearer": FeeBearer.PAYEE},
    "another currency": {"payer_currency": "LRD"},
    "another currency, and the payee bears the fees": {"payer_currency": "LRD", "fee_bearer": FeeBearer.PAYEE},
    "no decimals": {"currency": "RWF", "payer": Payer("Aline", "250780000009")},
    "an amount that the fees do not divide": {"items": [LineItem("Tea", Decimal("0.07"), 3)]},
}


@pytest.mark.parametrize("terms", _TERMS.values(), ids=_TERMS)
@pytest.mark.parametrize("outcome", ["approve", "complete_at_once"])
async def test_this_payments_own_money_is_recognised(
    sandbox: Sandbox, dollr: DollrClient, terms: dict[str, Any], outcome: str
) -> None:
    sandbox.set_outcome(outcome)
    sandbox.fail("collect", _IN_PROGRESS)
    collection = await collect(dollr, **terms)
    assert (await collection.wait()).status == "COMPLETED"
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("fee_bearer", [FeeBearer.PAYER, FeeBearer.PAYEE])
@pytest.mark.parametrize("payer_currency", ["USD", "LRD"])
async def test_this_payments_own_money_is_recognised_where_it_pays_a_document_that_exists(
    sandbox: Sandbox, dollr: DollrClient, fee_bearer: FeeBearer, payer_currency: str
) -> None:
    source = await a_document(dollr, fee_bearer=fee_bearer)
    sandbox.fail("collect", _IN_PROGRESS)
    collection = await collect(
        dollr, items=None, source=source, payer=KnownPayer(200_001), payer_currency=payer_currency
    )
    assert (await collection.wait()).status == "COMPLETED"
    assert len(sandbox.ledger) == 1


async def test_a_document_that_is_paid_a_little_later_is_this_payments_own(contract: Contract) -> None:
    async with _sandbox(contract, source_lag=20.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        for outcome in ("approve", "complete_at_once"):
            sandbox.set_outcome(outcome)
            sandbox.fail("collect", _IN_PROGRESS)
            assert (await (await collect(dollr)).wait()).status == "COMPLETED"


async def test_a_document_that_cannot_be_read_is_no_proof_of_anything(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_outcome("complete_at_once")
    sandbox.fail("collect", _IN_PROGRESS)
    sandbox.fail("get_payment_source_status", 500, times=None)
    collection = await collect(dollr)
    with pytest.raises(ServerError):
        await collection.wait()
    sandbox.clear_faults()
    assert (await collection.wait()).status == "COMPLETED"


# A proxy that passes a request on twice


class _Twice:
    """A middleware of the caller's session that delivers each execution twice, and gives the second answer back."""

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        response = await handler(request)
        if request.url.path.startswith("/v1/executions/"):
            await response.read()
            response = await handler(request)
        return response


@asynccontextmanager
async def _behind_a_proxy(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    async with (
        aiohttp.ClientSession(middlewares=(_Twice(),)) as session,
        DollrClient(**sandbox.settings, session=session) as dollr,
    ):
        yield dollr


@pytest.mark.parametrize("answer", ["refused", "same_answer"])
@pytest.mark.parametrize("lag", _LAGS)
async def test_an_execution_that_a_proxy_delivers_twice_is_this_payments_own(
    contract: Contract, lag: float, answer: str
) -> None:
    async with _sandbox(contract, lag=lag, repeated_reference=answer) as sandbox, _behind_a_proxy(sandbox) as dollr:
        collection = await collect(dollr, reference_id=REFERENCE)
        assert (await collection.wait()).status == "COMPLETED"
        assert [(entry.reference_id, entry.sends) for entry in sandbox.ledger] == [(REFERENCE, 2)]


@pytest.mark.parametrize("kind", ["PAYOUT", "TRANSFER", "REFUND"])
@pytest.mark.parametrize("lag", _LAGS)
async def test_any_movement_that_a_proxy_delivers_twice_is_its_own(contract: Contract, lag: float, kind: str) -> None:
    async with _sandbox(contract, lag=lag, repeated_reference="refused") as sandbox:
        async with DollrClient(**sandbox.settings) as dollr:
            await ready(kind, sandbox, dollr)
        async with _behind_a_proxy(sandbox) as dollr:
            payment = await (await ready(kind, sandbox, dollr)).begin(reference_id=REFERENCE)
            assert (await payment.wait()).status == "COMPLETED"
        assert [entry.sends for entry in sandbox.ledger if entry.reference_id == REFERENCE] == [2]


# A reference that names another kind


@pytest.mark.parametrize("lag", _LAGS)
async def test_a_reference_that_names_a_payout_is_found_after_a_conflict(contract: Contract, lag: float) -> None:
    async with _sandbox(contract, lag=lag) as sandbox, DollrClient(**sandbox.settings) as dollr:
        await payout(dollr, reference_id=REFERENCE)
        began = _now()
        with pytest.raises(ReferenceUsedError, match="already names a payout") as caught:
            await collect(dollr, reference_id=REFERENCE)
        assert f"follow it with dollr.watch('{REFERENCE}', kind='PAYOUT')" in str(caught.value)
        assert caught.value.execution is not None
        assert _now() - began == pytest.approx(CONFLICT_SECONDS, abs=0.5)
        assert (_checks(sandbox, "payout"), _checks(sandbox, "transfer"), _checks(sandbox, "refund")) == (2, 0, 0)
        assert [(entry.kind, entry.sends) for entry in sandbox.ledger] == [("PAYOUT", 2)]


@pytest.mark.parametrize("fault", [500, "hang", "drop", 403, "garbage"])
async def test_other_kinds_that_cannot_be_asked_leave_the_outcome_unknown(
    sandbox: Sandbox, dollr: DollrClient, fault: str | int
) -> None:
    await payout(dollr, reference_id=REFERENCE)
    sandbox.fail("get_payout_status", fault, times=None)
    with pytest.raises(OutcomeUnknownError):
        await collect(dollr, reference_id=REFERENCE)
    assert len(sandbox.ledger) == 1


async def test_other_kinds_are_asked_again_until_they_answer(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", 409)
    sandbox.fail("get_transfer_status", 503, times=3)
    with pytest.raises(CollectError, match="no money moved"):
        await collect(dollr, reference_id=REFERENCE)
    assert sandbox.ledger == ()


# Too many requests


def _limited(retry_after: float | None, *, landed: bool) -> Fault:
    return attrs.evolve(Fault.rate_limited(retry_after), after_work=landed)


@pytest.mark.parametrize(("retry_after", "sends"), [(None, 4), (61.0, 1)], ids=["the last", "for too long"])
@pytest.mark.parametrize("landed", [False, True])
async def test_a_last_429_is_followed_by_one_status_check(
    sandbox: Sandbox, dollr: DollrClient, retry_after: float | None, sends: int, *, landed: bool
) -> None:
    sandbox.fail("collect", _limited(retry_after, landed=landed), times=sends)
    if landed:
        assert (await (await collect(dollr)).wait()).status == "COMPLETED"
    else:
        with pytest.raises(CollectError, match="no money moved") as caught:
            await collect(dollr)
        assert isinstance(caught.value.__cause__, RateLimitError)
        assert _checks(sandbox) == 1
    assert len(sent(sandbox, "collect")) == sends
    assert [entry.sends for entry in sandbox.ledger] == ([sends] if landed else [])


@pytest.mark.parametrize("fault", [500, "hang", "rate_limited"])
async def test_a_last_429_that_nobody_can_check_is_unknown(
    sandbox: Sandbox, dollr: DollrClient, fault: str | int
) -> None:
    sandbox.fail("collect", _limited(61.0, landed=True))
    sandbox.fail("get_collection_status", fault, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await collect(dollr)
    assert isinstance(caught.value.__cause__, RateLimitError)
    assert len(sandbox.ledger) == 1


# Payouts, transfers and refunds, whose amount and currency decide


@pytest.fixture(params=["PAYOUT", "TRANSFER", "REFUND"])
async def move(request: pytest.FixtureRequest, sandbox: Sandbox, dollr: DollrClient) -> Move:
    """A movement of each kind, ready to begin."""
    return await ready(request.param, sandbox, dollr)


async def _begin_twice(move: Move, dollr: DollrClient, **changes: Any) -> BaseException | None:  # noqa: ANN401 - passed on as they are
    """Begin a movement twice at once under one reference, and return how the second ended."""
    move.sandbox.set_latency(0.5)
    ahead = asyncio.create_task(move.begin(reference_id=REFERENCE))
    await asyncio.sleep(0.25)
    behind = asyncio.create_task(move.begin(reference_id=REFERENCE, **changes))
    won, lost = await asyncio.gather(ahead, behind, return_exceptions=True)
    move.sandbox.set_latency(0.0)
    for payment in (won, lost):
        if not isinstance(payment, BaseException):
            assert (await payment.wait()).status == "COMPLETED"
    assert not isinstance(won, BaseException)
    return lost if isinstance(lost, BaseException) else None


async def test_of_two_movements_with_different_amounts_one_moves(move: Move, dollr: DollrClient) -> None:
    lost = await _begin_twice(move, dollr, amount=Decimal("2.00"))
    assert isinstance(lost, ReferenceUsedError)
    assert "2.00" in str(lost)
    assert f"Follow it with dollr.watch('{REFERENCE}', kind='{move.kind}')" in str(lost)
    assert "new payment" not in str(lost)
    assert len(move.ledger) == 1


async def test_of_two_movements_with_the_same_amount_one_moves_and_both_are_completed(
    move: Move, dollr: DollrClient
) -> None:
    assert await _begin_twice(move, dollr) is None
    assert len(move.ledger) == 1


async def test_a_movement_in_another_currency_is_another_runs(sandbox: Sandbox, dollr: DollrClient) -> None:
    move = await ready("PAYOUT", sandbox, dollr)
    lost = await _begin_twice(move, dollr, currency="LRD")
    assert isinstance(lost, ReferenceUsedError)
    assert "10.00 LRD was asked for" in str(lost)
    assert len(move.ledger) == 1


# With a journal


async def test_a_conflict_is_no_refusal_in_the_journal(contract: Contract) -> None:
    journal = MemoryJournal()
    async with _sandbox(contract, lag=1.0) as sandbox, _client(sandbox) as other:
        sandbox.set_outcome("stay_pending")
        sandbox.set_latency(0.5)
        async with _client(sandbox, journal) as dollr:
            ahead = asyncio.create_task(collect(other, reference_id=REFERENCE))
            await asyncio.sleep(0.25)
            collection = await collect(dollr, reference_id=REFERENCE)
            await ahead
            entry = await journal.read(UUID(REFERENCE))
            assert entry is not None
            assert (entry.outcome, entry.status) == (None, "PENDING")
            assert [payment.reference_id async for payment in dollr.unfinished()] == [UUID(REFERENCE)]
            sandbox.settle(REFERENCE)
            with pytest.raises(ReferenceUsedError, match="not PAID"):
                await collection.wait()
        assert len(sandbox.ledger) == 1


async def test_a_conflict_stays_unfinished_until_it_is_known(contract: Contract) -> None:
    journal = MemoryJournal()
    async with _sandbox(contract) as sandbox:
        sandbox.fail("collect", _IN_PROGRESS)
        sandbox.fail("get_collection_status", Fault.latency(0.0))  # the reference is checked before its first use
        sandbox.fail("get_collection_status", 500, times=None)
        for _ in range(2):
            async with _client(sandbox, journal) as dollr:
                with pytest.raises(OutcomeUnknownError):
                    await collect(dollr, reference_id=REFERENCE)
                entry = await journal.read(UUID(REFERENCE))
                assert entry is not None
                assert (entry.outcome, entry.in_doubt) == (None, True)
                assert [payment.reference_id async for payment in dollr.unfinished()] == [UUID(REFERENCE)]
        sandbox.clear_faults()
        async with _client(sandbox, journal) as dollr:
            collection = await collect(dollr, reference_id=REFERENCE)
            assert (await collection.wait()).status == "COMPLETED"
            assert [payment async for payment in dollr.unfinished()] == []
        assert [entry.sends for entry in sandbox.ledger] == [1]


async def test_a_conflict_that_stays_absent_is_refused_in_the_journal_and_may_be_tried_again(
    contract: Contract,
) -> None:
    journal = MemoryJournal()
    async with _sandbox(contract) as sandbox, _client(sandbox, journal) as dollr:
        sandbox.fail("collect", 409)
        with pytest.raises(CollectError, match="no money moved"):
            await collect(dollr, reference_id=REFERENCE)
        entry = await journal.read(UUID(REFERENCE))
        assert entry is not None
        assert (entry.outcome, entry.in_doubt) == ("REFUSED", False)
        assert (await (await collect(dollr, reference_id=REFERENCE)).wait()).status == "COMPLETED"
        assert [entry.reference_id for entry in sandbox.ledger] == [REFERENCE]


async def test_a_reference_that_names_a_payout_is_refused_in_the_journal(contract: Contract) -> None:
    journal = MemoryJournal()
    async with _sandbox(contract, lag=1.0) as sandbox, _client(sandbox) as other:
        await payout(other, reference_id=REFERENCE)
        async with _client(sandbox, journal) as dollr:
            with pytest.raises(ReferenceUsedError, match="already names a payout"):
                await collect(dollr, reference_id=REFERENCE)
            entry = await journal.read(UUID(REFERENCE))
            assert entry is not None
            assert (entry.outcome, entry.in_doubt) == ("REFUSED", False)
            assert [payment async for payment in dollr.unfinished()] == []
        assert [entry.kind for entry in sandbox.ledger] == ["PAYOUT"]


async def test_a_conflict_outlives_its_process(contract: Contract) -> None:
    journal = MemoryJournal()
    async with _sandbox(contract, lag=20.0) as sandbox, _client(sandbox) as other:
        sandbox.set_latency(0.5)
        ahead = asyncio.create_task(collect(other, reference_id=REFERENCE))
        await asyncio.sleep(0.25)
        async with _client(sandbox, journal) as dollr:
            task = asyncio.create_task(collect(dollr, reference_id=REFERENCE))
            await asyncio.sleep(10.0)  # it is refused by now, and the API says that it does not know the reference
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await (await ahead).wait()
        async with _client(sandbox, journal) as dollr:
            with pytest.raises(ReferenceUsedError, match="not PAID"):
                await collect(dollr, reference_id=REFERENCE)
        assert len(sandbox.ledger) == 1


async def test_an_unfinished_payment_says_too_that_its_document_is_not_the_paid_one(contract: Contract) -> None:
    journal = MemoryJournal()
    async with _sandbox(contract, lag=1.0) as sandbox, _client(sandbox) as other:
        sandbox.set_outcome("stay_pending")
        sandbox.set_latency(0.5)
        ahead = asyncio.create_task(collect(other, reference_id=REFERENCE))
        await asyncio.sleep(0.25)
        async with _client(sandbox, journal) as dollr:
            await collect(dollr, reference_id=REFERENCE)
        await ahead
        sandbox.settle(REFERENCE)
        async with _client(sandbox, journal) as dollr:
            (payment,) = [payment async for payment in dollr.unfinished()]
            with pytest.raises(ReferenceUsedError, match="not PAID"):
                await payment.wait()
        assert len(sandbox.ledger) == 1
