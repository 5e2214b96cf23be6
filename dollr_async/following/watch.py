"""The iterators over the changes of one payment, or of the document that is paid."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

import attrs

from dollr_async.base.enums import ExecutionKind, ExecutionStatus, SourceStatus, SourceType
from dollr_async.base.errors import PollTimeoutError
from dollr_async.base.progress import resume_call
from dollr_async.base.record import JsonRecord
from dollr_async.base.reporting import ObservedOperation
from dollr_async.following.policy import Pace
from dollr_async.resources.executions import Execution
from dollr_async.resources.status import SourceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.base.clock import Clock
    from dollr_async.following.policy import PollPolicy
    from dollr_async.following.poller import Poller


class _Change(Protocol):
    @property
    def is_final(self) -> bool: ...


T = TypeVar("T")
C = TypeVar("C", bound=_Change)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StatusChange(JsonRecord):
    """One change of a payment: of its status, or of whether its payer has to act.

    `previous` is the status before (None at first), `at` the timezone-aware UTC time at which the change was seen.
    """

    _also_in_json: ClassVar[tuple[str, ...]] = ("is_final", "requires_action")

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


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SourceChange(JsonRecord):
    """One change of an invoice's or an order's status.

    `previous` is the status before (None at first), `at` the timezone-aware UTC time at which the change was seen.
    """

    _also_in_json: ClassVar[tuple[str, ...]] = ("is_final",)

    source_type: SourceType
    source_id: int
    status: SourceStatus
    previous: SourceStatus | None
    source: SourceState
    at: datetime

    @property
    def is_final(self) -> bool:
        """Whether the document will never change again: it is PAID or CANCELED."""
        return self.status.is_final


class ChangeIterator(ABC, Generic[T, C]):
    """An async iterator over the changes of one payment or document: the present state first, the final one last."""

    def __init__(
        self,
        poller: Poller[T],
        *,
        policy: PollPolicy,
        clock: Clock,
        began_at: datetime | None = None,
        find_began_at: Callable[[], Awaitable[datetime | None]] | None = None,
    ) -> None:
        """Follow what began at `began_at` (timezone-aware); where that is None, `find_began_at` may know it."""
        self._poller = poller
        self._policy = policy
        self._clock = clock
        self._began_at = began_at
        self._find_began_at = find_began_at
        self._pace: Pace | None = None
        self._last_state: T | None = None
        self._last_change: C | None = None

    @abstractmethod
    def _new_change(self, state: T, last: C | None) -> C:
        """Return the change to a state; `last` is the change before it."""

    @abstractmethod
    def _timeout_error(self, elapsed: float) -> PollTimeoutError:
        """Return the error for a state that was not final in time."""

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    def within(self, timeout: float | None) -> Self:
        """Follow for `timeout` seconds at most; None leaves the policy's own limit."""
        if timeout is not None:
            self._policy = attrs.evolve(self._policy, timeout=timeout)
        return self

    def reported_wait(self) -> ObservedOperation:
        """Return what reports the wait for the end to the client's observer."""
        return ObservedOperation(self._poller.notify, self._clock, "wait")

    async def __anext__(self) -> C:
        """Return the next change."""
        last = self._last_change
        if last is not None and last.is_final:
            raise StopAsyncIteration
        pace = self._pace or await self._start()
        limit = self._policy.timeout
        try:
            async with asyncio.timeout_at(None if limit is None else pace.followed_since + limit):
                self._last_state = await self._poller.wait_for_change(self._last_state, pace)
        except TimeoutError:
            latest = self._poller.latest
            if latest is None or not self._poller.differs_from(self._last_state):
                raise self._timeout_error(self._clock.monotonic() - pace.followed_since) from None
            self._last_state = latest  # a change that comes as time runs out is a change
        self._last_change = self._new_change(self._last_state, last)
        return self._last_change

    async def _start(self) -> Pace:
        found = None if self._find_began_at is None else await self._find_began_at()
        self._pace = new_pace(self._policy, self._began_at or found, self._clock)
        return self._pace


def new_pace(policy: PollPolicy, began_at: datetime | None, clock: Clock) -> Pace:
    """Return the pace of a follower that starts now, for a payment that began at `began_at` (None: now)."""
    now = clock.monotonic()
    age = 0.0 if began_at is None else (clock.now() - began_at).total_seconds()
    return Pace(policy, now - max(age, 0.0), now)


def status_change(reference_id: UUID, state: Execution, before: Execution | None, clock: Clock) -> StatusChange:
    """Return the change to a state that was seen just now; `before` is the state before it."""
    previous = None if before is None else before.status
    return StatusChange(
        reference_id=reference_id, status=state.status, previous=previous, execution=state, at=clock.now()
    )


def timeout_error(reference_id: UUID, kind: ExecutionKind, last: Execution | None, elapsed: float) -> PollTimeoutError:
    """Return the error for a payment that was not final in time, which does not mean that it failed."""
    message = (
        f"payment {reference_id} is still {last.status if last else 'not known to the API'} after "
        f"{round(elapsed, 1):g} seconds. It has not failed: follow it again with "
        f"{resume_call('watch', reference_id, kind)}"
    )
    return PollTimeoutError(message, reference_id=reference_id, last=last, elapsed=elapsed)


class Watch(ChangeIterator[Execution, StatusChange]):
    """An async iterator over the changes of one payment: the present state first, the final one last, then it ends.

    Raises while iterating:
        PollTimeoutError: not final within the policy's timeout, counted from the first change awaited.
        NotFoundError: the API does not know the reference, and the policy's `not_found_grace` is over.
        PermissionDeniedError, AuthenticationError: the status may not be read.
    """

    def __init__(
        self,
        poller: Poller[Execution],
        reference_id: UUID,
        kind: ExecutionKind,
        *,
        policy: PollPolicy,
        clock: Clock,
        began_at: datetime | None = None,
        find_began_at: Callable[[], Awaitable[datetime | None]] | None = None,
    ) -> None:
        """Watch a payment."""
        super().__init__(poller, policy=policy, clock=clock, began_at=began_at, find_began_at=find_began_at)
        self._reference_id = reference_id
        self._kind = kind

    def reported_wait(self) -> ObservedOperation:
        """Return what reports the wait for the payment's end."""
        return ObservedOperation(self._poller.notify, self._clock, "wait", self._reference_id, self._kind)

    def _new_change(self, state: Execution, last: StatusChange | None) -> StatusChange:
        return status_change(self._reference_id, state, None if last is None else last.execution, self._clock)

    def _timeout_error(self, elapsed: float) -> PollTimeoutError:
        return timeout_error(self._reference_id, self._kind, self._poller.latest, elapsed)


class SourceWatch(ChangeIterator[SourceState, SourceChange]):
    """An async iterator over the changes of one document: the present state first, PAID or CANCELED last.

    Raises while iterating:
        PollTimeoutError: neither within the policy's timeout, counted from the first change awaited.
        NotFoundError: the API does not know the document, and the policy's `not_found_grace` is over.
        PermissionDeniedError, AuthenticationError: the status may not be read.
    """

    def __init__(
        self, poller: Poller[SourceState], source_type: SourceType, source_id: int, *, policy: PollPolicy, clock: Clock
    ) -> None:
        """Watch a document."""
        super().__init__(poller, policy=policy, clock=clock)
        self._source_type = source_type
        self._source_id = source_id

    def _new_change(self, state: SourceState, last: SourceChange | None) -> SourceChange:
        return SourceChange(
            source_type=self._source_type,
            source_id=self._source_id,
            status=state.status,
            previous=last.status if last else None,
            source=state,
            at=self._clock.now(),
        )

    def _timeout_error(self, elapsed: float) -> PollTimeoutError:
        last = self._poller.latest
        message = (
            f"{self._source_type} {self._source_id} is still {last.status if last else 'not known to the API'} after "
            f"{round(elapsed, 1):g} seconds. Its payment has not failed: follow it again with "
            f"dollr.watch_source('{self._source_type}', {self._source_id})"
        )
        return PollTimeoutError(message, reference_id=None, last=last, elapsed=elapsed)
