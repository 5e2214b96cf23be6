"""When each payment and document is polled: each at its own pace, all of them under one ceiling.

A thing (a payment or a document) waits in a heap until its poll is due, and then in a queue until there is room for it.
While there is room the queue is empty; when there is none, it is fair (see `PollSchedule`). No thing has a task of its
own: a few workers poll one thing after the other, and end when nothing is due.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import random
from abc import ABC, abstractmethod
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from dollr_async.following.ceiling import LocalCeiling
from dollr_async.following.plans import Plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.base.sharing import PollBudget
    from dollr_async.following.ceiling import Ceiling

logger = logging.getLogger("dollr_async.http")

MOST_POLLS_IN_FLIGHT = 64
"""Polls in flight at most: fewer than a client's connections, so that there is always one left to charge with."""

_QUEUED_IN_ONE_TURN = 100
"""Things queued in one turn of the loop: ten thousand that are due together must not hold it up."""

_LONGEST_PAUSE = 60.0
_WARN_AGAIN_AFTER = 600.0
_TICK = 1e-3
"""Seconds by which a timer may fire early, and a poll begin: uvloop's clock has whole milliseconds."""


class Scheduled(ABC):
    """One thing to be polled. It says when; the schedule keeps its place in the heap and in the queue."""

    __slots__ = ("is_queued", "planned_at", "virtual_time", "worker")

    def __init__(self) -> None:
        """Have no place yet."""
        self.planned_at: float | None = None
        self.is_queued = False
        self.worker: asyncio.Task[None] | None = None
        self.virtual_time = 0.0

    @abstractmethod
    def due_at(self, now: float) -> float | None:
        """When the next poll is due, or None when nobody follows the thing."""

    @abstractmethod
    def cost(self, now: float) -> float:
        """The virtual seconds that a poll costs: what costs little is polled more often."""

    @abstractmethod
    def is_awaited(self) -> bool:
        """Whether somebody awaits a change at this moment."""

    @abstractmethod
    def poll_skipped(self) -> None:
        """Note that a poll was due and was skipped, since nobody awaited it; the next one who does plans it again."""

    @abstractmethod
    async def poll(self, delay: float) -> None:
        """Poll once, `delay` seconds later than planned, and notify the followers; it raises only cancellation."""


class PollSchedule:
    """The polls of one client: when, in which order, and how many.

    When more is due than may be polled, the queue is ordered by virtual time: each poll moves its thing back by what it
    costs. So all are slowed by the same factor, those that cost little (the new ones) come first, and none starves.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        check_open: Callable[[], None],
        per_second: float | None = None,
        budget: PollBudget | None = None,
        max_retry_after: float = 60.0,
        notify: Notify | None = None,
    ) -> None:
        """Plan nothing yet.

        `check_open` raises when the client is closed; `per_second` is the most polls in a second, None for no limit;
        `budget` is a ceiling that other processes share, in place of `per_second`; `max_retry_after` is the longest
        pause that the API may ask for, in seconds.
        """
        self._clock = clock
        self.notify = notify
        self.check_open = check_open
        self._max_retry_after = max_retry_after
        self._next_warning_at = 0.0
        self.is_shared = budget is not None
        self._ceiling: Ceiling = LocalCeiling(per_second) if budget is None else self._shared_ceiling(budget)
        self._sequence = count()
        self._planned: Plans[Scheduled] = Plans()
        self._queue: list[tuple[float, float, int, float, Scheduled]] = []
        self._virtual_time = 0.0
        self._workers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._paused_until = 0.0
        self._rate_limits = 0

    def plan(self, thing: Scheduled, due_at: float) -> None:
        """Plan a poll of a thing. If one is planned already, it may move to an earlier time, never to a later one.

        Raises:
            ConfigurationError: the client is closed, or belongs to another event loop.
        """
        self.check_open()
        self._enqueue(thing, due_at, self._clock.monotonic())
        self._start_polls()

    def set_start(self, thing: Scheduled, after: float) -> None:
        """Let a new thing start `after` virtual seconds behind what is polled now."""
        thing.virtual_time = self._virtual_time + after

    def cancel(self, thing: Scheduled) -> None:
        """Cancel the poll of a thing that nobody follows any more, in flight or planned."""
        if thing.worker is not None:
            thing.worker.cancel()
        if thing.planned_at is not None and thing.due_at(thing.planned_at) is None:
            self._planned.cancel(thing)
        self._planned.forget_cancelled()

    def rate_limited(self, retry_after: float | None, began: float) -> None:
        """Pause all polls after a 429 to a poll that began at `began`: for as long as the API asks, within limits."""
        if self._is_after_the_pause(began):
            # Polls that were in flight together are refused together: that counts once.
            self._rate_limits += 1
        pause = self.bounded(retry_after)
        if pause is None:
            # Bounded in the exponent too: after a day of 429s a float could not hold the power.
            pause = min(2.0 ** min(self._rate_limits - 1, 10), _LONGEST_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311 - spreads load
        self._paused_until = max(self._paused_until, self._clock.monotonic() + pause)
        self._ceiling.pause(pause)

    def bounded(self, retry_after: float | None) -> float | None:
        """Return the seconds that the API asks to wait, at most `max_retry_after` (docs/design.md, rule 12)."""
        if retry_after is None or retry_after <= self._max_retry_after:
            return retry_after
        now = self._clock.monotonic()
        if now >= self._next_warning_at:
            self._next_warning_at = now + _WARN_AGAIN_AFTER
            logger.warning("the API asks to wait %.0f s: polls pause for %.0f s", retry_after, self._max_retry_after)
        return self._max_retry_after

    def answered(self, began: float) -> None:
        """Note that a poll that began at `began` was answered."""
        if self._rate_limits and self._is_after_the_pause(began):
            self._rate_limits = 0

    def _is_after_the_pause(self, began: float) -> bool:
        return began >= self._paused_until - _TICK

    async def close(self) -> None:
        """End every poll."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._planned.clear()
        self._queue.clear()
        loop = asyncio.get_running_loop()
        # Those of a loop that is closed ended with it, and another cannot cancel them.
        workers = [worker for worker in self._workers if worker.get_loop() is loop]
        self._workers.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await self._ceiling.close()

    def _shared_ceiling(self, budget: PollBudget) -> Ceiling:
        # A program without a shared budget does not import it.
        from dollr_async.following.shared_ceiling import SharedCeiling  # noqa: PLC0415 - see above

        longest = self._max_retry_after
        return SharedCeiling(
            budget, self._clock, on_change=self._start_polls, max_retry_after=longest, notify=self.notify
        )

    def _opens_at(self, now: float) -> float:
        """When the next poll of the queue may begin."""
        wanted = min(len(self._queue), MOST_POLLS_IN_FLIGHT - len(self._workers))
        return max(self._ceiling.opens_at(wanted, now), self._paused_until)

    def _enqueue(self, thing: Scheduled, due_at: float | None, now: float, since: float | None = None) -> None:
        if due_at is None or thing.is_queued or thing.worker is not None:
            return
        if thing.planned_at is not None and thing.planned_at <= due_at:
            return
        if due_at > now:
            self._planned.add(thing, due_at)
        else:
            thing.planned_at = None
            thing.is_queued = True
            start, since = max(thing.virtual_time, self._virtual_time), now if since is None else since
            heappush(self._queue, (start, thing.cost(now), next(self._sequence), since, thing))

    def _wake(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        for _ in range(_QUEUED_IN_ONE_TURN):
            if self._planned.next_at > now + _TICK:
                break
            planned_at, thing = self._planned.take()
            if thing is not None:
                now = max(now, planned_at)
                # Where the loop was busy, it has been due for a while.
                self._enqueue(thing, thing.due_at(now), now, planned_at)
        self._start_polls()

    def _start_polls(self) -> None:
        while len(self._workers) < MOST_POLLS_IN_FLIGHT and (due := self._next()) is not None:
            # A worker polls for many followers, and must not keep the context variables of the first.
            thing, context = due[0], contextvars.Context()
            thing.worker = asyncio.create_task(self._work(due), name="dollr_async polling", context=context)
            self._workers.add(thing.worker)
            thing.worker.add_done_callback(partial(self._worker_ended, thing), context=context)
        self._set_timer()

    def _next(self) -> tuple[Scheduled, float] | None:
        """Take what is polled now out of the queue, if the ceiling has room for it, and say how late it is."""
        if not self._queue:
            return None
        now = self._clock.monotonic()
        while self._queue and self._opens_at(now) <= now + _TICK:
            start, cost, _, since, thing = heappop(self._queue)
            thing.is_queued = False
            if not thing.is_awaited():
                thing.poll_skipped()
                continue
            self._virtual_time = start
            thing.virtual_time = start + cost
            self._ceiling.take(now)
            return thing, max(now - since, 0.0)
        return None

    async def _work(self, due: tuple[Scheduled, float] | None) -> None:
        # Set here for the first one too: an eager task runs before `create_task` returns.
        worker = asyncio.current_task()
        while due is not None:
            thing, delay = due
            thing.worker = worker
            try:
                await thing.poll(delay)
            finally:
                thing.worker = None
                now = self._clock.monotonic()
                self._enqueue(thing, thing.due_at(now), now)
            due = self._next()
            self._set_timer()

    def _worker_ended(self, first: Scheduled, worker: asyncio.Task[None]) -> None:
        if worker not in self._workers:
            return  # it was ended by `close`
        self._workers.discard(worker)
        if first.worker is worker:
            # It was cancelled before it began, so nothing of it has run.
            first.worker = None
            now = self._clock.monotonic()
            self._enqueue(first, first.due_at(now), now)
        self._start_polls()

    def _set_timer(self) -> None:
        at = self._planned.next_at
        if self._queue and len(self._workers) < MOST_POLLS_IN_FLIGHT:
            at = min(at, self._opens_at(self._clock.monotonic()))
        if self._timer is not None:
            if self._timer_at <= at < math.inf:
                return  # it wakes early, and sets the next
            self._timer.cancel()
            self._timer = None
        if at < math.inf:
            # The handle's own `when` is not used: for a time that has come, uvloop returns a handle without one.
            loop, context = asyncio.get_running_loop(), contextvars.Context()
            self._timer, self._timer_at = loop.call_at(at, self._wake, context=context), at
