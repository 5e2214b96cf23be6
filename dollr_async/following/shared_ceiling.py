"""One ceiling for all processes of a fleet: polls are reserved from a budget, some at once, and spread evenly.

One reservation is outstanding at a time, so that a process that wants much cannot crowd out the others. A budget that
fails never stops a payment: polls then go on as often as they were granted in the minute before.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections import deque
from typing import TYPE_CHECKING

from dollr_async.base.bounded import BoundedCalls
from dollr_async.base.observing import BudgetWaited
from dollr_async.base.sharing import PacedPollBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.base.sharing import PollBudget

logger = logging.getLogger("dollr_async.http")

_BATCH = 0.1
"""Seconds of the ceiling that one reservation takes at most."""

_LOOK_AGAIN_AFTER = 0.1
"""Seconds of waiting after which it is asked once more whether a pause has begun meanwhile."""

_LATE = 0.1
"""Seconds by which reserved polls may be late before all but one of them are given up."""

_FORGET_AFTER = 5.0
_ANSWER_WITHIN = 1.0
_TRY_AGAIN_AFTER = 2.0
_REMEMBERED = 60.0
_LEAST_ALONE = 1.0
_LEAST_SHARE = 0.1


class SharedCeiling:
    """The polls that one client has reserved from a budget, and the reservation that is outstanding."""

    def __init__(
        self,
        budget: PollBudget,
        clock: Clock,
        *,
        on_change: Callable[[], None],
        max_retry_after: float,
        notify: Notify | None = None,
    ) -> None:
        """Reserve nothing yet. `on_change` is called when `opens_at` has another answer."""
        self._notify = notify
        self._budget = budget
        self._clock = clock
        self._on_change = on_change
        self._max_retry_after = max_retry_after
        self._calls = BoundedCalls()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_reserving = False
        self._slots = 0
        self._slot_at = 0.0
        self._ask_again_at = 0.0
        self._paused_until = 0.0
        self._granted: deque[tuple[float, int]] = deque()
        self._began: float | None = None
        self._pace_alone: float | None = None
        self._next_alone = 0.0

    def opens_at(self, wanted: int, now: float) -> float:
        """When the next poll may begin; what is missing is reserved in the background."""
        self._give_up_late_slots(now)
        if self._slots:
            return self._slot_at
        if not self._is_reserving and now >= self._ask_again_at:
            self._is_reserving = True
            self._began = now if self._began is None else self._began
            self._start(self._reserve(max(1, min(wanted, int(self._per_second() * _BATCH)))))
        if self._pace_alone is not None:
            return self._next_alone
        return math.inf if self._is_reserving else self._ask_again_at

    def take(self, now: float) -> None:
        """Note that a poll begins now."""
        if self._slots:
            self._slots -= 1
            self._slot_at += self._gap()
        elif self._pace_alone is not None:
            self._next_alone = max(self._next_alone, now) + 1.0 / self._pace_alone

    def pause(self, seconds: float) -> None:
        """Let all processes pause, unless they were asked to already."""
        until = self._clock.monotonic() + seconds
        if until > self._paused_until + _LATE:
            self._paused_until = until
            self._slots = 0
            self._start(self._pause(seconds))

    async def close(self) -> None:
        """End the reservation."""
        loop = asyncio.get_running_loop()
        tasks = [task for task in self._tasks if task.get_loop() is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._calls.close()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        # Without the context variables of whoever follows the payment that happens to be next.
        task = asyncio.create_task(work, name="dollr_async poll budget", context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reserve(self, n: int) -> None:
        await asyncio.sleep(0)  # an eager task must not change the queue while somebody goes through it
        try:
            wait = await self._calls.run(self._budget.reserve(n), _ANSWER_WITHIN)
            self._check(wait)
        except Exception as error:  # noqa: BLE001 - whatever a budget raises
            self._report(n, 0.0, error)
            self._failed(error)
        else:
            self._report(n, max(wait, 0.0))
            self._pace_alone = None
            now = self._clock.monotonic()
            await self._granted_at(now + max(wait, 0.0), n, now)
        self._is_reserving = False
        self._on_change()

    def _report(self, n: int, wait: float, error: Exception | None = None) -> None:
        if self._notify is not None:
            self._notify(BudgetWaited(polls=n, seconds=wait, error=None if error is None else type(error).__name__))

    async def _granted_at(self, at: float, n: int, now: float) -> None:
        if at - now > _LOOK_AGAIN_AFTER and isinstance(self._budget, PacedPollBudget):
            await self._clock.sleep(at - now)
            paused = await self._pause_left(self._budget)
            if paused > 0:
                # What was reserved before a pause is void, for everybody.
                self._ask_again_at = self._clock.monotonic() + paused
                return
        self._slots, self._slot_at = n, at
        self._granted.append((at, n))

    async def _pause(self, seconds: float) -> None:
        try:
            await self._calls.run(self._budget.pause(seconds), _ANSWER_WITHIN)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)

    async def _pause_left(self, budget: PacedPollBudget) -> float:
        try:
            paused = await self._calls.run(budget.paused_for(), _ANSWER_WITHIN)
            self._check(paused)
        except Exception:  # noqa: BLE001 - as above; the next reservation logs it
            return 0.0
        return paused

    def _check(self, wait: float) -> None:
        """Refuse a wait that no fleet explains: the clock of the budget's server was set back."""
        if not wait <= 2.0 * self._max_retry_after + 100.0 / self._per_second():
            raise ValueError(f"it asks to wait {wait:.0f} s")

    def _failed(self, error: Exception) -> None:
        now = self._clock.monotonic()
        self._ask_again_at = now + _TRY_AGAIN_AFTER
        if self._pace_alone is None:
            self._pace_alone = self._pace_of_the_last_minute(now)
            self._next_alone = max(now, self._paused_until)
            logger.warning(
                "the poll budget cannot be used: this client goes on with %.1f polls a second, as in the last minute "
                "(%s: %s)",
                self._pace_alone,
                type(error).__name__,
                str(error)[:300],
            )

    def _pace_of_the_last_minute(self, now: float) -> float:
        while self._granted and self._granted[0][0] < now - _REMEMBERED:
            self._granted.popleft()
        began = now if self._began is None else self._began
        span = min(max(now - began, 1.0), _REMEMBERED)
        # A client that followed little until now must not stop either.
        least = min(_LEAST_ALONE, self._per_second() * _LEAST_SHARE)
        return max(sum(n for _, n in self._granted) / span, least)

    def _give_up_late_slots(self, now: float) -> None:
        # Others poll in this moment, so a batch that is late must not be made up for at once.
        while self._slots > 1 and now > self._slot_at + _LATE:
            self._slots -= 1
            self._slot_at += self._gap()
        if self._slots and now > self._slot_at + _FORGET_AFTER:
            self._slots = 0

    def _per_second(self) -> float:
        # Of a budget that does not say its ceiling, one poll is reserved at a time.
        return self._budget.per_second if isinstance(self._budget, PacedPollBudget) else 1.0

    def _gap(self) -> float:
        return 1.0 / self._per_second()
