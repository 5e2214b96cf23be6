"""A run whose every step is in a journal, so that another process can take it up where this one stops."""

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
from dollr_async.journal.entry import LeaseLostError

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import ExecutionStatus
    from dollr_async.base.progress import Progress
    from dollr_async.journal.entry import Claim, Journal

logger = logging.getLogger("dollr_async.journal")

REFUSED = "REFUSED"


class JournaledRun(Run):
    """The one run that works on an entry; inside `async with` its lease is renewed, and given back at the end."""

    def __init__(self, journal: Journal, claim: Claim, clock: Clock) -> None:
        """Begin at what the journal knows."""
        self._journal = journal
        self._clock = clock
        self._entry = claim.entry
        self._number = claim.number
        self.is_resumed = not claim.is_new
        self._writing = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

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
        """Renew the lease from here on."""
        self._renewing = asyncio.create_task(self._renew(), name="dollr_async lease")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lease back."""
        try:
            if self._renewing is not None:
                self._renewing.cancel()
                await asyncio.gather(self._renewing, return_exceptions=True)
        finally:
            await self.release()

    async def release(self) -> None:
        """Give the lease back, if this run has it."""
        if self._number is None:
            return
        try:
            await self._journal.release(self._entry.reference_id, self._number)
        except JournalError as error:
            self._complain("its lease could not be given back", error)

    async def _renew(self) -> None:
        while self._number is not None:
            await self._clock.sleep(self._journal.lease / 3)
            try:
                await self._journal.renew(self._entry.reference_id, self._number)
            except LeaseLostError:
                return  # the next write says so
            except JournalError as error:
                self._complain("its lease could not be renewed", error)

    async def _write(self, **changes: object) -> None:
        async with self._writing:
            entry = attrs.evolve(self._entry, updated_at=self._clock.now(), **changes)  # type: ignore[arg-type] # by name
            await self._journal.write(entry, self._number or 0)
            self._entry = entry

    async def _write_or_complain(self, **changes: object) -> None:
        """Write what is known after a send: the payment goes on without it, and the user is told."""
        try:
            await self._write(**changes)
        except JournalError as error:
            self._complain("what is known of it could not be written down", error)

    def _complain(self, what: str, error: JournalError) -> None:
        logger.error("payment %s: %s (%s)", self._entry.reference_id, what, error)

    async def acknowledged(self, step: str, progress: Progress) -> None:
        """Keep that a step is done."""
        await self._write(step=step, **ids_of(progress))

    async def refuse_second_on_source(self, progress: Progress) -> None:
        """Refuse a document that another open payment is for, unless that one never began and nobody works on it."""
        resting = {entry.reference_id for entry in await self._journal.unfinished()}
        for entry in await self._journal.unfinished(with_live=True):
            is_same = (entry.source_type, entry.source_id) == (progress.source_type, progress.source_id)
            is_first = (entry.began_at, entry.reference_id) < (self._entry.began_at, self._entry.reference_id)
            is_at_work = entry.executed or (entry.reference_id not in resting and is_first)
            if is_same and is_at_work and entry.reference_id != self._entry.reference_id:
                message = (
                    f"{entry.source_type} {entry.source_id} is being paid already by payment {entry.reference_id}: "
                    f"follow that one with {resume_call('wait', entry.reference_id)}, and begin another only when "
                    "it FAILED"
                )
                raise DollrError(message)

    def resume(self, attempt: Attempt, now: float) -> tuple[Attempt, Action]:
        """Return what is known of the execution, and what to do first."""
        entry = self._entry
        if not entry.executed:
            return attempt, Action.SEND
        known = attrs.evolve(attempt, sends=entry.sends, attempts=entry.sends + attempt.attempts)
        if entry.outcome == REFUSED:
            return attrs.evolve(known, is_renewed=True), Action.SEND
        known = attrs.evolve(known, session_sends=entry.session_sends, is_renewed=entry.is_renewed)
        is_payout = entry.kind == ExecutionKind.PAYOUT
        if entry.status is not None or is_payout:
            # It has landed, or it cannot be sent again, since a passcode is not kept: only look, whatever its session.
            known = attrs.evolve(known, attempts=entry.sends, is_renewed=True)
        elif not entry.in_doubt:
            return known, Action.SEND
        return attrs.evolve(known, asking_since=now, doubt_since=now, last_lost_at=now), Action.CHECK

    async def before_send(
        self, progress: Progress, attempt: Attempt, *, session_expires_at: datetime | None, payer_currency: str | None
    ) -> None:
        """Make durable that an execution is about to be sent; until more is known, it is in doubt."""
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
        """Keep what a send has told; a refusal is doubt as long as nobody has looked."""
        await self._write_or_complain(in_doubt=attempt.doubt_since is not None or attempt.is_refused)

    async def landed(self, status: ExecutionStatus) -> None:
        """Keep that the API has accepted the execution."""
        outcome = str(status) if status.is_final else None
        await self._write_or_complain(step="execution", in_doubt=False, status=str(status), outcome=outcome)

    async def refused(self) -> None:
        """Keep that the execution surely did not run."""
        await self._write_or_complain(in_doubt=False, outcome=REFUSED)

    async def must_be_ours(self) -> None:
        """Raise `LeaseLostError` when another run has taken the payment over, so that this one knows nothing of it."""
        try:
            await self._journal.renew(self._entry.reference_id, self._number or 0)
        except LeaseLostError:
            raise
        except JournalError as error:
            self._complain("its lease could not be renewed", error)


def ids_of(progress: Progress) -> dict[str, object]:
    """Return the ids of a payment under the names that an entry has for them."""
    return {
        "source_type": progress.source_type,
        "source_id": progress.source_id,
        "source_number": progress.source_number,
        "party_id": progress.party_id,
        "counterparty_id": progress.counterparty_id,
        "payment_account_id": progress.payment_account_id,
        "session_id": progress.session_id,
    }
