"""A client with a journal: stored before the money moves, one charge for one reference, and no payment forgotten."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import pytest

from dollr_async import (
    Card,
    CollectError,
    ConfigurationError,
    DollrClient,
    DollrError,
    FeeBearer,
    JournalError,
    KnownPayer,
    KnownSource,
    LineItem,
    MobileMoney,
    OutcomeUnknownError,
    Payer,
    PaymentFailedError,
    ReferenceUsedError,
    RetryPolicy,
    SourceType,
    UnfinishedPayment,
)
from dollr_async.journal import LeaseLostError, MemoryJournal, SQLiteJournal
from dollr_async.sandbox import Fault, Sandbox
from dollr_async.testing.support import an_entry
from tests.conftest import check_requests
from tests.support.collections import ITEM, PAYER, REFERENCE, collect, operations, sent
from tests.support.payments import Move, payout, ready, transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from pathlib import Path

    from dollr_async import Collection
    from dollr_async.journal import Claim, Entry
    from tests.contract import Contract

_ID = UUID(REFERENCE)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
async def journaled(sandbox: Sandbox, journal: MemoryJournal) -> AsyncIterator[DollrClient]:
    """A client with a journal."""
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        yield dollr


def _collect(dollr: DollrClient, **changes: Any) -> Coroutine[Any, Any, Collection]:  # noqa: ANN401 - passed on as they are
    return collect(dollr, **{"reference_id": REFERENCE, **changes})


async def _entry(journal: MemoryJournal, reference_id: UUID = _ID) -> Entry:
    found = await journal.read(reference_id)
    assert found is not None
    return found


async def _unfinished(dollr: DollrClient) -> list[UnfinishedPayment]:
    return [payment async for payment in dollr.unfinished()]


# A journal that fails


class _Failing(MemoryJournal):
    """Raises `error` when it writes an entry for which `fails` is true."""

    def __init__(self, fails: Callable[[Entry], bool], error: type[JournalError] = JournalError) -> None:
        super().__init__()
        self.fails, self.error = fails, error

    async def claim(self, entry: Entry) -> Claim:
        self._fail(entry)
        return await super().claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        self._fail(entry)
        await super().write(entry, number)

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        self._fail(await _entry(self, reference_id))
        await super().settle(reference_id, status, outcome)

    async def read(self, reference_id: UUID) -> Entry | None:
        return await super().read(reference_id)

    def _fail(self, entry: Entry) -> None:
        if self.fails(entry):
            raise self.error("the disk is full")


async def test_a_payment_that_cannot_be_claimed_sends_nothing(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=_Failing(lambda _: True)) as dollr:
        with pytest.raises(JournalError, match="the disk is full"):
            await _collect(dollr)
    assert sandbox.requests == []


@pytest.mark.parametrize("step", ["party", "counterparty", "document", "items", "publish", "session"])
async def test_a_step_that_cannot_be_stored_ends_the_run(sandbox: Sandbox, step: str) -> None:
    journal = _Failing(lambda entry: entry.step == step)
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        with pytest.raises(JournalError):
            await _collect(dollr)
        assert sent(sandbox, "collect") == []
        journal.fails = lambda _: False
        await _collect(dollr)
    assert (len(sent(sandbox, "create_invoice")), len(sandbox.ledger)) == (1, 1)


@pytest.mark.parametrize("error", [JournalError, LeaseLostError])
async def test_an_execution_that_cannot_be_stored_is_not_sent(sandbox: Sandbox, error: type[JournalError]) -> None:
    async with DollrClient(**sandbox.settings, journal=_Failing(lambda entry: entry.sends > 0, error)) as dollr:
        with pytest.raises(error, match="the disk is full"):
            await _collect(dollr)
    assert (operations(sandbox)[-1], sandbox.ledger) == ("create_checkout_session", ())


@pytest.mark.parametrize("kind", ["PAYOUT", "TRANSFER", "REFUND"])
async def test_no_kind_of_money_moves_before_it_is_stored(sandbox: Sandbox, dollr: DollrClient, kind: str) -> None:
    await ready(kind, sandbox, dollr)
    async with DollrClient(**sandbox.settings, journal=_Failing(lambda entry: entry.sends > 0)) as failing:
        move = await ready(kind, sandbox, failing) if kind == "PAYOUT" else Move(kind, _moving(kind, failing), sandbox)
        with pytest.raises(JournalError):
            await move.begin()
    assert (move.sends, move.ledger) == (0, [])


def _moving(kind: str, dollr: DollrClient) -> Callable[..., Any]:
    if kind == "TRANSFER":
        return lambda: transfer(dollr)
    return lambda: dollr.refund(original_payment_intent_id=700_001, amount=Decimal(1))


async def test_a_payment_goes_on_when_the_journal_fails_after_the_execution_and_the_error_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    journal = _Failing(lambda entry: entry.status is not None)
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        collection = await _collect(dollr)
        journal.fails = lambda _: True
        assert (await collection.wait()).status == "COMPLETED"
    logged = [(record.name, record.levelname) for record in caplog.records]
    assert set(logged) == {("dollr_async.journal", "ERROR")}
    words = f"payment {REFERENCE}: its state could not be written to the journal (the disk is full)"
    assert caplog.records[0].getMessage() == words
    assert all(REFERENCE in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("error", [JournalError, LeaseLostError])
async def test_a_resend_that_cannot_be_stored_leaves_the_outcome_unknown(
    sandbox: Sandbox, error: type[JournalError]
) -> None:
    sandbox.fail("collect", "drop")
    async with DollrClient(**sandbox.settings, journal=_Failing(lambda entry: entry.sends > 1, error)) as dollr:
        with pytest.raises(OutcomeUnknownError) as caught:
            await _collect(dollr)
    assert isinstance(caught.value.__cause__, error)
    assert (len(sent(sandbox, "collect")), sandbox.ledger) == (1, ())


async def test_a_send_whose_result_could_not_be_stored_stays_in_doubt_for_the_next_run(sandbox: Sandbox) -> None:
    journal = _Failing(lambda entry: entry.sends > 0 and (not entry.in_doubt or entry.outcome is not None))
    sandbox.fail("collect", "rate_limited", times=4)
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        with pytest.raises(CollectError):
            await _collect(dollr)
    assert (await _entry(journal)).in_doubt


async def test_watching_goes_on_when_the_journal_cannot_be_read(sandbox: Sandbox, dollr: DollrClient) -> None:
    class Unreadable(MemoryJournal):
        async def read(self, reference_id: UUID) -> Entry | None:
            raise JournalError(f"{reference_id} cannot be read")

    collection = await collect(dollr)
    async with DollrClient(**sandbox.settings, journal=Unreadable()) as other:
        assert (await other.wait(collection.reference_id)).status == "COMPLETED"


# One reference with its terms


_CHANGES: dict[str, dict[str, Any]] = {
    "name": {"payer": Payer("Amara Kamarra", "231771234567", country_code="LR")},
    "phone": {"payer": Payer("Amara Kamara", "231771234568", country_code="LR")},
    "email": {"payer": attrs.evolve(PAYER, email="amara@example.com")},
    "country": {"payer": Payer("Amara Kamara", "231771234567")},
    "another kind of payer": {"payer": KnownPayer(200_001)},
    "amount": {"items": [LineItem("Strategy session", Decimal("250.01"))]},
    "line": {"items": [LineItem("Strategy sessions", Decimal("250.00"))]},
    "quantity": {"items": [LineItem("Strategy session", Decimal("125.00"), qty=2)]},
    "one line more": {"items": [ITEM, LineItem("Tea", 1)]},
    "currency": {"currency": "LRD"},
    "payer's currency": {"payer_currency": "LRD"},
    "kind of document": {"source_type": SourceType.ORDER},
    "route": {"direct": True},
    "bearer": {"fee_bearer": FeeBearer.PAYEE},
    "wallet": {"pay_with": MobileMoney(phone="231771234568")},
    "card": {"pay_with": Card("Amara Kamara")},
    "document that exists": {"items": None, "source": KnownSource("INVOICE", 300_001, Decimal("250.00"))},
}


@pytest.mark.parametrize("changes", _CHANGES.values(), ids=_CHANGES)
async def test_a_reference_with_different_terms_is_refused(
    sandbox: Sandbox, journaled: DollrClient, changes: dict[str, Any]
) -> None:
    await _collect(journaled)
    sandbox.requests.clear()
    with pytest.raises(ReferenceUsedError, match=r"with different terms, begun .* UTC: follow that one with") as caught:
        await _collect(journaled, **changes)
    assert (caught.value.reference_id, sandbox.requests) == (_ID, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "another"},
        {"due_date": datetime(2099, 1, 1, tzinfo=UTC)},
        {"document_reference": "order 17"},
        {"items": [LineItem("Strategy session", Decimal(250))]},
        {"reference_id": _ID},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_terms_that_do_not_change_a_payment_are_not_compared(
    sandbox: Sandbox, journaled: DollrClient, changes: dict[str, Any]
) -> None:
    first = await _collect(journaled)
    again = await _collect(journaled, **changes)
    assert (again.source_id, len(sandbox.ledger)) == (first.source_id, 1)


@pytest.mark.parametrize("changes", [{"currency": "LRD"}, {"amount": Decimal(11)}, {"to": KnownPayer(200_001)}])
async def test_a_payout_with_different_terms_is_refused(
    sandbox: Sandbox, journaled: DollrClient, changes: dict[str, Any]
) -> None:
    await payout(journaled, reference_id=REFERENCE)
    with pytest.raises(ReferenceUsedError):
        await payout(journaled, reference_id=REFERENCE, **changes)
    assert len(sandbox.ledger) == 1


async def test_a_reference_of_another_kind_is_refused(journaled: DollrClient) -> None:
    await payout(journaled, reference_id=REFERENCE)
    with pytest.raises(ReferenceUsedError, match="kind='PAYOUT'"):
        await _collect(journaled)


@pytest.fixture
async def rotated(contract: Contract, sandbox: Sandbox, journal: MemoryJournal) -> AsyncIterator[Sandbox]:
    """A sandbox whose secret changed after a payment that began under the first secret and made nothing."""
    sandbox.fail("*", 422, times=None)
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        with pytest.raises(CollectError):
            await _collect(dollr)
    async with Sandbox(client_secret="after-the-change") as changed:
        yield changed
    check_requests(changed, contract)


@pytest.mark.parametrize("name", ["amount", "quantity", "one line more", "currency"])
async def test_lines_and_currency_are_compared_after_the_secret_has_changed(
    rotated: Sandbox, journal: MemoryJournal, name: str
) -> None:
    async with DollrClient(**rotated.settings, journal=journal) as dollr:
        with pytest.raises(ReferenceUsedError):
            await _collect(dollr, **_CHANGES[name])
    assert rotated.requests == []


async def test_a_payment_is_resumed_after_the_secret_has_changed(rotated: Sandbox, journal: MemoryJournal) -> None:
    async with DollrClient(**rotated.settings, journal=journal) as dollr:
        await _collect(dollr)
    assert len(rotated.ledger) == 1


# Two runs at the same time


async def test_two_tasks_of_one_client_make_one_charge_and_both_get_it(
    sandbox: Sandbox, journaled: DollrClient
) -> None:
    sandbox.set_latency(0.2)
    first, second = await asyncio.gather(_collect(journaled), _collect(journaled))
    assert (first.source_id, first.session_id) == (second.source_id, second.session_id)
    assert {len(sent(sandbox, operation)) for operation in ("create_invoice", "collect")} == {1}
    assert len(sandbox.ledger) == 1


async def test_two_processes_with_one_file_make_one_charge_and_both_get_it(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.set_latency(0.2)
    async with AsyncExitStack() as processes:
        clients = []
        for _ in range(3):
            journal = await processes.enter_async_context(SQLiteJournal(tmp_path / "journal.db"))
            clients.append(await processes.enter_async_context(DollrClient(**sandbox.settings, journal=journal)))
        found = await asyncio.gather(*(_collect(dollr) for dollr in clients))
        await asyncio.gather(*(collection.wait() for collection in found))
    assert len({(collection.source_id, collection.session_id) for collection in found}) == 1
    assert (len(sent(sandbox, "collect")), len(sandbox.ledger)) == (1, 1)


async def test_a_waiting_run_continues_when_the_other_is_cancelled(sandbox: Sandbox, journaled: DollrClient) -> None:
    sandbox.fail("publish_invoice", "hang")
    first = asyncio.create_task(_collect(journaled))
    await asyncio.sleep(1.0)
    second = asyncio.create_task(_collect(journaled))
    await asyncio.sleep(5.0)
    assert len(sent(sandbox, "create_invoice")) == 1
    first.cancel()
    collection = await second
    assert collection.source_id == 300_001
    assert (len(sent(sandbox, "create_invoice")), len(sandbox.ledger)) == (1, 1)


async def test_a_waiting_run_can_be_cancelled(sandbox: Sandbox, journaled: DollrClient) -> None:
    sandbox.fail("publish_invoice", "hang")
    first = asyncio.create_task(_collect(journaled))
    await asyncio.sleep(1.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_collect(journaled), 5.0)
    await first
    assert len(sandbox.ledger) == 1


async def test_a_lease_is_renewed_while_its_run_lives(sandbox: Sandbox, journaled: DollrClient) -> None:
    sandbox.fail("create_checkout_session", Fault.latency(29.0), times=3)
    first = asyncio.create_task(_collect(journaled))
    await asyncio.sleep(20.0)
    await asyncio.gather(first, _collect(journaled))
    assert (len(sent(sandbox, "create_checkout_session")), len(sandbox.ledger)) == (1, 1)


async def test_a_lease_is_renewed_at_every_third_of_it_until_its_run_ends(sandbox: Sandbox) -> None:
    class Noting(MemoryJournal):
        def __init__(self) -> None:
            super().__init__(lease=30.0)
            self.renewed_at: list[float] = []

        async def renew(self, reference_id: UUID, number: int) -> None:
            self.renewed_at.append(asyncio.get_running_loop().time())
            await super().renew(reference_id, number)

    journal = Noting()
    sandbox.fail("create_checkout_session", Fault.latency(29.0))
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        began = asyncio.get_running_loop().time()
        await _collect(dollr)
        await asyncio.sleep(100.0)
    assert [at - began for at in journal.renewed_at] == pytest.approx([10.0, 20.0], abs=1.0)


class _Silent(MemoryJournal):
    """A journal whose first run does not renew its lease until another run has taken it."""

    taken = 0

    async def claim(self, entry: Entry) -> Claim:
        claim = await super().claim(entry)
        self.taken = claim.number or self.taken
        return claim

    async def renew(self, reference_id: UUID, number: int) -> None:
        if self.taken > 1:
            await super().renew(reference_id, number)


@pytest.mark.parametrize("operation", ["create_invoice", "publish_invoice", "create_checkout_session"])
async def test_a_run_that_lost_its_lease_sends_nothing_more(sandbox: Sandbox, operation: str) -> None:
    sandbox.fail(operation, Fault.latency(25.0))
    async with DollrClient(**sandbox.settings, journal=_Silent()) as dollr:
        first = asyncio.create_task(_collect(dollr))
        await asyncio.sleep(1.0)
        second = await _collect(dollr)
        with pytest.raises(LeaseLostError, match="another run has taken it over"):
            await first
    assert [entry.session_id for entry in sandbox.ledger] == [second.session_id]
    assert len(sent(sandbox, "collect")) == 1


@pytest.mark.parametrize("fault", [Fault.latency(25.0), Fault.hang()], ids=["late", "never"])
async def test_an_execution_whose_run_lost_its_lease_is_charged_once(sandbox: Sandbox, fault: Fault) -> None:
    sandbox.fail("collect", fault)
    async with DollrClient(**sandbox.settings, journal=_Silent()) as dollr:
        first = asyncio.create_task(_collect(dollr))
        await asyncio.sleep(1.0)
        await _collect(dollr)
        await asyncio.gather(first, return_exceptions=True)
    assert len({str(body) for body in sent(sandbox, "collect")}) == 1
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize(("fault", "times"), [(422, 1), (429, 1), (401, 2)])
async def test_a_refused_run_that_lost_its_lease_does_not_say_that_no_money_moved(
    sandbox: Sandbox, fault: int, times: int
) -> None:
    sandbox.set_latency(25.0, "collect")
    sandbox.fail("collect", fault, times=times)
    once = RetryPolicy(attempts=1)
    async with DollrClient(**sandbox.settings, journal=_Silent(), retry=once) as dollr:
        first = asyncio.create_task(_collect(dollr))
        await asyncio.sleep(1.0)
        second = asyncio.create_task(_collect(dollr))
        with pytest.raises(LeaseLostError):
            await first
        await second
    assert [entry.reference_id for entry in sandbox.ledger] == [REFERENCE]


class _WithoutLeases(MemoryJournal):
    """A journal that keeps entries, and can neither renew nor release a lease."""

    async def renew(self, reference_id: UUID, number: int) -> None:
        raise JournalError("the disk is full")

    async def release(self, reference_id: UUID, number: int) -> None:
        raise JournalError("the disk is full")


async def test_a_lease_that_cannot_be_renewed_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.fail("create_checkout_session", Fault.latency(6.0))
    async with DollrClient(**sandbox.settings, journal=_WithoutLeases()) as dollr:
        await _collect(dollr)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert [record.getMessage() for record in caplog.records] == [
        f"payment {REFERENCE}: its lease could not be renewed (the disk is full)",
        f"payment {REFERENCE}: its lease could not be given back (the disk is full)",
    ]
    assert [str(vars(record)["reference_id"]) for record in caplog.records] == [REFERENCE, REFERENCE]


@pytest.mark.parametrize("operation", ["create_party", "collect"])
async def test_a_run_that_cannot_check_its_lease_logs_that_and_raises_its_own_error(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, operation: str
) -> None:
    sandbox.fail(operation, 422)
    async with DollrClient(**sandbox.settings, journal=_WithoutLeases()) as dollr:
        with pytest.raises(CollectError):
            await _collect(dollr)
    renewed = f"payment {REFERENCE}: its lease could not be renewed (the disk is full)"
    assert [record.getMessage() for record in caplog.records][:1] == [renewed]


async def test_a_status_that_cannot_be_stored_is_logged_with_what_the_journal_lacks(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    class Unsettling(MemoryJournal):
        async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
            raise JournalError("the disk is full")

    async with DollrClient(**sandbox.settings, journal=Unsettling()) as dollr:
        assert (await (await _collect(dollr)).wait()).status == "COMPLETED"
    messages = [record.getMessage() for record in caplog.records]
    assert set(messages[:-1]) == {f"payment {REFERENCE}: its status could not be written to the journal"}
    words = "it is COMPLETED, but the journal could not be written: it stays open there until the next check"
    assert messages[-1] == f"payment {REFERENCE}: {words}"
    assert {str(vars(record)["reference_id"]) for record in caplog.records} == {REFERENCE}
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_status_that_could_not_be_stored_is_stored_as_soon_as_the_journal_works(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, *, is_closed: bool
) -> None:
    class Full(MemoryJournal):
        is_full = True

        async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
            if self.is_full:
                raise JournalError("the disk is full")
            await super().settle(reference_id, status, outcome)

    journal = Full()
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        await (await _collect(dollr)).wait()
        journal.is_full = False
        if not is_closed:
            await asyncio.sleep(10.0)
            assert await _outcome(journal) == "COMPLETED"
    assert await _outcome(journal) == "COMPLETED"
    assert "does not know" not in caplog.text


async def test_an_accepted_payment_that_could_not_be_stored_is_stored_later(sandbox: Sandbox) -> None:
    class FullAfterTheSend(MemoryJournal):
        async def write(self, entry: Entry, number: int) -> None:
            if entry.status is not None:
                raise JournalError("the disk is full")
            await super().write(entry, number)

    journal = FullAfterTheSend()
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        await _collect(dollr)
        assert await _status(journal) is None
        await asyncio.sleep(10.0)
        assert await _status(journal) == "PENDING"


async def _outcome(journal: MemoryJournal) -> str | None:
    entry = await journal.read(UUID(REFERENCE))
    return None if entry is None else entry.outcome


async def _status(journal: MemoryJournal) -> str | None:
    entry = await journal.read(UUID(REFERENCE))
    return None if entry is None else entry.status


# Unfinished payments


async def test_without_a_journal_nobody_knows_what_is_unfinished(dollr: DollrClient) -> None:
    with pytest.raises(ConfigurationError, match=r"make the client with DollrClient\(journal=\.\.\.\)"):
        await _unfinished(dollr)


async def _cut_off(sandbox: Sandbox, dollr: DollrClient, operation: str, fault: str = "hang") -> None:
    sandbox.fail(operation, fault)
    task = asyncio.create_task(_collect(dollr))
    await asyncio.sleep(1.0)
    assert await _unfinished(dollr) == [], "a live run works on it"
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("operation", "steps", "executed", "made"),
    [
        ("create_party", {"", "operator"}, False, None),
        ("create_invoice", {"counterparty", "payment_account"}, False, None),
        ("create_checkout_session", {"publish"}, False, 300_001),
        ("collect", {"session"}, True, 300_001),
    ],
)
async def test_a_payment_that_was_cut_off_is_unfinished(
    sandbox: Sandbox, journaled: DollrClient, operation: str, steps: set[str], made: int | None, *, executed: bool
) -> None:
    await _cut_off(sandbox, journaled, operation)
    (payment,) = await _unfinished(journaled)
    assert (payment.reference_id, payment.kind, payment.executed) == (_ID, "COLLECTION", executed)
    assert payment.step in steps
    assert payment.progress.source_id == made
    assert datetime.now(UTC) - payment.began_at < timedelta(minutes=1)


async def test_the_check_of_a_new_reference_is_not_a_step(sandbox: Sandbox, journaled: DollrClient) -> None:
    sandbox.fail("create_party", "hang")
    wallet = MobileMoney(method="ORANGE_MONEY_LBR", provider="PAWAPAY")
    task = asyncio.create_task(_collect(journaled, pay_with=wallet))
    await asyncio.sleep(1.0)
    task.cancel()
    await asyncio.wait([task])
    assert [(payment.step, payment.executed) for payment in await _unfinished(journaled)] == [("", False)]


async def test_the_oldest_comes_first(sandbox: Sandbox, journaled: DollrClient) -> None:
    begun = [(await collect(journaled)).reference_id for _ in range(3)]
    assert [payment.reference_id for payment in await _unfinished(journaled)] == begun
    assert len(sandbox.ledger) == 3


async def test_an_unfinished_payment_is_followed_to_its_final_status(sandbox: Sandbox, journaled: DollrClient) -> None:
    await _cut_off(sandbox, journaled, "collect", "hang_after")
    (payment,) = await _unfinished(journaled)
    assert [change.status async for change in payment.watch()][-1] == "COMPLETED"
    assert (await payment.wait()).status == "COMPLETED"
    assert await _unfinished(journaled) == []


async def test_an_unfinished_payout_is_followed_as_a_payout(sandbox: Sandbox, journaled: DollrClient) -> None:
    await payout(journaled)
    (payment,) = await _unfinished(journaled)
    assert (payment.kind, (await payment.wait()).status) == ("PAYOUT", "COMPLETED")
    assert len(sandbox.requests_to("get_payout_status")) >= 1


@pytest.mark.parametrize("ends", ["wait", "watch", "the handle's wait", "the handle"])
@pytest.mark.parametrize(("phone", "outcome"), [("231770000001", "COMPLETED"), ("231770000002", "FAILED")])
async def test_a_final_status_that_following_finds_is_stored(
    sandbox: Sandbox, journaled: DollrClient, journal: MemoryJournal, ends: str, phone: str, outcome: str
) -> None:
    collection = await _collect(journaled, payer=Payer("Amara Kamara", phone))
    assert len(await _unfinished(journaled)) == 1
    async with DollrClient(**sandbox.settings, journal=journal) as other:
        following: dict[str, Callable[[], Awaitable[object]]] = {
            "wait": lambda: other.wait(REFERENCE),
            "watch": lambda: _to_the_end(other.watch(REFERENCE)),
            "the handle's wait": collection.wait,
            "the handle": lambda: _to_the_end(collection),
        }
        try:
            await following[ends]()
        except PaymentFailedError:
            assert outcome == "FAILED"
    entry = await _entry(journal)
    assert (entry.status, entry.outcome, await _unfinished(journaled)) == (outcome, outcome, [])


async def _to_the_end(changes: Any) -> None:  # noqa: ANN401 - a handle or a watch
    async for _ in changes:
        pass


async def test_a_payment_that_is_not_in_the_journal_can_be_followed(
    sandbox: Sandbox, dollr: DollrClient, journaled: DollrClient
) -> None:
    collection = await collect(dollr)
    assert (await journaled.wait(collection.reference_id)).status == "COMPLETED"
    assert (await _unfinished(journaled), len(sandbox.ledger)) == ([], 1)


@pytest.mark.parametrize(("age", "interval"), [(0.0, 2.0), (3600.0, 5.0)])
async def test_the_age_of_a_payment_comes_from_the_journal(
    sandbox: Sandbox, dollr: DollrClient, journaled: DollrClient, journal: MemoryJournal, age: float, interval: float
) -> None:
    collection = await collect(dollr, payer=Payer("Amara Kamara", "231770000004"))
    began_at = datetime.now(UTC) - timedelta(seconds=age)
    await journal.claim(attrs.evolve(an_entry(began_at=began_at), reference_id=collection.reference_id))
    sandbox.requests.clear()
    with pytest.raises(DollrError):
        await journaled.wait(collection.reference_id, timeout=20.0)
    first, second = [request.second for request in sandbox.requests_to("get_collection_status")][:2]
    assert second - first == pytest.approx(interval, rel=0.11)


# An existing document


async def test_after_a_declined_payment_another_one_may_pay_its_document(
    sandbox: Sandbox, journaled: DollrClient
) -> None:
    first = await _collect(journaled, payer=Payer("Amara Kamara", "231770000002"))
    with pytest.raises(PaymentFailedError):
        await first.wait()
    source = KnownSource("INVOICE", first.source_id or 0, Decimal("250.00"))
    payer = KnownPayer(first.counterparty_id or 0)
    second = await collect(journaled, payer=payer, pay_with=MobileMoney("231770000001"), items=None, source=source)
    assert (await second.wait()).status == "COMPLETED"
    assert [entry.status for entry in sandbox.ledger] == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize("fault", ["none", "hang", "hang_after"])
async def test_a_document_that_is_being_paid_is_not_charged_again(
    sandbox: Sandbox, journaled: DollrClient, fault: str
) -> None:
    if fault == "none":
        await _collect(journaled, payer=Payer("Amara Kamara", "231770000004"))
    else:
        await _cut_off(sandbox, journaled, "collect", fault)
    before = len(sent(sandbox, "collect"))
    # What the API does not know yet, the journal knows.
    words = f"is already being paid by payment {REFERENCE}: follow that one" if fault == "hang" else "is PROCESSING"
    with pytest.raises(CollectError, match=words):
        await collect(journaled, items=None, source=KnownSource("INVOICE", 300_001, Decimal("250.00")))
    assert len(sent(sandbox, "collect")) == before


# The journal itself


async def test_the_callers_journal_is_not_closed(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SQLiteJournal(tmp_path / "journal.db") as journal:
        async with DollrClient(**sandbox.settings, journal=journal) as dollr:
            await _collect(dollr)
        found = await journal.read(_ID)
        assert found is not None
        assert found.executed


async def test_a_transfers_counterparty_is_stored(sandbox: Sandbox, dollr: DollrClient, journaled: DollrClient) -> None:
    await ready("TRANSFER", sandbox, dollr)
    first = await transfer(journaled, reference_id=REFERENCE)
    again = await transfer(journaled, reference_id=REFERENCE)
    assert (first.counterparty_id, again.counterparty_id) == (200_001, 200_001)


async def test_every_id_is_stored(journaled: DollrClient, journal: MemoryJournal) -> None:
    collection = await _collect(journaled)
    entry = await _entry(journal)
    for name in ("source_id", "source_number", "party_id", "counterparty_id", "payment_account_id", "session_id"):
        assert getattr(entry, name) == getattr(collection, name) is not None
    assert (entry.source_type, entry.sends, entry.in_doubt, entry.step) == ("INVOICE", 1, False, "execution")
    assert (entry.terms.amount, entry.terms.currency, entry.payer_currency) == (Decimal(250), "USD", "USD")
    assert entry.updated_at > entry.began_at
