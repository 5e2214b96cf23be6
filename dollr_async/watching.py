"""Following a payment, or the document that is paid: what a change is, and who follows what in one client."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

import attrs

from dollr_async.enums import ExecutionKind, ExecutionStatus, SourceStatus, SourceType
from dollr_async.errors import NotFoundError, PollTimeoutError
from dollr_async.pollers import Following, Poller
from dollr_async.progress import how_to
from dollr_async.record import Record
from dollr_async.resources.executions import Execution
from dollr_async.resources.status import SourceState
from dollr_async.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.clock import Clock
    from dollr_async.polling import PollPolicy
    from dollr_async.resources.status import Status

_ONCE = RetryPolicy(attempts=1)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StatusChange(Record):
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


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SourceChange(Record):
    """One change of an invoice's or an order's status.

    `previous` is the status before (None at first), `at` the aware UTC time at which the change was seen.
    """

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


class Watch(Following[Execution, StatusChange]):
    """An async iterator over the changes of one payment: the present state first, the final one last, then it ends.

    Raises while iterating:
        PollTimeoutError: not final within the policy's timeout, counted from the first change awaited.
        NotFoundError: the API does not know the reference, and the grace for "not yet" is over.
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
        began: Callable[[], Awaitable[datetime | None]] | None = None,
    ) -> None:
        """Watch a payment; `began` finds out when it began, where `began_at` does not say so."""
        super().__init__(poller, policy=policy, clock=clock, began_at=began_at, began=began)
        self._reference_id = reference_id
        self._kind = kind

    def _change(self, state: Execution, seen: StatusChange | None) -> StatusChange:
        return StatusChange(
            reference_id=self._reference_id,
            status=state.status,
            previous=seen.status if seen else None,
            execution=state,
            at=self._clock.now(),
        )

    def _timed_out(self, elapsed: float) -> PollTimeoutError:
        last = self._poller.latest
        message = (
            f"payment {self._reference_id} is still {last.status if last else 'not known to the API'} after "
            f"{round(elapsed, 1):g} seconds. It has not failed: follow it again with "
            f"{how_to('watch', self._reference_id, self._kind)}"
        )
        return PollTimeoutError(message, reference_id=self._reference_id, last=last, elapsed=elapsed)


class SourceWatch(Following[SourceState, SourceChange]):
    """An async iterator over the changes of one document: the present state first, PAID or CANCELED last.

    Raises while iterating:
        PollTimeoutError: neither within the policy's timeout, counted from the first change awaited.
        NotFoundError: the API does not know the document, and the grace for "not yet" is over.
        PermissionDeniedError, AuthenticationError: the status may not be read.
    """

    def __init__(
        self, poller: Poller[SourceState], source_type: SourceType, source_id: int, *, policy: PollPolicy, clock: Clock
    ) -> None:
        """Watch a document."""
        super().__init__(poller, policy=policy, clock=clock)
        self._source_type = source_type
        self._source_id = source_id

    def _change(self, state: SourceState, seen: SourceChange | None) -> SourceChange:
        return SourceChange(
            source_type=self._source_type,
            source_id=self._source_id,
            status=state.status,
            previous=seen.status if seen else None,
            source=state,
            at=self._clock.now(),
        )

    def _timed_out(self, elapsed: float) -> PollTimeoutError:
        last = self._poller.latest
        message = (
            f"{self._source_type} {self._source_id} is still {last.status if last else 'not known to the API'} after "
            f"{round(elapsed, 1):g} seconds. Its payment has not failed: follow it again with "
            f"dollr.watch_source('{self._source_type}', {self._source_id})"
        )
        return PollTimeoutError(message, reference_id=None, last=last, elapsed=elapsed)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Look(Record):
    """What one look at a payment found.

    `execution` is None while the API does not know the payment yet; `next_in` is in seconds, and None at the end.
    """

    execution: Execution | None
    is_final: bool
    next_in: float | None


class Keeper(Protocol):
    """What keeps a record of the payments that are followed."""

    async def saw(self, execution: Execution, reference_id: UUID) -> None:
        """Note a status."""
        ...

    async def began_at(self, reference_id: UUID) -> datetime | None:
        """Return when a payment began, where that is known."""
        ...


class Watcher:
    """Owns the pollers of one client: one for each payment or document that somebody holds."""

    def __init__(self, status: Status, *, policy: PollPolicy, clock: Clock, keeper: Keeper | None = None) -> None:
        """Follow nothing yet."""
        self._keeper = keeper
        self._status = status
        self._policy = policy
        self._clock = clock
        self._payments: WeakValueDictionary[tuple[ExecutionKind, UUID], Poller[Execution]] = WeakValueDictionary()
        self._sources: WeakValueDictionary[tuple[SourceType, int], Poller[SourceState]] = WeakValueDictionary()

    def poller(self, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment, a new one if nobody holds one."""
        poller = self._payments.get((kind, reference_id))
        if poller is None:
            poller = Poller(partial(self._look, reference_id, kind), _payment_mark, self._clock)
            self._payments[kind, reference_id] = poller
        return poller

    async def _look(self, reference_id: UUID, kind: ExecutionKind) -> Execution:
        execution = await self._status.of(kind, reference_id, retry=_ONCE)
        if self._keeper is not None:
            known = self.poller(reference_id, kind).latest
            if known is None or known.status != execution.status:
                await self._keeper.saw(execution, reference_id)
        return execution

    async def check(self, reference_id: UUID, kind: ExecutionKind, *, age: float) -> Look:
        """Look once, and say when to look again at a payment that began `age` seconds ago."""
        try:
            execution = await self._look(reference_id, kind)
        except NotFoundError:
            if age > self._policy.not_found_grace:
                raise
            return Look(execution=None, is_final=False, next_in=self._policy.next_delay(age))
        is_final = execution.status.is_final
        return Look(execution=execution, is_final=is_final, next_in=None if is_final else self._policy.next_delay(age))

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
        began = None
        if began_at is None and self._keeper is not None:
            began = partial(self._keeper.began_at, reference_id)
        return Watch(
            poller,
            reference_id,
            kind,
            policy=policy or self._policy,
            clock=self._clock,
            began_at=began_at,
            began=began,
        )

    def watch_source(self, source_type: SourceType, source_id: int, *, policy: PollPolicy | None = None) -> SourceWatch:
        """Return an iterator over the changes of a document."""
        poller = self._sources.get((source_type, source_id))
        if poller is None:
            poller = Poller(lambda: self._status.source(source_type, source_id, retry=_ONCE), _source_mark, self._clock)
            self._sources[source_type, source_id] = poller
        return SourceWatch(poller, source_type, source_id, policy=policy or self._policy, clock=self._clock)


def _payment_mark(execution: Execution) -> tuple[str, bool]:
    return execution.status, bool(execution.requires_action)


def _source_mark(source: SourceState) -> str:
    return source.status
