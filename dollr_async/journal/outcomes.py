"""The iterator behind `DollrClient.outcomes()`: hands out each outcome that is not handled, while a worker follows."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import OrderedDict, deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self

from dollr_async.base.errors import AlreadyHandledError, JournalError
from dollr_async.journal.open_payments import SWEEP, OpenPaymentWorker
from dollr_async.journal.outcome_reader import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.flows.outcome import Outcome
    from dollr_async.following.policy import PollPolicy
    from dollr_async.journal.entry import Entry
    from dollr_async.journal.journaled_run import Hold
    from dollr_async.journal.open_payments import OnEnd
    from dollr_async.journal.outcome_protocol import EndedPayment
    from dollr_async.journal.outcome_reader import OutcomeReader
    from dollr_async.journal.translating_journal import TranslatingOutcomeJournal
    from dollr_async.resources.executions import Execution


class MakeWorker(Protocol):
    """What makes the worker that follows open payments."""

    def __call__(self, *, on_end: OnEnd) -> OpenPaymentWorker:
        """Return a worker that calls `on_end` for each payment that ended."""
        ...


logger = logging.getLogger("dollr_async.journal")

_AHEAD = 16
"""Outcomes that are read ahead while the caller handles each quickly, so that their status checks overlap."""

_QUICK = 0.1
"""Seconds for one outcome that count as quickly."""

_FRESH = 0.02
"""The share of its lease that reading an outcome may take, before the lease is renewed."""

_ENDS_KEPT = 10_000
"""Executions that this worker saw end and that are kept until their outcomes are handed out."""

_FIRST_RETRY = 1.0
_LONGEST_RETRY = 60.0
"""Seconds until an outcome that was not handled is handed out again; they double from one to the other."""


class OutcomeHandler:
    """All that one `Outcomes` iterator works with. Its tasks hold this, never the iterator, which a loop may leave."""

    def __init__(
        self,
        journal: TranslatingOutcomeJournal,
        reader: OutcomeReader,
        make_worker: MakeWorker,
        *,
        policy: PollPolicy,
        clock: Clock,
        idle: float | None,
        lease: float,
        hold: Hold,
        check_open: Callable[[], None],
    ) -> None:
        """Do nothing yet; `hold` runs a coroutine in a task that the client awaits when it is closed."""
        self._journal, self._reader, self._make_worker = journal, reader, make_worker
        self._policy, self._clock, self._idle, self._lease = policy, clock, idle, lease
        self._hold, self._check_open = hold, check_open
        self._worker: OpenPaymentWorker | None = None
        self._following: asyncio.Task[None] | None = None
        self._reading: deque[tuple[EndedPayment, float, asyncio.Task[Outcome]]] = deque()
        self._ends: OrderedDict[UUID, Execution] = OrderedDict()
        self._news = asyncio.Event()
        self._current: EndedPayment | None = None
        self._passed: set[UUID] = set()
        self._body_began: float | None = None
        self._worked_at = 0.0
        self._has_read = False
        self._is_over = False

    async def next(self) -> Outcome | None:
        """Return the next outcome, or None when the work is over."""
        self._check_open()
        ahead = self._take_pace()
        try:
            self._start()
            while not self._is_over:
                self._news.clear()
                outcome = await self._hand_out_or_log(ahead)
                if outcome is not None:
                    self._body_began = self._clock.monotonic()
                    return outcome
                self._raise_failure()
                if await self._is_finished():
                    break
                await self._wait()
            self._check_open()
        except BaseException:
            self.end()
            raise
        self.end()
        return None

    def _take_pace(self) -> int:
        began, self._body_began = self._body_began, None
        is_quick = began is not None and self._clock.monotonic() - began < _QUICK
        return _AHEAD if is_quick else 1

    def _start(self) -> None:
        if self._following is None:
            self._worker = self._make_worker(on_end=self._note_end)
            self._following = asyncio.create_task(self._worker.run(), name="dollr_async outcomes")
            self._following.add_done_callback(lambda _: self._news.set())
            self._worked_at = self._clock.monotonic()

    def _note_end(self, entry: Entry | None, execution: Execution | None) -> None:
        if entry is not None and execution is not None:
            self._ends[entry.reference_id] = execution
            if len(self._ends) > _ENDS_KEPT:
                self._ends.popitem(last=False)
        self._news.set()

    async def _hand_out_or_log(self, ahead: int) -> Outcome | None:
        try:
            await self._give_current_back()
            return await self._hand_out(ahead)
        except JournalError as error:
            if self._idle == 0 or not self._has_read:
                raise
            logger.warning("outcomes cannot be read from the journal, which is tried again: %s", error)
            return None

    async def _hand_out(self, ahead: int) -> Outcome | None:
        await self._read_ahead(ahead)
        while self._reading:
            ended, leased_at, reading = self._reading[0]
            try:
                outcome = await reading
            except Deferred as deferred:
                self._reading.popleft()
                await self._journal.give_back(ended.entry.reference_id, ended.number, delay=deferred.seconds)
                continue
            # The lease begins now. Where another worker has it since, that one hands the outcome out.
            is_fresh = self._clock.monotonic() - leased_at < self._lease * _FRESH or await self._journal.renew_hand_out(
                ended.entry.reference_id, ended.number, lease=self._lease
            )
            self._reading.popleft()
            if is_fresh:
                self._current = ended
                self._worked_at = self._clock.monotonic()
                return outcome
        return None

    async def _read_ahead(self, ahead: int) -> None:
        while len(self._reading) < ahead:
            ended = await self._journal.hand_out(lease=self._lease)
            self._has_read = True
            if ended is None:
                return
            reference_id = ended.entry.reference_id
            if reference_id in self._passed:
                # It was handed out in this pass, and is not handed out again before the next one.
                await self._journal.give_back(reference_id, ended.number, delay=self._lease)
                continue
            reading = self._reader.read(ended, self._ends.pop(reference_id, None), partial(self._mark, ended))
            task = asyncio.create_task(reading, name="dollr_async outcome")
            self._reading.append((ended, self._clock.monotonic(), task))

    async def _mark(self, ended: EndedPayment, connection: object) -> None:
        try:
            await self._journal.mark_handled(ended, connection)
        except AlreadyHandledError:
            self._forget(ended)
            raise
        self._forget(ended)

    def _forget(self, ended: EndedPayment) -> None:
        if self._current is ended:
            self._current = None

    async def _give_current_back(self) -> None:
        ended = self._current
        if ended is None:
            return
        if self._idle == 0:
            self._passed.add(ended.entry.reference_id)
        delay = min(_FIRST_RETRY * 2.0 ** min(ended.number - 1, 10), _LONGEST_RETRY)
        await self._journal.give_back(ended.entry.reference_id, ended.number, delay=delay)
        self._current = None

    def _raise_failure(self) -> None:
        if self._following is not None and self._following.done() and not self._following.cancelled():
            failure = self._following.exception()
            if failure is not None:
                raise failure

    async def _is_finished(self) -> bool:
        if self._idle is None:
            return False
        if self._idle == 0:
            is_done = self._worker is not None and self._worker.is_done
            return is_done and not self._news.is_set() and not self._reader.is_retrying
        if await self._has_work():
            self._worked_at = self._clock.monotonic()
        return self._clock.monotonic() - self._worked_at >= self._idle

    async def _has_work(self) -> bool:
        limit, now = self._policy.timeout, self._clock.now()
        since = datetime.min.replace(tzinfo=UTC) if limit is None else now - timedelta(seconds=limit)
        try:
            return await self._journal.has_work(since=since)
        except JournalError:
            return True  # it is logged where the outcomes are read

    async def _wait(self) -> None:
        longest = SWEEP if not self._idle else min(SWEEP, self._idle / 4)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._news.wait()

    def end(self) -> None:
        """Give every lease back, in a task that the client holds. A later `next` starts again."""
        following, self._following = self._following, None
        worker, self._worker = self._worker, None
        reading, self._reading = tuple(self._reading), deque()
        current, self._current = self._current, None
        if following is None or worker is None or following.get_loop() is not asyncio.get_running_loop():
            return  # nothing was begun, or its loop has ended, and all of it with it
        tasks = [following, *(task for _, _, task in reading)]
        for task in tasks:
            task.cancel()
        worker.stop()
        held = [ended for ended, _, _ in reading] + ([] if current is None else [current])
        self._hold(self._leave(tasks, worker, held))

    async def _leave(self, tasks: list[asyncio.Task[Any]], worker: OpenPaymentWorker, held: list[EndedPayment]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        worker.stop()
        try:
            for ended in held:
                await self._journal.give_back(ended.entry.reference_id, ended.number)
            await self._journal.stop_following(worker.name)
        except JournalError as error:
            logger.warning("leases of outcomes could not be given back, and run out by themselves: %s", error)

    def close(self) -> None:
        """End, and hand nothing out any more."""
        self._is_over = True
        self.end()
        self._news.set()


class Outcomes:
    """An async iterator over the outcomes of payments that nobody has handled yet, the oldest first.

    Each is an `Outcome`: do your work for it, then await its `handled()`. Asking for the next one without that gives it
    back, and it is handed out again after some seconds, to this worker or another one. Leave the loop when you like.

    Raises while iterating:
        JournalError: the journal could not be read at the start. Later the worker logs it, and tries again.
        AuthenticationError: the API refuses the credentials.
        ConfigurationError: the client was closed.
    """

    def __init__(self, handler: OutcomeHandler) -> None:
        """Iterate over what this handler hands out."""
        self._handler = handler
        self._finalizer: weakref.finalize[[OutcomeHandler, asyncio.AbstractEventLoop], Outcomes] | None = None

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Outcome:
        """Return the next outcome."""
        if self._finalizer is None:
            self._finalizer = weakref.finalize(self, _end_in_its_loop, self._handler, asyncio.get_running_loop())
            self._finalizer.atexit = False
        outcome = await self._handler.next()
        if outcome is None:
            raise StopAsyncIteration
        return outcome


def _end_in_its_loop(handler: OutcomeHandler, loop: asyncio.AbstractEventLoop) -> None:
    # The iterator may be collected anywhere: in another thread, or after its loop.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(handler.end)
