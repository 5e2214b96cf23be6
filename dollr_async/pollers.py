"""Following one thing: looks shared by all who await it, and the iterator that they await.

Nobody polls while nobody waits: there is no task behind a watch. Of all who await a change, the one whose look is due
first looks, and the others find what it saw. Leaving a loop by `break` therefore leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, Self, TypeVar

import attrs

from dollr_async.errors import (
    APIStatusError,
    DecodeError,
    DollrError,
    NotFoundError,
    PollTimeoutError,
    RateLimitError,
    ServerError,
    TransportError,
)
from dollr_async.retry import is_redirect_or_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from dollr_async.clock import Clock
    from dollr_async.polling import PollPolicy


class _Change(Protocol):
    @property
    def is_final(self) -> bool: ...


T = TypeVar("T")
C = TypeVar("C", bound=_Change)


class Pace(NamedTuple):
    """How one watch polls: `began` is when the payment began and sets the intervals, `started` when the watch did."""

    policy: PollPolicy
    began: float
    started: float


class Poller(Generic[T]):
    """The one follower of one thing, shared by its watches; it keeps the latest state seen.

    `look` asks once, `mark` says what of a state is compared to find a change.
    """

    def __init__(self, look: Callable[[], Awaitable[T]], mark: Callable[[T], object], clock: Clock) -> None:
        """Keep how to look."""
        self._look = look
        self._mark = mark
        self._clock = clock
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._looked_at: float | None = None
        self._not_before = 0.0
        self.latest: T | None = None
        self.seen_at: float | None = None

    def saw(self, state: T) -> None:
        """Keep a state that somebody else was given."""
        self.latest = state
        self._looked_at = self.seen_at = self._clock.monotonic()

    async def change(self, since: T | None, pace: Pace) -> T:
        """Return the state as soon as it differs from `since`."""
        while (latest := self._changed(since)) is None:
            news = self._news
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due(pace)):
                    await news.wait()
            async with self._turn:
                # Nobody has looked meanwhile: the look is this watch's, whose interval is the shortest.
                if self._news is news:
                    await self._look_once(pace)
        return latest

    def _changed(self, since: T | None) -> T | None:
        latest = self.latest
        if latest is None or (since is not None and self._mark(latest) == self._mark(since)):
            return None
        return latest

    def _due(self, pace: Pace) -> float:
        now = self._clock.monotonic()
        due = now if self._looked_at is None else self._looked_at + pace.policy.next_delay(now - pace.began)
        return max(due, self._not_before)

    async def _look_once(self, pace: Pace) -> None:
        try:
            self.latest = await self._look()
            self.seen_at = self._clock.monotonic()
        except DollrError as error:
            asked = error.retry_after if isinstance(error, APIStatusError) else None
            self._not_before = self._clock.monotonic() + (asked or 0.0)
            if not self._passes(error, pace):
                raise
        finally:
            self._looked_at = self._clock.monotonic()
            self._news.set()
            self._news = asyncio.Event()

    def _passes(self, error: DollrError, pace: Pace) -> bool:
        if isinstance(error, NotFoundError):
            # Not there yet, or, once it was seen, an answer from a server that lags.
            known_since = pace.started if self.seen_at is None else self.seen_at
            return self._clock.monotonic() - known_since <= pace.policy.not_found_grace
        return is_blip(error)


def is_blip(error: DollrError) -> bool:
    """Whether a look that ended so says nothing of the thing followed: the next one may do better."""
    if isinstance(error, DecodeError):
        return error.status is None
    return isinstance(error, TransportError | ServerError | RateLimitError) or is_redirect_or_timeout(error)


class Following(ABC, Generic[T, C]):
    """An async iterator over the changes of one thing: the present state first, the final one last, then it ends."""

    def __init__(
        self,
        poller: Poller[T],
        *,
        policy: PollPolicy,
        clock: Clock,
        began_at: datetime | None = None,
        began: Callable[[], Awaitable[datetime | None]] | None = None,
    ) -> None:
        """Follow a thing; `began_at` (aware) tells how old it is, so that an old one is asked rarely."""
        self._poller = poller
        self._policy = policy
        self._clock = clock
        self._began_at = began_at
        self._began = began
        self._pace: Pace | None = None
        self._state: T | None = None
        self._seen: C | None = None

    @abstractmethod
    def _change(self, state: T, seen: C | None) -> C:
        """Return a state as the change that is yielded."""

    @abstractmethod
    def _timed_out(self, elapsed: float) -> PollTimeoutError:
        """Return the error that says that time ran out."""

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    def within(self, timeout: float | None) -> Self:
        """Follow for `timeout` seconds at most; None leaves the policy's own limit."""
        if timeout is not None:
            self._policy = attrs.evolve(self._policy, timeout=timeout)
        return self

    async def __anext__(self) -> C:
        """Return the next change."""
        seen = self._seen
        if seen is not None and seen.is_final:
            raise StopAsyncIteration
        pace = self._pace or await self._start()
        limit = self._policy.timeout
        try:
            async with asyncio.timeout_at(None if limit is None else pace.started + limit):
                self._state = await self._poller.change(self._state, pace)
        except TimeoutError:
            raise self._timed_out(self._clock.monotonic() - pace.started) from None
        self._seen = self._change(self._state, seen)
        return self._seen

    async def _start(self) -> Pace:
        if self._began is not None:
            self._began_at = await self._began()
        now = self._clock.monotonic()
        age = 0.0 if self._began_at is None else (self._clock.now() - self._began_at).total_seconds()
        self._pace = Pace(self._policy, now - max(age, 0.0), now)
        return self._pace
