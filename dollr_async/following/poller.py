"""One thing that is followed: its latest state, who awaits its next one, and the look that finds it.

Nobody polls while nobody waits. A poller is looked at by the schedule only as long as somebody awaits a change, so
leaving a loop by `break` leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from dollr_async.base.errors import (
    APIStatusError,
    DecodeError,
    DollrError,
    NotFoundError,
    RateLimitError,
    ServerError,
    TransportError,
)
from dollr_async.following.schedule import PollSchedule, Scheduled
from dollr_async.wire.retry import is_redirect_or_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.base.clock import Clock
    from dollr_async.following.policy import Pace
    from dollr_async.following.push_subscription import PushSubscription

T = TypeVar("T")
_AGE_PER_COST, _LARGEST_COST = 10.0, 300.0
"""A payment that is this many times as old as another may wait as many times as long, where polls have to wait;
from fifty minutes on all are alike, else those of yesterday would not be asked before their time is over."""


class Follower(Protocol[T]):
    """Who follows a thing, at a pace of its own; `since` is the state that it has."""

    pace: Pace
    since: T | None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody awaits its next change at this moment."""
        ...

    def told(self) -> None:
        """Take note that the latest state is another than `since`."""
        ...

    def failed(self, error: Exception) -> None:
        """Take note that the thing cannot be followed."""
        ...

    def passed_over(self) -> None:
        """Take note that a look was due and was not made, since nobody awaited it."""
        ...


class _Wait(Generic[T]):
    """One task that awaits one change."""

    __slots__ = ("_trace", "_woken", "error", "pace", "since")

    is_awaited = True

    def __init__(self, pace: Pace, since: T | None) -> None:
        self.pace = pace
        self.since = since
        self.error: Exception | None = None
        self._woken = asyncio.get_running_loop().create_future()

    def told(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    def failed(self, error: Exception) -> None:
        # Not set on the future: a task that is cancelled just now would never fetch it, and asyncio complains.
        self.error, self._trace = error, error.__traceback__
        self.told()

    def passed_over(self) -> None:
        """Never: it is awaited for as long as it lives."""

    async def over(self) -> None:
        await self._woken
        if self.error is not None:
            # All who follow are told one error; where another raised it is no part of its trace here.
            raise self.error.with_traceback(self._trace)


class Poller(Scheduled, Generic[T]):
    """The one poller of one thing, shared by all who follow it; it keeps the latest state seen.

    `ask` fetches the state of the thing that `key` names, `mark` says what of a state is compared to find a change.
    """

    __slots__ = (
        "__weakref__",
        "_ask",
        "_chance",
        "_clock",
        "_followers",
        "_is_hinted",
        "_looked_at",
        "_mark",
        "_missing_since",
        "_not_before",
        "_schedule",
        "key",
        "latest",
        "listening",
    )

    def __init__(
        self,
        ask: Callable[..., Awaitable[T]],
        key: tuple[object, ...],
        mark: Callable[[T], object],
        schedule: PollSchedule,
        clock: Clock,
    ) -> None:
        """Keep how to ask."""
        super().__init__()
        self.key = key
        self._ask = ask
        self._mark = mark
        self._schedule = schedule
        self._clock = clock
        self._followers: list[Follower[T]] = []
        self._looked_at: float | None = None
        self._not_before = 0.0
        self._chance = 0.0
        self._is_hinted = False
        self.listening: PushSubscription | None = None
        self.latest: T | None = None
        self._missing_since: float | None = None

    def saw(self, state: T) -> None:
        """Keep a state that was seen, and tell those for whom it is news."""
        self._looked()
        self.latest = state
        self._missing_since = None
        for follower in tuple(self._followers):
            if self.differs_from(follower.since):
                follower.told()
            else:
                follower.since = state  # the one before would be kept beside it, 600 bytes for each payment
        self._listen()  # there may be room by now

    def differs_from(self, since: T | None) -> bool:
        """Whether the latest state is a change for somebody who has `since`."""
        latest = self.latest
        return latest is not None and (since is None or self._mark(latest) != self._mark(since))

    async def change(self, since: T | None, pace: Pace) -> T:
        """Return the state as soon as it differs from `since`.

        Raises:
            ConfigurationError: the client is closed, or belongs to another event loop.
            DollrError: it cannot be followed.
        """
        while (latest := self.latest) is None or not self.differs_from(since):
            wait = _Wait(pace, since)
            self.join(wait)
            try:
                await wait.over()
            finally:
                self.leave(wait)
        return latest

    def join(self, follower: Follower[T]) -> None:
        """Tell a follower of each change from now on, until it leaves; `plan_for` says what is raised."""
        if self._looked_at is None and not self._followers:
            # As if it had been looked at before, at some time of its life: thousands of old payments that a process
            # takes up together come one by one then, and the young between them.
            now = self._clock.monotonic()
            life = min(follower.pace.age(now), self._cost_at(follower.pace, now))
            self._schedule.enter(self, random.random() * life)  # noqa: S311 - spreads load, guards nothing
        self._followers.append(follower)
        try:
            self.plan_for(follower)
        except BaseException:
            self.leave(follower)
            raise

    def plan_for(self, follower: Follower[T]) -> None:
        """Look at it when the next look is due for a follower who is there already.

        Raises:
            ConfigurationError: the client is closed, or belongs to another event loop.
        """
        self._schedule.plan(self, self._due_at_pace(follower.pace, self._clock.monotonic()))
        self._listen()

    def leave(self, follower: Follower[T]) -> None:
        """Tell a follower no more."""
        with suppress(ValueError):
            self._followers.remove(follower)
        if not self._followers:
            self._schedule.abandon(self)
            if self.listening is not None:
                self.listening.pause()

    def _listen(self) -> None:
        if self.listening is not None and self._followers:
            self.listening.begin(self.hint)

    def hint(self) -> None:
        """Look at once if somebody follows: there may be news."""
        self._is_hinted = True
        if self._followers:
            self._schedule.plan(self, self._not_before)

    def fail(self, error: Exception) -> None:
        """Tell all who follow that it cannot be followed any more."""
        for follower in tuple(self._followers):
            follower.failed(error)

    def due(self, now: float) -> float | None:
        """When the next look is due: at the quickest pace of all who follow."""
        return min((self._due_at_pace(follower.pace, now) for follower in self._followers), default=None)

    def _due_at_pace(self, pace: Pace, now: float) -> float:
        if self._looked_at is None or self._is_hinted:
            return max(now, self._not_before)
        delay = pace.policy.delay_at(pace.age(self._looked_at), self._chance)
        if self.listening is not None and self.listening.is_live:
            delay = max(delay, self.listening.interval)
        return max(self._looked_at + delay, self._not_before)

    def cost(self, now: float) -> float:
        """What a look costs: the interval, or a share of the payment's age."""
        return min(self._cost_at(follower.pace, now) for follower in self._followers)

    def _cost_at(self, pace: Pace, now: float) -> float:
        age = pace.age(now)
        return max(pace.policy.interval_at(age), min(age / _AGE_PER_COST, _LARGEST_COST))

    def is_awaited(self) -> bool:
        """Whether any follower awaits a change at this moment."""
        return any(follower.is_awaited for follower in self._followers)

    def put_aside(self) -> None:
        """Leave it to the followers to plan the look that was not made."""
        for follower in tuple(self._followers):
            follower.passed_over()

    async def look(self) -> None:
        """Ask once, and tell those for whom the answer is news, or an end."""
        began = self._clock.monotonic()
        self._is_hinted = False
        try:
            state = await self._ask(*self.key)
        except DollrError as error:
            self._looked()
            self._note(error, began)
            for follower in tuple(self._followers):
                if not self._passes(error, follower):
                    follower.failed(error)
        except Exception as error:  # noqa: BLE001 - it is for those who wait to see; else they would wait for ever
            self._looked()
            self.fail(error)
        else:
            self._schedule.answered(began)
            self.saw(state)

    def _looked(self) -> None:
        self._looked_at = self._clock.monotonic()
        self._chance = random.uniform(-1.0, 1.0)  # noqa: S311 - spreads load, guards nothing

    def _note(self, error: DollrError, began: float) -> None:
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if isinstance(error, NotFoundError) and self._missing_since is None:
            self._missing_since = self._looked_at
        if isinstance(error, RateLimitError):
            self._schedule.refused(asked, began)
        else:
            self._not_before = self._clock.monotonic() + (asked or 0.0)

    def _passes(self, error: DollrError, follower: Follower[T]) -> bool:
        if isinstance(error, NotFoundError):
            # Not there yet, or, once it was seen, an answer from a server that lags.
            since, grace = follower.pace.started, follower.pace.policy.not_found_grace
            if self.latest is not None and grace > 0:
                since = max(since, self._missing_since or 0.0)
            return self._clock.monotonic() - since <= grace
        return is_blip(error)


def is_blip(error: DollrError) -> bool:
    """Whether a look that ended so says nothing of the thing followed: the next one may do better."""
    if isinstance(error, DecodeError):
        return error.status is None
    return isinstance(error, TransportError | ServerError | RateLimitError) or is_redirect_or_timeout(error)
