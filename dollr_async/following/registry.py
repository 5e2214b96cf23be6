"""Who follows what in one client: the pollers, the schedule of their looks, and how a look is made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet, WeakValueDictionary

import attrs

from dollr_async.base.enums import ExecutionKind, SourceType
from dollr_async.base.errors import ConfigurationError, NotFoundError
from dollr_async.base.record import Record
from dollr_async.following.poller import Poller
from dollr_async.following.push_subscription import PushSubscription
from dollr_async.following.watch import SourceWatch, Watch
from dollr_async.following.watch_many import MergedWatch
from dollr_async.resources.executions import Execution
from dollr_async.wire.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from datetime import datetime
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.following.payments_to_watch import Followable
    from dollr_async.following.policy import PollPolicy
    from dollr_async.following.schedule import PollSchedule
    from dollr_async.push.connection import PushConnection
    from dollr_async.resources.status import SourceState, Status

_ONCE = RetryPolicy(attempts=1)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StatusCheck(Record):
    """What one look at a payment found.

    `execution` is None while the API does not know the payment yet; `next_in` is in seconds, and None at the end.
    """

    execution: Execution | None
    is_final: bool
    next_in: float | None


class Kept(Protocol):
    """What is kept of one payment."""

    @property
    def began_at(self) -> datetime:
        """When it began, aware."""
        ...

    @property
    def session_id(self) -> int | None:
        """The session that was executed."""
        ...

    @property
    def source_type(self) -> str | None:
        """The kind of document that is paid."""
        ...


class StatusJournal(Protocol):
    """What keeps a record of the payments that are followed."""

    async def saw(self, execution: Execution, reference_id: UUID) -> None:
        """Note a status."""
        ...

    async def found(self, reference_id: UUID) -> Kept | None:
        """Return what is known of a payment."""
        ...


class PollerRegistry:
    """Owns the pollers of one client: one for each payment or document that somebody holds."""

    def __init__(
        self,
        status: Status,
        schedule: PollSchedule,
        *,
        policy: PollPolicy,
        clock: Clock,
        journal: StatusJournal | None = None,
        realtime: PushConnection | None = None,
    ) -> None:
        """Follow nothing yet."""
        self._realtime = realtime
        self._journal = journal
        self._status = status
        self._schedule = schedule
        self._policy = policy
        self._clock = clock
        self._payments: WeakValueDictionary[tuple[ExecutionKind, UUID], Poller[Execution]] = WeakValueDictionary()
        self._sources: WeakValueDictionary[tuple[SourceType, int], Poller[SourceState]] = WeakValueDictionary()
        self._merged: WeakSet[MergedWatch] = WeakSet()

    def check_open(self) -> None:
        """Raise a `ConfigurationError` where the client is closed, or belongs to another event loop."""
        self._schedule.check_open()

    def poller(self, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment, a new one if nobody holds one."""
        key = (kind, reference_id)
        poller = self._payments.get(key)
        if poller is None:
            poller = self._payments[key] = Poller(self._look, key, _payment_mark, self._schedule, self._clock)
        return poller

    def push(self, reference_id: UUID, session_id: int | None, source_type: str | None) -> None:
        """Follow a collection by push as well, where the client was told how."""
        realtime = self._realtime
        if realtime is None or session_id is None or source_type is None:
            return
        poller = self.poller(reference_id, ExecutionKind.COLLECTION)
        if poller.listening is None:
            open_channel = partial(realtime.follow, reference_id, session_id, SourceType(source_type))
            poller.listening = PushSubscription(open_channel, realtime.poll_interval)

    async def learn(self, reference_id: UUID, kind: ExecutionKind) -> datetime | None:
        """Return when a payment began, where a journal knows it."""
        kept = None if self._journal is None else await self._journal.found(reference_id)
        if kept is None:
            return None
        if kind == ExecutionKind.COLLECTION:
            self.push(reference_id, kept.session_id, kept.source_type)
        return kept.began_at

    def saw(self, execution: Execution, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Tell all who follow a payment what was seen beside their looks; an end that was seen already stays."""
        poller = self.poller(reference_id, kind)
        latest = poller.latest
        if latest is None or execution.status.is_final or not latest.status.is_final:
            poller.saw(execution)
        return poller

    async def _look(self, kind: ExecutionKind, reference_id: UUID) -> Execution:
        poller = self.poller(reference_id, kind)
        before = poller.latest
        execution = await self._status.of(kind, reference_id, retry=_ONCE)
        if self._journal is not None and (poller.latest is None or poller.latest.status != execution.status):
            await self._journal.saw(execution, reference_id)
        latest = poller.latest
        if latest is not None and not execution.status.is_final and (latest.status.is_final or latest is not before):
            return latest  # an end stays; what was seen while this was asked for may be newer
        if execution.status.is_final and poller.listening is not None:
            poller.listening.end()
            poller.listening = None
        return execution

    async def check(self, reference_id: UUID, kind: ExecutionKind, *, age: float) -> StatusCheck:
        """Look once, and say when to look again at a payment that began `age` seconds ago."""
        try:
            execution = await self._look(kind, reference_id)
        except NotFoundError:
            if age > self._policy.not_found_grace:
                raise
            return StatusCheck(execution=None, is_final=False, next_in=self._policy.next_delay(age))
        self.saw(execution, reference_id, kind)
        is_final = execution.status.is_final
        return StatusCheck(
            execution=execution, is_final=is_final, next_in=None if is_final else self._policy.next_delay(age)
        )

    def watch(
        self,
        reference_id: UUID,
        kind: ExecutionKind,
        *,
        policy: PollPolicy | None = None,
        began_at: datetime | None = None,
    ) -> Watch:
        """Return an iterator over the changes of a payment."""
        return Watch(
            self.poller(reference_id, kind),
            reference_id,
            kind,
            policy=policy or self._policy,
            clock=self._clock,
            began_at=began_at,
            learn=None if self._journal is None else partial(self.learn, reference_id, kind),
        )

    def watch_many(
        self,
        reference_ids: Iterable[Followable] | AsyncIterable[Followable],
        kind: ExecutionKind,
        *,
        policy: PollPolicy | None = None,
        at_once: int,
    ) -> MergedWatch:
        """Return one iterator over the changes of many payments."""
        merged = MergedWatch(
            reference_ids, self, kind=kind, policy=policy or self._policy, at_once=at_once, clock=self._clock
        )
        self._merged.add(merged)
        return merged

    def watch_source(self, source_type: SourceType, source_id: int, *, policy: PollPolicy | None = None) -> SourceWatch:
        """Return an iterator over the changes of a document."""
        key = (source_type, source_id)
        poller = self._sources.get(key)
        if poller is None:
            ask = partial(self._status.source, retry=_ONCE)
            poller = self._sources[key] = Poller(ask, key, _source_mark, self._schedule, self._clock)
        return SourceWatch(poller, source_type, source_id, policy=policy or self._policy, clock=self._clock)

    async def close(self, error: ConfigurationError) -> None:
        """End every look, and raise `error` to all who still await a change."""
        for merged in tuple(self._merged):
            await merged.fail(error)
        await self._schedule.close()
        for payment in tuple(self._payments.values()):
            if payment.listening is not None:
                payment.listening.end()
            payment.fail(error)
        for source in tuple(self._sources.values()):
            source.fail(error)


def _payment_mark(execution: Execution) -> tuple[str, bool]:
    return execution.status, bool(execution.requires_action)


def _source_mark(source: SourceState) -> str:
    return source.status
