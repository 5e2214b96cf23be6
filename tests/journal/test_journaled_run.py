"""What one run keeps of its execution in the journal, after each of its ends."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionKind, ExecutionStatus
from dollr_async.flows.attempt import Attempt, SendResult
from dollr_async.journal import Entry, MemoryJournal
from dollr_async.journal.client_journal import ClientJournal
from dollr_async.journal.entry import REFUSED
from tests.support.collections import REFERENCE
from tests.support.fakes import CLIENT_SECRET

if TYPE_CHECKING:
    from dollr_async.journal.journaled_run import JournaledRun

_ID = UUID(REFERENCE)
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
    await run.before_send(run.progress, _FIRST, session_expires_at=None, payer_currency="USD")
    return run


async def _kept(journal: MemoryJournal) -> Entry:
    entry = await journal.read(_ID)
    assert entry is not None
    return entry


async def test_an_execution_that_is_about_to_be_sent_is_in_doubt() -> None:
    journal = MemoryJournal()
    run = await _sent(journal)
    kept = await _kept(journal)
    assert (kept.sends, kept.session_sends, kept.in_doubt, kept.outcome) == (1, 1, True, None)
    assert (kept.payer_currency, run.is_executed) == ("USD", True)


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
