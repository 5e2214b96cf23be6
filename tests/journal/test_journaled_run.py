"""What one run keeps of its execution in the journal, after each of its ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionKind, ExecutionStatus
from dollr_async.flows.attempt import Action, Attempt, SendResult
from dollr_async.journal import Entry, MemoryJournal
from dollr_async.journal.client_journal import ClientJournal
from dollr_async.journal.entry import REFUSED
from tests.support.collections import REFERENCE
from tests.support.fakes import CLIENT_SECRET, MORNING

if TYPE_CHECKING:
    from dollr_async.journal.journaled_run import JournaledRun

_ID = UUID(REFERENCE)
_EXPIRY = MORNING + timedelta(minutes=15)
_FIRST = Attempt(attempts=4, recovery=120.0, grace=30.0)


@attrs.frozen
class _Asked:
    """The terms of a payment."""

    def compared(self) -> dict[str, object]:
        return {"amount": Decimal(250)}

    def priced(self) -> tuple[Decimal, str | None, str]:
        return Decimal(250), "USD", "250 x 1"


async def _sent(journal: MemoryJournal) -> JournaledRun:
    """Return a run that has just begun to send its execution."""
    run = await ClientJournal(journal, CLIENT_SECRET, LoopClock()).claim(_Asked(), _ID, ExecutionKind.COLLECTION)
    attempt = attrs.evolve(_FIRST, sends=2, session_sends=1, is_renewed=True)
    progress = attrs.evolve(run.progress, session_id=9001)
    await run.before_send(progress, attempt, session_expires_at=_EXPIRY, payer_currency="LRD")
    return run


async def _kept(journal: MemoryJournal) -> Entry:
    entry = await journal.read(_ID)
    assert entry is not None
    return entry


async def test_an_execution_that_is_about_to_be_sent_is_in_doubt() -> None:
    journal = MemoryJournal()
    run = await _sent(journal)
    kept = await _kept(journal)
    assert (kept.sends, kept.session_sends, kept.is_renewed) == (3, 2, True)
    assert (kept.in_doubt, kept.outcome, kept.session_id) == (True, None, 9001)
    assert (run.session_expires_at, run.payer_currency, run.is_executed) == (_EXPIRY, "LRD", True)
    assert (kept.session_expires_at, kept.payer_currency) == (_EXPIRY, "LRD")


@pytest.mark.parametrize(
    ("outcome", "in_doubt", "is_contested"),
    [
        (SendResult.LANDED, False, False),
        (SendResult.NOT_ARRIVED, False, False),
        (SendResult.AMBIGUOUS, True, False),
        (SendResult.REFUSED, True, True),
        (SendResult.CONFLICT, True, True),
    ],
)
async def test_what_a_send_shows_is_kept_for_the_next_run(
    outcome: SendResult,
    in_doubt: bool,  # noqa: FBT001 - a column of the table
    is_contested: bool,  # noqa: FBT001 - a column of the table
) -> None:
    journal = MemoryJournal()
    run = await _sent(journal)
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    await run.after_send(attempt)
    kept = await _kept(journal)
    assert (kept.in_doubt, kept.is_contested, kept.outcome) == (in_doubt, is_contested, None)


@pytest.mark.parametrize(("status", "outcome"), [("PENDING", None), ("COMPLETED", "COMPLETED"), ("FAILED", "FAILED")])
async def test_an_accepted_execution_is_kept_with_its_status_and_its_end(status: str, outcome: str | None) -> None:
    journal = MemoryJournal()
    run = await _sent(journal)
    await run.landed(ExecutionStatus(status))
    kept = await _kept(journal)
    assert (kept.step, kept.status, kept.outcome, kept.in_doubt) == ("execution", status, outcome, False)
    assert run.status == status


async def test_an_execution_that_surely_did_not_run_is_kept_as_refused() -> None:
    journal = MemoryJournal()
    run = await _sent(journal)
    await run.refused()
    kept = await _kept(journal)
    assert (kept.outcome, kept.in_doubt, run.is_executed) == (REFUSED, False, False)


async def test_a_status_that_was_stored_is_not_written_again() -> None:
    class Settling(MemoryJournal):
        settled = 0

        async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
            self.settled += 1
            await super().settle(reference_id, status, outcome)

    journal = Settling()
    await (await _sent(journal)).landed(ExecutionStatus("PENDING"))
    await asyncio.sleep(60.0)
    assert journal.settled == 0


async def test_a_refusal_is_forgotten_before_the_execution_is_sent_again() -> None:
    journal = MemoryJournal()
    run = await _sent(journal)
    await run.refused()
    await run.release()
    await _sent(journal)
    kept = await _kept(journal)
    assert (kept.outcome, kept.in_doubt) == (None, True)


# What the next run does first


async def _resumed(kind: ExecutionKind, **kept: object) -> tuple[Attempt, Action]:
    """Return what a run knows, and does first, when another run has left these things in the journal."""
    journal = MemoryJournal()
    ours = ClientJournal(journal, CLIENT_SECRET, LoopClock())
    await (await ours.claim(_Asked(), _ID, kind)).release()
    claim = await journal.claim(await _kept(journal))
    assert claim.number is not None
    await journal.write(attrs.evolve(claim.entry, **kept), claim.number)  # type: ignore[arg-type] # by name
    await journal.release(_ID, claim.number)
    return (await ours.claim(_Asked(), _ID, kind)).resume(_FIRST, 7.0)


_COLLECTION, _PAYOUT = ExecutionKind.COLLECTION, ExecutionKind.PAYOUT
_SENT: dict[str, object] = {"sends": 3, "session_sends": 2, "is_renewed": True, "is_contested": True}
_KNOWN = attrs.evolve(_FIRST, sends=3, session_sends=2, is_renewed=True, is_contested=True)


def _doubted(known: Attempt) -> Attempt:
    return attrs.evolve(known, asking_since=7.0, doubt_since=7.0, last_lost_at=7.0)


async def test_an_execution_that_was_never_begun_is_sent() -> None:
    assert await _resumed(_COLLECTION, session_sends=2, in_doubt=True) == (_FIRST, Action.SEND)


async def test_an_execution_that_was_refused_is_sent_under_a_session_that_is_not_replaced() -> None:
    known = attrs.evolve(_FIRST, sends=3, attempts=7, is_renewed=True)
    assert await _resumed(_COLLECTION, sends=3, session_sends=2, in_doubt=True, outcome=REFUSED) == (known, Action.SEND)


async def test_a_send_that_surely_did_not_arrive_is_made_again() -> None:
    assert await _resumed(_COLLECTION, **_SENT) == (attrs.evolve(_KNOWN, attempts=7), Action.SEND)


@pytest.mark.parametrize("is_renewed", [True, False])
async def test_an_execution_in_doubt_is_checked_first_and_may_be_sent_again(is_renewed: bool) -> None:  # noqa: FBT001 - a column of the table
    known = _doubted(attrs.evolve(_KNOWN, attempts=7, is_renewed=is_renewed))
    kept = {**_SENT, "is_renewed": is_renewed, "in_doubt": True}
    assert await _resumed(_COLLECTION, **kept) == (known, Action.CHECK)


@pytest.mark.parametrize("in_doubt", [True, False])
async def test_an_execution_that_was_accepted_is_only_checked(in_doubt: bool) -> None:  # noqa: FBT001 - a column of the table
    kept = {**_SENT, "is_renewed": False, "in_doubt": in_doubt, "status": "PENDING"}
    assert await _resumed(_COLLECTION, **kept) == (_doubted(attrs.evolve(_KNOWN, attempts=3)), Action.CHECK)


@pytest.mark.parametrize("in_doubt", [True, False])
async def test_a_payout_is_only_checked_since_its_passcode_is_not_kept(in_doubt: bool) -> None:  # noqa: FBT001 - a column of the table
    kept = {**_SENT, "is_renewed": False, "in_doubt": in_doubt}
    assert await _resumed(_PAYOUT, **kept) == (_doubted(attrs.evolve(_KNOWN, attempts=3)), Action.CHECK)
