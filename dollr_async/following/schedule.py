"""When everything that is followed is looked at: each thing by its own pace, all of them under one ceiling.

A thing waits in a heap until its look is due, and then in a queue until there is room for it. While there is room the
queue is empty; when there is not, it is fair (see `PollSchedule`). No thing has a task of its own: a few workers look,
one thing after the other, and end when nothing is due.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock

MOST_POLLS_IN_FLIGHT = 64
"""Looks in flight at most: fewer than a client's connections, so that there is always one left to charge with."""

_TURNS_AT_ONCE = 100
"""Things taken up in one turn of the loop: ten thousand that are due together must not hold it up."""

_MADE_UP_FOR = 0.05
"""Seconds of missed looks that a busy loop makes up for; the ceiling is never passed by more."""

_LEFT_ALONE = 100
"""Plans that came to nothing and are left for their time to come, whatever else is planned."""

_LONGEST_PAUSE = 60.0
_TICK = 1e-3
"""Seconds by which a timer may fire early: uvloop's clock has whole milliseconds."""


class Scheduled(ABC):
    """One thing to be looked at. Its owner says when; the schedule keeps its place."""

    __slots__ = ("is_queued", "planned", "served", "worker")

    def __init__(self) -> None:
        """Have no place yet."""
        self.planned: float | None = None
        self.is_queued = False
        self.worker: asyncio.Task[None] | None = None
        self.served = 0.0

    @abstractmethod
    def due(self, now: float) -> float | None:
        """When the next look is due, or None when nobody follows the thing."""

    @abstractmethod
    def cost(self, now: float) -> float:
        """What a look costs of the common time, in seconds: what costs little is looked at more often."""

    @abstractmethod
    def is_awaited(self) -> bool:
        """Whether somebody awaits a change at this moment."""

    @abstractmethod
    def put_aside(self) -> None:
        """Take note that a look was due and nobody awaited it: whoever does next plans it again."""

    @abstractmethod
    async def look(self) -> None:
        """Look once and tell who follows; it raises nothing but cancellation."""


class PollSchedule:
    """The looks of one client: when, in which order, and how many.

    When more is due than may be looked at, the queue is one of virtual time: each look moves its thing back by what it
    costs. So all are slowed by the same factor, those that cost little (the young) come first, and nothing starves.
    """

    def __init__(self, clock: Clock, *, check_open: Callable[[], None], per_second: float | None = None) -> None:
        """Plan nothing yet.

        `check_open` raises when the client is closed; `per_second` is the most looks in a second, None for no limit.
        """
        self._clock = clock
        self.check_open = check_open
        self._gap = 0.0 if per_second is None else 1.0 / per_second
        self._turns = count()
        self._later: list[tuple[float, int, Scheduled]] = []
        self._given_up = 0
        self._queue: list[tuple[float, float, int, Scheduled]] = []
        self._served = 0.0
        self._workers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._next_slot = 0.0
        self._paused_until = 0.0
        self._refusals = 0

    def plan(self, thing: Scheduled, due: float) -> None:
        """Look at a thing when it is due. What is planned already only ever moves to an earlier time.

        Raises:
            ConfigurationError: the client is closed, or belongs to another event loop.
        """
        self.check_open()
        self._place(thing, due, self._clock.monotonic())
        self._begin_looks()

    def enter(self, thing: Scheduled, after: float) -> None:
        """Give a newcomer its place in the queue: `after` seconds of common time behind what is being looked at."""
        thing.served = self._served + after

    def abandon(self, thing: Scheduled) -> None:
        """Give up a look that nobody follows any more: one in flight, or one that is planned."""
        if thing.worker is not None:
            thing.worker.cancel()
        if thing.planned is not None and thing.due(thing.planned) is None:
            thing.planned = None
            self._given_up += 1
        if self._given_up > max(_LEFT_ALONE, len(self._later) // 2):
            # Its time may be an hour away: until then it would be kept with all that it has seen.
            self._given_up = 0
            self._later = [place for place in self._later if place[2].planned == place[0]]
            heapify(self._later)

    def refused(self, retry_after: float | None, began: float) -> None:
        """Look at nothing for a while after a 429 to a look that began at `began`: as long as the API asks."""
        if began >= self._paused_until:
            # Looks that were in flight together are refused together: that is one refusal.
            self._refusals += 1
        pause = retry_after
        if pause is None:
            # Bounded in the exponent too: a day of refusals is more than a float holds.
            pause = min(2.0 ** min(self._refusals - 1, 10), _LONGEST_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311 - spreads load
        self._paused_until = max(self._paused_until, self._clock.monotonic() + pause)

    def answered(self, began: float) -> None:
        """Take note that a look that began at `began` was answered."""
        if began >= self._paused_until:
            self._refusals = 0

    async def close(self) -> None:
        """End every look."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._later.clear()
        self._queue.clear()
        loop = asyncio.get_running_loop()
        # Those of a loop that is closed ended with it, and another cannot cancel them.
        workers = [worker for worker in self._workers if worker.get_loop() is loop]
        self._workers.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _place(self, thing: Scheduled, due: float | None, now: float) -> None:
        if due is None or thing.is_queued or thing.worker is not None:
            return
        if thing.planned is not None and thing.planned <= due:
            return
        if due > now:
            thing.planned = due
            heappush(self._later, (due, next(self._turns), thing))
        else:
            thing.planned = None
            thing.is_queued = True
            heappush(self._queue, (max(thing.served, self._served), thing.cost(now), next(self._turns), thing))

    def _wake(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        for _ in range(_TURNS_AT_ONCE):
            if not self._later or self._later[0][0] > now + _TICK:
                break
            due, _, thing = heappop(self._later)
            if thing.planned == due:  # else it was planned anew, for an earlier time
                thing.planned = None
                now = max(now, due)
                self._place(thing, thing.due(now), now)
        self._begin_looks()

    def _begin_looks(self) -> None:
        while len(self._workers) < MOST_POLLS_IN_FLIGHT and (thing := self._next()) is not None:
            thing.worker = asyncio.create_task(self._work(thing), name="dollr_async polling")
            self._workers.add(thing.worker)
            thing.worker.add_done_callback(partial(self._worker_ended, thing))
        self._set_timer()

    def _next(self) -> Scheduled | None:
        """Take the thing to be looked at now out of the queue, if there is one and the ceiling has room for it."""
        now = self._clock.monotonic()
        while self._queue and max(self._next_slot, self._paused_until) <= now + _TICK:
            place, cost, _, thing = heappop(self._queue)
            thing.is_queued = False
            if not thing.is_awaited():
                thing.put_aside()
                continue
            self._served = place
            thing.served = place + cost
            is_late = now - self._next_slot < max(_MADE_UP_FOR, self._gap)
            self._next_slot = (self._next_slot if is_late else now) + self._gap
            return thing
        return None

    async def _work(self, thing: Scheduled | None) -> None:
        while thing is not None:
            # Not as it was given: an eager task runs before whoever makes it can say so.
            thing.worker = asyncio.current_task()
            try:
                await thing.look()
            finally:
                thing.worker = None
                now = self._clock.monotonic()
                self._place(thing, thing.due(now), now)
            thing = self._next()
            self._set_timer()

    def _worker_ended(self, first: Scheduled, worker: asyncio.Task[None]) -> None:
        if worker not in self._workers:
            return  # it was ended by `close`
        self._workers.discard(worker)
        if first.worker is worker:
            # It was cancelled before it began, so nothing of it has run.
            first.worker = None
            now = self._clock.monotonic()
            self._place(first, first.due(now), now)
        self._begin_looks()

    def _set_timer(self) -> None:
        times = [self._later[0][0]] if self._later else []
        if self._queue and len(self._workers) < MOST_POLLS_IN_FLIGHT:
            times.append(max(self._next_slot, self._paused_until))
        at = min(times, default=None)
        if self._timer is not None:
            if at is not None and self._timer_at <= at:
                return  # it wakes early, and sets the next
            self._timer.cancel()
            self._timer = None
        if at is not None:
            # Its own `when` is not asked: where the time has come, uvloop gives a handle without one.
            self._timer, self._timer_at = asyncio.get_running_loop().call_at(at, self._wake), at
