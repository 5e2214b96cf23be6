"""A run that keeps every step in a journal, so that another process can resume it where this one stops."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

import attrs

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import DollrError, JournalError
from dollr_async.base.progress import resume_call
from dollr_async.flows.attempt import Action, Attempt
from dollr_async.flows.run import Run
from dollr_async.journal.entry import REFUSED
from dollr_async.journal.protocol import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import ExecutionStatus
    from dollr_async.base.progress import Progress
    from dollr_async.journal.entry import Entry
    from dollr_async.journal.protocol import Claim
    from dollr_async.journal.translating_journal import TranslatingJournal

    Hold = Callable[[Coroutine[object, object, None]], asyncio.Task[None]]
    WriteLater = Callable[[UUID, ExecutionStatus], None]

logger = logging.getLogger("dollr_async.journal")


class JournaledRun(Run):
    """The one run that works on an entry. `async with` renews its lease, and gives it back at the end."""

    def __init__(
        self, journal: TranslatingJournal, claim: Claim, clock: Clock, *, hold: Hold, write_later: WriteLater
    ) -> None:
        """Continue from what the journal knows.

        `hold` runs a coroutine in a task that outlives a cancelled caller, `write_later` keeps a status until the
        journal has it.
        """
        self._hold = hold
        self._write_later = write_later
        self._journal = journal
        self._clock = clock
        self._entry = claim.entry
        self._number = claim.number
        self.is_resumed = not claim.is_new
        self._write_lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    @property
    def progress(self) -> Progress:
        """Every id that the runs so far have made."""
        return self._entry.progress

    @property
    def is_executed(self) -> bool:
        """Whether an earlier run began an execution that may have moved money."""
        return self._entry.executed and self._entry.outcome != REFUSED

    @property
    def status(self) -> str | None:
        """The payment's status when it was last seen."""
        return self._entry.status

    @property
    def session_expires_at(self) -> datetime | None:
        """When the session of the execution ends, where that is known."""
        return self._entry.session_expires_at

    @property
    def payer_currency(self) -> str | None:
        """The currency that is executed."""
        return self._entry.payer_currency

    async def __aenter__(self) -> Self:
        """Start to renew the lease."""
        self._renewal = asyncio.create_task(self._keep_renewing(), name="dollr_async lease")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lease back."""
        await self.release()

    async def release(self) -> None:
        """Give the lease back, if this run holds it, also while the caller is cancelled (docs/design.md, rule 14)."""
        await asyncio.shield(self._hold(self._release()))

    async def _release(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        if self._number is None:
            return
        try:
            await self._journal.release(self._entry.reference_id, self._number)
        except JournalError as error:
            self._log_error("its lease could not be given back", error)

    async def _keep_renewing(self) -> None:
        while self._number is not None:
            await self._clock.sleep(self._journal.lease / 3)
            try:
                await self._journal.renew(self._entry.reference_id, self._number)
            except LeaseLostError:
                return  # the next write raises the same error
            except JournalError as error:
                self._log_error("its lease could not be renewed", error)

    async def _write(self, **changes: object) -> None:
        async with self._write_lock:
            entry = attrs.evolve(self._entry, updated_at=self._clock.now(), **changes)  # type: ignore[arg-type] # by name
            await self._journal.write(entry, self._number or 0)
            self._entry = entry

    async def _write_or_log(self, **changes: object) -> bool:
        """Write what is known after a send. If that fails the payment goes on, and the log says so."""
        try:
            await self._write(**changes)
        except JournalError as error:
            self._log_error("its state could not be written to the journal", error)
            return False
        return True

    def _log_error(self, what: str, error: JournalError) -> None:
        reference_id = self._entry.reference_id
        logger.error("payment %s: %s (%s)", reference_id, what, error, extra={"reference_id": reference_id})

    async def acknowledged(self, step: str, progress: Progress) -> None:
        """Keep that the API has acknowledged a step."""
        await self._write(step=step, **ids_of(progress))

    async def refuse_second_on_source(self, progress: Progress) -> None:
        """Refuse a document that another open payment is for.

        The other payment does not count when its execution was never begun, and either no live run works on it or it
        began later than this one.

        Raises:
            DollrError: another payment is for this document; the message says which.
        """
        for other in await self._journal.unfinished_of_source(progress.source_type, progress.source_id):
            entry = other.entry
            is_first = (entry.began_at, entry.reference_id) < (self._entry.began_at, self._entry.reference_id)
            has_precedence = entry.executed or (other.is_live and is_first)
            if has_precedence and entry.reference_id != self._entry.reference_id:
                raise _kept_for(entry, is_live=other.is_live)

    def resume(self, attempt: Attempt, now: float) -> tuple[Attempt, Action]:
        """Return what is known of the execution, and the first action."""
        entry = self._entry
        if not entry.executed:
            return attempt, Action.SEND
        known = attrs.evolve(attempt, sends=entry.sends, attempts=entry.sends + attempt.attempts)
        if entry.outcome == REFUSED:
            return attrs.evolve(known, is_renewed=True), Action.SEND
        known = attrs.evolve(
            known,
            session_sends=entry.session_sends,
            is_renewed=entry.is_renewed,
            is_contested=entry.is_contested,
        )
        is_payout = entry.kind == ExecutionKind.PAYOUT
        if entry.status is not None or entry.outcome is not None or is_payout:
            # It was accepted, or a person has decided how it ended, or it is a payout, which cannot be resent because
            # its passcode is not kept. So only check the status, whatever its session.
            known = attrs.evolve(known, attempts=entry.sends, is_renewed=True)
        elif not entry.in_doubt:
            return known, Action.SEND
        return attrs.evolve(known, asking_since=now, doubt_since=now, last_lost_at=now), Action.CHECK

    async def before_send(
        self, progress: Progress, attempt: Attempt, *, session_expires_at: datetime | None, payer_currency: str | None
    ) -> None:
        """Store durably that an execution is about to be sent. It is in doubt until more is known."""
        await self._write(
            sends=attempt.sends + 1,
            session_sends=attempt.session_sends + 1,
            is_renewed=attempt.is_renewed,
            in_doubt=True,
            outcome=None,
            session_expires_at=session_expires_at,
            payer_currency=payer_currency,
            **ids_of(progress),
        )

    async def after_send(self, attempt: Attempt) -> None:
        """Keep the result of a send. A refusal is doubt until a status check has confirmed it."""
        await self._write_or_log(
            in_doubt=attempt.doubt_since is not None or attempt.is_refused, is_contested=attempt.is_contested
        )

    async def landed(self, status: ExecutionStatus) -> None:
        """Keep that the API has accepted the execution."""
        outcome = str(status) if status.is_final else None
        if not await self._write_or_log(step="execution", in_doubt=False, status=str(status), outcome=outcome):
            self._write_later(self._entry.reference_id, status)

    async def refused(self) -> None:
        """Keep that the execution surely did not run."""
        await self._write_or_log(in_doubt=False, outcome=REFUSED)

    async def must_be_ours(self) -> None:
        """Check that this run still holds the lease, before it says how the payment ended.

        Raises:
            LeaseLostError: another run has taken the payment over, so this one does not know its outcome.
        """
        try:
            await self._journal.renew(self._entry.reference_id, self._number or 0)
        except LeaseLostError:
            raise
        except JournalError as error:
            self._log_error("its lease could not be renewed", error)


def _kept_for(entry: Entry, *, is_live: bool) -> DollrError:
    """Return the error that says which payment a document is for, and what to do about that one."""
    source, reference_id = f"{entry.source_type} {entry.source_id}", entry.reference_id
    if is_live or entry.in_doubt or entry.status is not None:
        message = (
            f"{source} is already being paid by payment {reference_id}: follow that one with "
            f"{resume_call('wait', reference_id)}, and start another one only if it FAILED"
        )
    else:
        message = (
            f"{source} is kept for payment {reference_id}, which was not executed: run that payment again, with "
            f"reference_id='{reference_id}'"
        )
    return DollrError(message)


def ids_of(progress: Progress) -> dict[str, object]:
    """Return the ids of a payment under the names of an entry's fields."""
    return {
        "source_type": progress.source_type,
        "source_id": progress.source_id,
        "source_number": progress.source_number,
        "party_id": progress.party_id,
        "counterparty_id": progress.counterparty_id,
        "payment_account_id": progress.payment_account_id,
        "session_id": progress.session_id,
    }
