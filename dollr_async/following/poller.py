"""One payment or document that is polled: its latest state, and the followers that are notified of its changes.

Nothing is polled while nobody waits: the schedule polls only what somebody awaits a change of, so leaving a loop by
`break` leaves nothing behind.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dollr_async.base.enums import ExecutionStatus, SourceStatus
from dollr_async.base.errors import (
    APIStatusError,
    DecodeError,
    DollrError,
    NotFoundError,
    RateLimitError,
    ServerError,
    TransportError,
)
from dollr_async.following.follower import Waiter
from dollr_async.following.schedule import PollSchedule, Scheduled
from dollr_async.following.status_checks import reported_check
from dollr_async.wire.retry import is_redirect_or_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import SourceType
    from dollr_async.base.reporting import Notify
    from dollr_async.following.follower import Follower
    from dollr_async.following.policy import Pace
    from dollr_async.following.push_subscription import PushSubscription

T = TypeVar("T")
_AGE_PER_COST, _LARGEST_COST = 10.0, 300.0
"""Where polls have to wait, a payment that is this many times as old as another may wait as many times as long. From
fifty minutes on all cost the same, else one of yesterday would not be polled before its timeout."""


class Poller(Scheduled, Generic[T]):
    """The one poller of one payment or document, shared by all its followers; it keeps the latest state.

    `fetch` gets the state of what the `kind` and `identifier` of a poller name. `fingerprint` returns the part of a
    state that is compared to find a change.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_fetch",
        "_fingerprint",
        "_followers",
        "_is_expected",
        "_is_hinted",
        "_jitter_offset",
        "_not_before",
        "_not_found_since",
        "_polled_at",
        "_schedule",
        "document",
        "identifier",
        "kind",
        "latest",
        "push",
        "unknown_since",
        "updates",
    )

    def __init__(
        self,
        fetch: Callable[[Poller[T]], Awaitable[T]],
        kind: str,
        identifier: object,
        fingerprint: Callable[[T], object],
        schedule: PollSchedule,
        clock: Clock,
        *,
        is_expected: Callable[[Poller[T]], Awaitable[bool]] | None = None,
    ) -> None:
        """Poll nothing yet. `is_expected` tells whether what the API does not know may still come to be."""
        super().__init__()
        # Not one tuple, which the garbage collector would visit for each payment.
        self.kind: Any = kind
        self.identifier: Any = identifier
        self._fetch = fetch
        self._fingerprint = fingerprint
        self._schedule = schedule
        self._clock = clock
        self._followers: list[Follower[T]] = []
        self._polled_at: float | None = None
        self._not_before = 0.0
        self._jitter_offset = 0.0
        self._is_hinted = False
        self.push: PushSubscription | None = None
        self.latest: T | None = None
        self.updates = 0
        self._not_found_since: float | None = None
        self._is_expected = is_expected
        self.document: tuple[SourceType, int] | None = None
        self.unknown_since: float | None = None

    @property
    def notify(self) -> Notify | None:
        """What hands events to the client's observer."""
        return self._schedule.notify

    def update(self, state: T) -> None:
        """Keep a state that was seen, and notify the followers for whom it is a change."""
        self._note_poll()
        self.updates += 1
        self.latest = state
        self._not_found_since = None
        for follower in tuple(self._followers):
            if self.differs_from(follower.known):
                follower.notify()
            else:
                follower.known = state  # else the one before would be kept beside it, 600 bytes for each payment
        if self.push is not None:
            self._open_push()  # there may be room by now

    def differs_from(self, known: T | None) -> bool:
        """Whether the latest state is a change for a follower that knows `known`."""
        latest = self.latest
        if latest is None or latest is known:
            return False
        return known is None or self._fingerprint(latest) != self._fingerprint(known)

    async def wait_for_change(self, known: T | None, pace: Pace) -> T:
        """Return the state as soon as it differs from `known`.

        Raises:
            ConfigurationError: the client is closed, or belongs to another event loop.
            DollrError: it cannot be followed.
        """
        while (latest := self.latest) is None or not self.differs_from(known):
            waiter = Waiter(pace, known)
            self.add(waiter)
            try:
                await waiter.wait()
            finally:
                self.remove(waiter)
        return latest

    def add(self, follower: Follower[T]) -> None:
        """Notify a follower of each change from now on, until it is removed; it raises what `plan_poll` raises."""
        if self._polled_at is None and not self._followers:
            # As if it had been polled before, at some time of its life: thousands of old payments that a process
            # resumes together are polled one by one then, and the new ones between them.
            now = self._clock.monotonic()
            longest = min(follower.pace.age(now), self._cost_at(follower.pace, now))
            self._schedule.set_start(self, random.random() * longest)  # noqa: S311 - spreads load, guards nothing
        self._followers.append(follower)
        try:
            self.plan_poll(follower)
        except BaseException:
            self.remove(follower)
            raise

    def plan_poll(self, follower: Follower[T]) -> None:
        """Plan the next poll at the pace of a follower that was added.

        Raises:
            ConfigurationError: the client is closed, or belongs to another event loop.
        """
        self._schedule.plan(self, self._due_at_pace(follower.pace, self._clock.monotonic()))
        self._open_push()

    def remove(self, follower: Follower[T]) -> None:
        """Notify a follower no more."""
        with suppress(ValueError):
            self._followers.remove(follower)
        if not self._followers:
            self._schedule.cancel(self)
            if self.push is not None:
                self.push.close_soon()

    def _open_push(self) -> None:
        if self.push is not None and self._followers:
            self.push.open(self.hint)

    def hint(self) -> None:
        """Poll at once if somebody follows: there may be a change."""
        self._is_hinted = True
        if self._followers:
            self._schedule.plan(self, self._not_before)

    def fail(self, error: Exception) -> None:
        """Notify all followers that it cannot be followed any more."""
        for follower in tuple(self._followers):
            follower.notify_error(error)

    def due_at(self, now: float) -> float | None:
        """When the next poll is due: at the quickest pace of all followers."""
        return min([self._due_at_pace(follower.pace, now) for follower in self._followers], default=None)

    def _due_at_pace(self, pace: Pace, now: float) -> float:
        if self._polled_at is None or self._is_hinted:
            return max(now, self._not_before)
        delay = pace.policy.delay_at(pace.age(self._polled_at), self._jitter_offset)
        if self.push is not None and self.push.is_live:
            delay = max(delay, self.push.poll_interval)
        return max(self._polled_at + delay, self._not_before)

    def cost(self, now: float) -> float:
        """What a poll costs: the interval, or a share of the payment's age."""
        return min([self._cost_at(follower.pace, now) for follower in self._followers])

    def _cost_at(self, pace: Pace, now: float) -> float:
        age = pace.age(now)
        return max(pace.policy.interval_at(age), min(age / _AGE_PER_COST, _LARGEST_COST))

    def is_awaited(self) -> bool:
        """Whether any follower awaits a change at this moment."""
        return any(follower.is_awaited for follower in self._followers)

    def poll_skipped(self) -> None:
        """Leave it to the followers to plan the poll that was skipped."""
        for follower in tuple(self._followers):
            follower.poll_skipped()

    async def poll(self, delay: float) -> None:
        """Fetch the state once, and notify the followers for whom the answer is a change or an error."""
        began = self._clock.monotonic()
        self._is_hinted = False
        try:
            fetching, notify = self._fetch(self), self.notify
            if notify is not None:
                fetching = reported_check(fetching, (self.kind, self.identifier), notify, self._clock, delay=delay)
            state = await fetching
        except DollrError as error:
            self._note_poll()
            self._note_error(error, began)
            refused = [follower for follower in self._followers if not self._is_tolerated(error, follower)]
            if refused and not await self._may_still_come(error):
                for follower in refused:
                    follower.notify_error(error)
        except Exception as error:  # noqa: BLE001 - the followers raise it; else they would wait for ever
            self._note_poll()
            self.fail(error)
        else:
            self._schedule.answered(began)
            self.update(state)

    def _note_poll(self) -> None:
        self._polled_at = self._clock.monotonic()
        self._jitter_offset = random.uniform(-1.0, 1.0)  # noqa: S311 - spreads load, guards nothing

    def _note_error(self, error: DollrError, began: float) -> None:
        retry_after = error.retry_after if isinstance(error, APIStatusError) else None
        if isinstance(error, NotFoundError) and self._not_found_since is None:
            self._not_found_since = self._polled_at
        if isinstance(error, RateLimitError):
            self._schedule.rate_limited(retry_after, began)
        else:
            self._not_before = self._clock.monotonic() + (self._schedule.bounded(retry_after) or 0.0)

    async def _may_still_come(self, error: DollrError) -> bool:
        """Whether a run that is alive may still execute what the API does not know."""
        if self._is_expected is None or not isinstance(error, NotFoundError):
            return False
        return await self._is_expected(self)

    def _is_tolerated(self, error: DollrError, follower: Follower[T]) -> bool:
        if isinstance(error, NotFoundError):
            # Not there yet or, once it was seen, the answer of a server that lags behind.
            since, grace = follower.pace.followed_since, follower.pace.policy.not_found_grace
            if self.latest is not None and grace > 0:
                since = max(since, self._not_found_since or 0.0)
            return self._clock.monotonic() - since <= grace
        return _is_temporary(error)


def _is_temporary(error: DollrError) -> bool:
    """Whether a poll with this error says nothing about the payment or document: the next one may succeed."""
    if isinstance(error, DecodeError):
        # Not readable yet, as an amount that is null while a payment is PENDING; an end that is not readable is told.
        word = error.status
        return word is None or not (ExecutionStatus(word).is_final or SourceStatus(word).is_final)
    return isinstance(error, TransportError | ServerError | RateLimitError) or is_redirect_or_timeout(error)
