"""Handling each payment's outcome once, whichever process made the payment.

`outcomes`, and `outcome` and `unhandled` for task queues; `settle_unfinished`; `close_payment`.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.numeric import is_number, shown
from dollr_async.client.core import ClientCore
from dollr_async.client.settings import checked_count
from dollr_async.flows.contested import check_document
from dollr_async.following.payments_to_watch import PaymentToWatch

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Callable

    from dollr_async.base.enums import OutcomeStatus
    from dollr_async.base.progress import Progress
    from dollr_async.flows.outcome import Outcome
    from dollr_async.following.payments_to_watch import WatchFailure
    from dollr_async.following.watch import StatusChange
    from dollr_async.journal.client_journal import ClientJournal
    from dollr_async.journal.journaled_run import Hold
    from dollr_async.journal.outcome_protocol import EndedPayment
    from dollr_async.journal.outcome_reader import OutcomeReader
    from dollr_async.journal.outcomes import MakeWorker, OutcomeHandler, Outcomes
    from dollr_async.journal.translating_journal import TranslatingOutcomeJournal
    from dollr_async.resources.executions import Execution

_PAGE = 1000


class OutcomeMethods(ClientCore):
    """The methods of `DollrClient` that hand out what the journal knows to have ended."""

    def outcomes(self, *, idle: float | None = None, at_once: int = 10_000, lease: float = 60.0) -> Outcomes:
        """Return an async iterator over the outcomes of payments that nobody has handled yet, the oldest first.

        It is the loop of a worker: it follows every executed payment that the journal calls open, whichever process
        made it, and yields an `Outcome` when one ends. Do your work for it, then await its `handled()`. Any number of
        workers may run at the same time, on any number of hosts that share the journal. Each outcome is with one of
        them at a time, as long as its lease lasts.

        A payment that does not end in the policy's timeout stays open, is checked ever more rarely, and is logged as
        one WARNING. One whose execution was never begun is not followed: `unfinished()` lists it.

        Args:
            idle: when to stop. None never stops. 0 checks each open payment once, hands out each outcome that is not
                handled, and stops, as for cron. A number stops after that many seconds in which there was nothing to
                do: every outcome was handled, and no open payment was younger than the policy's timeout.
            at_once: how many payments this worker follows at the same time.
            lease: seconds for which you have an outcome to yourself. When your work takes longer, another worker may
                get it too: then pass your connection to `handled()`, so that one of the two is rolled back.

        Raises:
            ConfigurationError: the client has no journal, or one that hands no outcomes out.
            InvalidInputError: `idle` is below 0, `lease` is not above 0, or `at_once` is not a whole number from 1 up.
        """
        if idle is not None and (not is_number(idle) or idle < 0):
            sentence = f"idle must be a number of seconds from 0 up, or None to go on for ever, not {shown(idle)}"
            raise InvalidInputError(sentence)
        at_once, lease = checked_count(at_once), fields.seconds("lease", lease)
        return self._need_journal("outcomes").hand_out(
            partial(self._outcome_handler, idle=idle, at_once=at_once, lease=lease)
        )

    async def outcome(self, reference_id: uuid.UUID | str) -> Outcome | None:
        """Return how one payment ended, for a program that schedules its own status checks, such as a task queue.

        None means that there is nothing to handle now: the payment has not ended, is handled, or its execution cannot
        be read yet. Call it after a `check()` that was final. Nothing is leased, so two workers may get the same
        outcome at the same time: pass your connection to its `handled()`, so that one of the two is rolled back.

        Args:
            reference_id: the payment's key.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID.
            ConfigurationError: the client has no journal, or one that finds no outcome by its reference. Only
                `PostgresJournal` does.
            JournalError: the journal could not be read.
            AuthenticationError: the credentials are refused.
        """
        from dollr_async.journal.outcome_reader import Deferred  # noqa: PLC0415 - only a program with a journal needs it

        journal = self._need_journal("outcomes").with_search()
        ended = await journal.unhandled(fields.reference(reference_id))
        if ended is None:
            return None
        self._outcome_reader = self._outcome_reader or self._make_reader()
        with suppress(Deferred):
            return await self._outcome_reader.read(ended, None, partial(journal.mark_handled, ended))
        return None

    async def unhandled(self) -> AsyncIterator[PaymentToWatch]:
        """Iterate over the payments that ended and are not handled, the oldest end first, without leasing them.

        It is for the sweep of a task queue, which starts a task for each of them and for each `unfinished()` payment.

        Raises:
            ConfigurationError: the client has no journal, or one that finds no outcome by its reference.
            JournalError: the journal could not be read.
        """
        journal = self._need_journal("outcomes").with_search()
        last: EndedPayment | None = None
        while page := await journal.unhandled_page(last, limit=_PAGE):
            for ended in page:
                entry = ended.entry
                yield PaymentToWatch(entry.reference_id, ExecutionKind(entry.kind), entry.began_at)
            last = page[-1]

    async def settle_unfinished(
        self, tell: Callable[[StatusChange | WatchFailure], None], *, once: bool = False, at_once: int = 10_000
    ) -> None:
        """Follow every executed payment that the journal calls open to its end, and hand nothing out.

        It is for a worker that only keeps the journal up to date. Your program handles the outcomes with `outcomes()`.
        Any number of both may run at the same time. It runs until it is cancelled.

        Args:
            tell: called with the final change of each payment. It is called with a `WatchFailure` instead where another
                run may have used the same reference: a person has to decide about that payment.
            once: check each open payment once, and return.
            at_once: how many payments are followed at the same time.

        Raises:
            ConfigurationError: the client has no journal, or one that hands no outcomes out.
            JournalError: the journal could not be read at the start. A later failure is logged, and the read is
                repeated.
            AuthenticationError: the credentials are refused.
        """
        from dollr_async.journal.settling import settle_unfinished  # noqa: PLC0415 - only a program with a journal needs it

        await self._need_journal("payments to follow").settle_unfinished(
            lambda journal, hold: settle_unfinished(
                journal,
                hold,
                make_worker=self._worker_maker(journal, at_once=checked_count(at_once), is_one_pass=once),
                check_is_ours=self._must_be_ours,
                tell=tell,
                clock=self._clock,
            )
        )

    async def close_payment(
        self,
        reference_id: uuid.UUID | str,
        *,
        as_: Literal["NOT_RUN", "COMPLETED", "FAILED"] | OutcomeStatus,
        reason: str,
    ) -> None:
        """Close a payment that stays open for ever: decide by hand how it ended. Then `outcomes()` hands it out once.

        Do this only with proof from outside, such as a statement of the operator. It sends no request to the API.

        Args:
            reference_id: the payment's key.
            as_: how it ended. A payment whose execution was never begun can only be NOT_RUN.
            reason: why, for those who read the journal later. It is kept, and comes with the outcome.

        Raises:
            InvalidInputError: the reference, the outcome or the reason is not valid.
            ConfigurationError: the client has no journal, or one that hands no outcomes out.
            JournalError: the payment is unknown, has ended already, or a live run works on it. Nothing was changed.
        """
        from dollr_async.journal.outcome_protocol import verdict  # noqa: PLC0415 - only a program with a journal needs it

        journal = self._need_journal("payments to close")
        await journal.close_payment(fields.reference(reference_id), *verdict(as_, reason))

    def _need_journal(self, what: str) -> ClientJournal:
        if self._journal is None:
            message = f"without a journal there are no {what}: make the client with DollrClient(journal=...)"
            raise ConfigurationError(message)
        return self._journal

    def _outcome_handler(
        self,
        journal: TranslatingOutcomeJournal,
        hold: Hold,
        *,
        idle: float | None,
        at_once: int,
        lease: float,
    ) -> OutcomeHandler:
        # A program that handles no outcomes does not import it.
        from dollr_async.journal.outcomes import OutcomeHandler  # noqa: PLC0415 - see above

        return OutcomeHandler(
            journal,
            self._make_reader(),
            self._worker_maker(journal, at_once=at_once, is_one_pass=idle == 0),
            policy=self._polling,
            clock=self._clock,
            idle=idle,
            lease=lease,
            hold=hold,
            check_open=self._registry.check_open,
        )

    def _worker_maker(self, journal: TranslatingOutcomeJournal, *, at_once: int, is_one_pass: bool) -> MakeWorker:
        # A program that follows no journal does not import it.
        from dollr_async.journal.open_payments import OpenPaymentWorker  # noqa: PLC0415 - see above

        return partial(
            OpenPaymentWorker,
            journal,
            self._registry,
            policy=self._polling,
            clock=self._clock,
            at_once=at_once,
            is_one_pass=is_one_pass,
        )

    def _make_reader(self) -> OutcomeReader:
        from dollr_async.journal.outcome_reader import OutcomeReader  # noqa: PLC0415 - only a program with a journal needs it

        return OutcomeReader(
            self._registry,
            self._must_be_ours,
            clock=self._clock,
            recovery=self._retry.recovery,
            grace=self._polling.not_found_grace,
        )

    async def _must_be_ours(self, execution: Execution, progress: Progress) -> None:
        """Raise a `ReferenceUsedError` for an execution that did not pay this payment's document by now."""
        if progress.source_id is not None:
            await check_document(execution, self.status, progress, grace=0.0, clock=self._clock)
