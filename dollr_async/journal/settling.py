"""Following the journal's open payments to their ends, for a worker that handles no outcomes itself."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from dollr_async.base.enums import ExecutionStatus
from dollr_async.base.errors import DollrError, JournalError
from dollr_async.following.payments_to_watch import WatchFailure
from dollr_async.following.watch import StatusChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock
    from dollr_async.journal.entry import Entry
    from dollr_async.journal.journaled_run import Hold
    from dollr_async.journal.open_payments import OpenPaymentWorker
    from dollr_async.journal.outcome_reader import CheckIsOurs
    from dollr_async.journal.outcomes import MakeWorker
    from dollr_async.journal.translating_journal import TranslatingOutcomeJournal
    from dollr_async.resources.executions import Execution

    Tell = Callable[[StatusChange | WatchFailure], None]

logger = logging.getLogger("dollr_async.journal")


async def settle_unfinished(
    journal: TranslatingOutcomeJournal,
    hold: Hold,
    *,
    make_worker: MakeWorker,
    check_is_ours: CheckIsOurs,
    tell: Tell,
    clock: Clock,
) -> None:
    """Follow open payments until cancelled, or until the worker's one pass is over, and tell of each end.

    Raises:
        JournalError, AuthenticationError, ConfigurationError: what `OpenPaymentWorker.run` raises.
    """
    ends: asyncio.Queue[tuple[Entry, Execution] | None] = asyncio.Queue()

    def note(entry: Entry | None, execution: Execution | None) -> None:
        ends.put_nowait(None if entry is None or execution is None else (entry, execution))

    worker = make_worker(on_end=note)
    following = asyncio.create_task(worker.run(), name="dollr_async settling")
    following.add_done_callback(lambda _: ends.put_nowait(None))
    try:
        while (end := await ends.get()) is not None:
            tell(await _news(*end, check_is_ours=check_is_ours, clock=clock))
        await following
    finally:
        following.cancel()
        hold(_leave(journal, worker, following))


async def _news(
    entry: Entry, execution: Execution, *, check_is_ours: CheckIsOurs, clock: Clock
) -> StatusChange | WatchFailure:
    reference_id = entry.reference_id
    if entry.is_contested and execution.status == ExecutionStatus.COMPLETED:
        try:
            await check_is_ours(execution, entry.progress)
        except DollrError as error:
            return WatchFailure(reference_id=reference_id, error=error)
    return StatusChange(
        reference_id=reference_id, status=execution.status, previous=None, execution=execution, at=clock.now()
    )


async def _leave(journal: TranslatingOutcomeJournal, worker: OpenPaymentWorker, following: asyncio.Task[None]) -> None:
    await asyncio.gather(following, return_exceptions=True)
    worker.stop()
    try:
        await journal.stop_following(worker.name)
    except JournalError as error:
        logger.warning("payments that were followed could not be given back, and are taken over later: %s", error)
