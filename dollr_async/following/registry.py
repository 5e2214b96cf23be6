"""The pollers of one client, the watches that share them, and a single status check."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet, WeakValueDictionary

import attrs

from dollr_async.base.enums import ExecutionKind, ExecutionStatus, SourceStatus, SourceType
from dollr_async.base.errors import ConfigurationError, DollrError, NotFoundError, RateLimitError
from dollr_async.following.poller import Poller
from dollr_async.following.push_subscription import PushSubscription
from dollr_async.following.status_checks import StatusCheck, reported_check
from dollr_async.following.turns import Turns
from dollr_async.following.watch import SourceWatch, Watch
from dollr_async.following.watch_many import MergedWatch
from dollr_async.resources.executions import Execution
from dollr_async.wire.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.progress import KnownPayment, Progress
    from dollr_async.following.payments_to_watch import Followable
    from dollr_async.following.policy import PollPolicy
    from dollr_async.following.schedule import PollSchedule
    from dollr_async.push.connection import PushConnection
    from dollr_async.resources.status import SourceState, Status

    Payments = WeakValueDictionary[UUID, Poller[Execution]]
    Sources = WeakValueDictionary[int, Poller[SourceState]]

_ONCE = RetryPolicy(attempts=1)


class StatusJournal(Protocol):
    """The client's journal, as far as following needs it."""

    async def saw(self, execution: Execution, reference_id: UUID) -> None:
        """Keep a status that was seen."""
        ...

    async def found(self, reference_id: UUID) -> KnownPayment | None:
        """Return what is known of a payment."""
        ...

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether a live run works on a payment."""
        ...


class PollerRegistry:
    """Makes the watches of one client and owns their pollers, one for each payment or document that is followed.

    A poller is kept only as long as a watch or a handle holds it.
    """

    def __init__(
        self,
        status: Status,
        schedule: PollSchedule,
        *,
        policy: PollPolicy,
        clock: Clock,
        journal: StatusJournal | None = None,
        push: PushConnection | None = None,
    ) -> None:
        """Follow nothing yet."""
        self.status = status
        """The client's own group of status checks, whatever view of it was used."""
        self._schedule = schedule
        self._policy = policy
        self._clock = clock
        self._journal = journal
        self._push_connection = push
        self._payments: defaultdict[ExecutionKind, Payments] = defaultdict(WeakValueDictionary)
        self._sources: defaultdict[SourceType, Sources] = defaultdict(WeakValueDictionary)
        self._turns = Turns(schedule, clock)
        self._merged_watches: WeakSet[MergedWatch] = WeakSet()
        self._running: Counter[UUID] = Counter()
        # Bound once: each poller would have its own otherwise, for the garbage collector to visit.
        self._fetch, self._expects = self._fetch_payment, self._is_expected

    def check_open(self) -> None:
        """Raise a `ConfigurationError` if the client is closed, or belongs to another event loop."""
        self._schedule.check_open()

    def poller(self, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment, a new one if there is none."""
        payments = self._payments[kind]
        poller = payments.get(reference_id)
        if poller is None:
            poller = payments[reference_id] = Poller(
                self._fetch,
                kind,
                reference_id,
                _payment_fingerprint,
                self._schedule,
                self._clock,
                is_expected=self._expects,
            )
        return poller

    @contextmanager
    def running(self, reference_id: UUID) -> Iterator[None]:
        """Take note that a run of this client works on a payment, so that "not found" means "not yet" for it."""
        self._running[reference_id] += 1
        try:
            yield
        finally:
            self._running[reference_id] -= 1
            if not self._running[reference_id]:
                del self._running[reference_id]

    async def _is_expected(self, poller: Poller[Execution]) -> bool:
        if poller.identifier in self._running:
            return True
        return self._journal is not None and await self._journal.is_live(poller.identifier)

    def subscribe_to_push(self, reference_id: UUID, session_id: int | None, source_type: str | None) -> None:
        """Follow a collection by push too, if the client has a push connection and the key's parts are known."""
        connection = self._push_connection
        if connection is None or session_id is None or source_type is None:
            return
        poller = self.poller(reference_id, ExecutionKind.COLLECTION)
        if poller.push is None:
            open_channel = partial(connection.open_channel, reference_id, session_id, SourceType(source_type))
            poller.push = PushSubscription(open_channel, connection.poll_interval)

    async def read_journal(self, reference_id: UUID, kind: ExecutionKind) -> datetime | None:
        """Return when a payment began, if a journal knows it; with what it knows, subscribe to push."""
        known = None if self._journal is None else await self._journal.found(reference_id)
        if known is None:
            return None
        self.known_payment(known, kind)
        return known.began_at

    def known_payment(self, known: KnownPayment, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment that a journal knows; with what it knows, subscribe to push."""
        progress = known.progress
        poller = self.poller(progress.reference_id, kind)
        if kind == ExecutionKind.COLLECTION:
            self.subscribe_to_push(progress.reference_id, progress.session_id, progress.source_type)
            if known.made_document:
                self.decide_by_document(progress.reference_id, progress)
        return poller

    def decide_by_document(self, reference_id: UUID, progress: Progress) -> None:
        """Let a collection whose status word stays unknown be decided by its document (docs/design.md, rule 5)."""
        if progress.source_type is not None and progress.source_id is not None:
            poller = self.poller(reference_id, ExecutionKind.COLLECTION)
            poller.document = (SourceType(progress.source_type), progress.source_id)

    def update(self, execution: Execution, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Notify all followers of a payment of a state that was not polled; a final status is never replaced."""
        poller = self.poller(reference_id, kind)
        latest = poller.latest
        if latest is None or execution.status.is_final or not latest.status.is_final:
            poller.update(execution)
        return poller

    async def _fetch_payment(self, poller: Poller[Execution], *, age: float = 0.0) -> Execution:
        before = poller.updates
        execution = await self.status.of(poller.kind, poller.identifier, retry=_ONCE)
        if not execution.status.is_known:
            execution = await self._decided(execution, poller, age)
        if self._journal is not None and (poller.latest is None or poller.latest.status != execution.status):
            await self._journal.saw(execution, poller.identifier)
        latest, is_final = poller.latest, execution.status.is_final
        if latest is not None and not is_final and (poller.updates != before or latest.status.is_final):
            return latest  # a final status stays; what was seen during this request may be newer
        if is_final and poller.push is not None:
            poller.push.close()
            poller.push = None
        # The same answer again is the same object again: new ones that grow old make the garbage collector visit all.
        return latest if latest is not None and _all_of(latest) == _all_of(execution) else execution

    async def _fetch_source(self, poller: Poller[SourceState]) -> SourceState:
        return await self.status.source(poller.kind, poller.identifier, retry=_ONCE)

    async def _decided(self, execution: Execution, poller: Poller[Execution], age: float) -> Execution:
        """Return a collection as COMPLETED when its unknown word stays and its own document is PAID."""
        now = self._clock.monotonic()
        if poller.unknown_since is None:
            poller.unknown_since = now
            if poller.document is None:
                await self.read_journal(poller.identifier, poller.kind)
        waited = max(now - poller.unknown_since, age)
        if poller.document is None or waited < self._policy.not_found_grace:
            return execution
        try:
            source = await self.status.source(*poller.document, retry=_ONCE)
        except DollrError:
            return execution  # polling goes on
        is_paid = source.status == SourceStatus.PAID
        return attrs.evolve(execution, status=ExecutionStatus.COMPLETED) if is_paid else execution

    async def check(self, reference_id: UUID, kind: ExecutionKind, *, age: float) -> StatusCheck:
        """Check the status once, and say when the next check is due for a payment that began `age` seconds ago."""
        await self._turns.wait()
        poller, began = self.poller(reference_id, kind), self._clock.monotonic()
        try:
            fetching = self._fetch_payment(poller, age=age)
            if (notify := self._schedule.notify) is not None:
                fetching = reported_check(fetching, (kind, reference_id), notify, self._clock)
            execution = await fetching
        except RateLimitError as error:
            if self._schedule.is_shared:  # other processes must hear of it; else it is the caller's own schedule
                self._schedule.rate_limited(error.retry_after, began)
            raise
        except NotFoundError:
            self._schedule.answered(began)
            if age > self._policy.not_found_grace and not await self._is_expected(poller):
                raise
            return StatusCheck(execution=None, is_final=False, next_in=self._policy.next_delay(age))
        self._schedule.answered(began)
        self.update(execution, reference_id, kind)
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
            find_began_at=None if self._journal is None else partial(self.read_journal, reference_id, kind),
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
        self._merged_watches.add(merged)
        return merged

    def watch_source(self, source_type: SourceType, source_id: int, *, policy: PollPolicy | None = None) -> SourceWatch:
        """Return an iterator over the changes of a document."""
        sources = self._sources[source_type]
        poller = sources.get(source_id)
        if poller is None:
            poller = sources[source_id] = Poller(
                self._fetch_source, source_type, source_id, _source_fingerprint, self._schedule, self._clock
            )
        return SourceWatch(poller, source_type, source_id, policy=policy or self._policy, clock=self._clock)

    async def close(self, error: ConfigurationError) -> None:
        """End every poll, and raise `error` to every task that still awaits a change."""
        for merged in tuple(self._merged_watches):
            await merged.fail(error)
        await self._schedule.close()
        self._turns.close()
        for payment in [poller for payments in self._payments.values() for poller in tuple(payments.values())]:
            if payment.push is not None:
                payment.push.close()
            payment.fail(error)
        for source in [poller for sources in self._sources.values() for poller in tuple(sources.values())]:
            source.fail(error)


_all_of = attrgetter(*(field.name for field in attrs.fields(Execution)))


def _payment_fingerprint(execution: Execution) -> tuple[str, bool]:
    return execution.status, bool(execution.requires_action)


def _source_fingerprint(source: SourceState) -> str:
    return source.status
