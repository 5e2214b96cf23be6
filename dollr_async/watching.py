"""Following a payment: polls shared by all who await the same one, and the iterator that they await.

Nobody polls while nobody waits: there is no task behind a watch. Whoever awaits a change takes the turn to look when
the next look is due, and the others find what it saw. Leaving a loop by `break` therefore leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Self
from uuid import UUID
from weakref import WeakValueDictionary

import attrs

from dollr_async.enums import ExecutionKind, ExecutionStatus
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
from dollr_async.resources.executions import Execution
from dollr_async.retry import RetryPolicy, is_redirect_or_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.clock import Clock
    from dollr_async.polling import PollPolicy
    from dollr_async.resources.status import Status

_ONCE = RetryPolicy(attempts=1)


@attrs.frozen(kw_only=True)
class StatusChange:
    """One change of a payment: of its status, or of whether its payer has to act.

    `previous` is the status before (None at first), `at` the aware UTC time at which the change was seen.
    """

    reference_id: UUID
    status: ExecutionStatus
    previous: ExecutionStatus | None
    execution: Execution
    at: datetime

    @property
    def is_final(self) -> bool:
        """Whether the payment will never change again."""
        return self.status.is_final

    @property
    def requires_action(self) -> bool:
        """Whether the payer has to confirm a card."""
        return bool(self.execution.requires_action)


class Mark(NamedTuple):
    """What counts as a change."""

    status: str
    requires_action: bool


def mark(execution: Execution) -> Mark:
    """Return what is compared to find a change."""
    return Mark(execution.status, bool(execution.requires_action))


class Pace(NamedTuple):
    """How one watch polls: `began` is when the payment began and sets the intervals, `started` when the watch did."""

    policy: PollPolicy
    began: float
    started: float


class Poller:
    """The one follower of one payment, shared by its watches; it keeps the latest execution seen."""

    def __init__(self, look: Callable[[], Awaitable[Execution]], clock: Clock) -> None:
        """Keep how to look."""
        self._look = look
        self._clock = clock
        self._turn = asyncio.Lock()
        self._looked_at: float | None = None
        self._not_before = 0.0
        self.latest: Execution | None = None
        self.seen_at: float | None = None

    def saw(self, execution: Execution) -> None:
        """Keep an execution that somebody else was given."""
        self.latest = execution
        self._looked_at = self.seen_at = self._clock.monotonic()

    async def change(self, since: Mark | None, pace: Pace) -> Execution:
        """Return the execution as soon as it differs from `since`."""
        while True:
            if (latest := self._changed(since)) is not None:
                return latest
            async with self._turn:
                if self._changed(since) is None:
                    await self._poll(pace)

    def _changed(self, since: Mark | None) -> Execution | None:
        return self.latest if self.latest is not None and mark(self.latest) != since else None

    async def _poll(self, pace: Pace) -> None:
        now = self._clock.monotonic()
        due = now if self._looked_at is None else self._looked_at + pace.policy.next_delay(now - pace.began)
        await self._clock.sleep(max(due, self._not_before) - now)
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

    def _passes(self, error: DollrError, pace: Pace) -> bool:
        if isinstance(error, NotFoundError):
            # Not there yet, or, once it was seen, an answer from a server that lags.
            known_since = pace.started if self.seen_at is None else self.seen_at
            return self._clock.monotonic() - known_since <= pace.policy.not_found_grace
        return is_blip(error)


def is_blip(error: DollrError) -> bool:
    """Whether a look that ended so says nothing of the payment: the next one may do better."""
    if isinstance(error, DecodeError):
        return error.status is None
    return isinstance(error, TransportError | ServerError | RateLimitError) or is_redirect_or_timeout(error)


class Watch:
    """An async iterator over the changes of one payment: the present state first, the final one last, then it ends.

    Raises while iterating:
        PollTimeoutError: not final within the policy's timeout, counted from the first change awaited.
        NotFoundError: the API does not know the reference, and the grace for "not yet" is over.
        PermissionDeniedError, AuthenticationError: the status may not be read.
    """

    def __init__(
        self, poller: Poller, reference_id: UUID, *, policy: PollPolicy, clock: Clock, began_at: datetime | None = None
    ) -> None:
        """Watch a payment; `began_at` (aware) tells how old it is, so that an old one is asked rarely."""
        self._poller = poller
        self._reference_id = reference_id
        self._policy = policy
        self._clock = clock
        self._began_at = began_at
        self._pace: Pace | None = None
        self._seen: StatusChange | None = None

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    def within(self, timeout: float | None) -> Self:
        """Follow for `timeout` seconds at most; None leaves the policy's own limit."""
        if timeout is not None:
            self._policy = attrs.evolve(self._policy, timeout=timeout)
        return self

    async def __anext__(self) -> StatusChange:
        """Return the next change."""
        seen = self._seen
        if seen is not None and seen.is_final:
            raise StopAsyncIteration
        pace = self._pace or self._start()
        limit = self._policy.timeout
        try:
            async with asyncio.timeout_at(None if limit is None else pace.started + limit):
                execution = await self._poller.change(mark(seen.execution) if seen else None, pace)
        except TimeoutError:
            raise self._timed_out(pace) from None
        self._seen = StatusChange(
            reference_id=self._reference_id,
            status=execution.status,
            previous=seen.status if seen else None,
            execution=execution,
            at=self._clock.now(),
        )
        return self._seen

    def _start(self) -> Pace:
        now = self._clock.monotonic()
        age = 0.0 if self._began_at is None else (self._clock.now() - self._began_at).total_seconds()
        self._pace = Pace(self._policy, now - max(age, 0.0), now)
        return self._pace

    def _timed_out(self, pace: Pace) -> PollTimeoutError:
        elapsed = self._clock.monotonic() - pace.started
        last = self._poller.latest
        message = (
            f"payment {self._reference_id} is still {last.status if last else 'not known to the API'} after "
            f"{elapsed:.0f} seconds. It has not failed: follow it again with dollr.watch('{self._reference_id}')"
        )
        return PollTimeoutError(message, reference_id=self._reference_id, last=last, elapsed=elapsed)


class Watcher:
    """Owns the pollers of one client: one for each payment that somebody holds."""

    def __init__(self, status: Status, *, policy: PollPolicy, clock: Clock) -> None:
        """Follow nothing yet."""
        self._status = status
        self._policy = policy
        self._clock = clock
        self._pollers: WeakValueDictionary[tuple[ExecutionKind, UUID], Poller] = WeakValueDictionary()

    def poller(self, reference_id: UUID, kind: ExecutionKind) -> Poller:
        """Return the poller of a payment, a new one if nobody holds one."""
        poller = self._pollers.get((kind, reference_id))
        if poller is None:
            poller = Poller(lambda: self._status.of(kind, reference_id, retry=_ONCE), self._clock)
            self._pollers[kind, reference_id] = poller
        return poller

    def watch(
        self,
        reference_id: UUID,
        kind: ExecutionKind,
        *,
        policy: PollPolicy | None = None,
        began_at: datetime | None = None,
    ) -> Watch:
        """Return an iterator over the changes of a payment."""
        poller = self.poller(reference_id, kind)
        return Watch(poller, reference_id, policy=policy or self._policy, clock=self._clock, began_at=began_at)
