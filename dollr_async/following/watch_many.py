"""Many payments in one iterator: what changes in any of them, and what cannot be followed."""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.following.payments_to_watch import Source, WatchFailure, named
from dollr_async.following.watch import StatusChange, out_of_time, pace_of, status_change

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import ExecutionKind
    from dollr_async.following.payments_to_watch import Followable, PaymentToWatch
    from dollr_async.following.policy import Pace, PollPolicy
    from dollr_async.following.poller import Poller
    from dollr_async.resources.executions import Execution


class Pollers(Protocol):
    """Where a payment's poller comes from."""

    def check_open(self) -> None:
        """Raise where the client is closed, or belongs to another event loop."""
        ...

    def poller(self, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment."""
        ...

    async def learn(self, reference_id: UUID, kind: ExecutionKind) -> datetime | None:
        """Return when a payment began, where that is known."""
        ...


class _Followed:
    """One payment among the many."""

    __slots__ = ("error", "is_noted", "kind", "merge", "pace", "poller", "reference_id", "since")

    def __init__(self, merge: _Merge, payment: PaymentToWatch, poller: Poller[Execution], pace: Pace) -> None:
        self.merge = merge
        self.reference_id = payment.reference_id
        self.kind = payment.kind
        self.poller = poller
        self.pace = pace
        self.since: Execution | None = None
        self.error: Exception | None = None
        self.is_noted = False

    @property
    def is_awaited(self) -> bool:
        return self.merge.is_awaited

    def told(self) -> None:
        self.merge.note(self)

    def failed(self, error: Exception) -> None:
        self.error = error
        self.merge.note(self)

    def passed_over(self) -> None:
        self.merge.passed_over[self] = None

    def changed(self, clock: Clock) -> StatusChange | None:
        latest = self.poller.latest
        if latest is None or not self.poller.differs_from(self.since):
            return None
        change = status_change(self.reference_id, latest, self.since, clock)
        self.since = latest
        return change


class _Merge:
    """All that one merged watch follows. Its reader holds it, but never the iterator that a loop may leave."""

    def __init__(
        self, source: Source, pollers: Pollers, *, kind: ExecutionKind, policy: PollPolicy, at_once: int, clock: Clock
    ) -> None:
        self._source = source
        self._pollers = pollers
        self._kind = kind
        self._policy = policy
        self._at_once = at_once
        self._clock = clock
        # In the order in which their time runs out, since all have the same.
        self._followed: OrderedDict[tuple[object, ...], _Followed] = OrderedDict()
        self._news: deque[_Followed | WatchFailure] = deque()
        self._is_news = asyncio.Event()
        self._may_read = asyncio.Event()
        self.reader: asyncio.Task[None] | None = None
        self._is_read = False
        self._problem: BaseException | None = None
        self._trace: TracebackType | None = None
        self._awaiting = 0
        self.passed_over: dict[_Followed, None] = {}

    @property
    def is_awaited(self) -> bool:
        return self._awaiting > 0

    def note(self, followed: _Followed) -> None:
        # Once, however much it has changed: whoever takes it sees its latest state.
        if not followed.is_noted:
            followed.is_noted = True
            self._news.append(followed)
            self._is_news.set()

    async def next(self) -> StatusChange | WatchFailure | None:
        """Return what is new, or None when everything has come to its end."""
        self._pollers.check_open()
        while (news := self._taken()) is None:
            if self._problem is not None:
                self.end()
                raise self._problem.with_traceback(self._trace)
            if self._is_read and not self._followed:
                return None
            await self._await_news()
        return news

    def _taken(self) -> StatusChange | WatchFailure | None:
        while self._news:
            followed = self._news.popleft()
            news = followed if isinstance(followed, WatchFailure) else self._news_of(followed)
            if news is not None:
                return news
        return None

    def _news_of(self, followed: _Followed) -> StatusChange | WatchFailure | None:
        followed.is_noted = False
        change, error = followed.changed(self._clock), followed.error
        if change is not None and not change.is_final:
            if error is not None:
                self.note(followed)  # that comes next
            return change
        if change is None and error is None:
            return None
        self._leave(followed)
        if change is not None or error is None:
            return change
        if not isinstance(error, DollrError):
            raise error  # a fault of the program, and no fact about a payment
        return WatchFailure(reference_id=followed.reference_id, error=error)

    async def _await_news(self) -> None:
        if self.reader is None:
            self.reader = asyncio.create_task(self._read(), name="dollr_async watch_many")
        self._is_news.clear()
        self._awaiting += 1
        self._open()
        end = self._next_end()
        try:
            again, self.passed_over = self.passed_over, {}
            for followed in again:
                followed.poller.plan_for(followed)
            async with asyncio.timeout_at(end):
                await self._is_news.wait()
        except TimeoutError:
            self._end_those_out_of_time(end or 0.0)
        finally:
            self._awaiting -= 1
            self._open()

    def _open(self) -> None:
        """Let the reader go on while somebody awaits what it finds, and there is room."""
        if self._awaiting and len(self._followed) < self._at_once:
            self._may_read.set()
        else:
            self._may_read.clear()

    def _next_end(self) -> float | None:
        limit = self._policy.timeout
        first = next(iter(self._followed.values()), None)
        return None if limit is None or first is None else first.pace.started + limit

    def _end_those_out_of_time(self, end: float) -> None:
        now = max(self._clock.monotonic(), end)  # a timer may fire a tick early
        limit = self._policy.timeout
        for followed in self._followed.values():
            started = followed.pace.started
            if limit is None or now < started + limit:
                break
            followed.failed(out_of_time(followed.reference_id, followed.kind, followed.poller.latest, now - started))

    async def _read(self) -> None:
        try:
            await self._may_read.wait()
            async for entry in self._source:
                await self._follow(entry)
                await self._may_read.wait()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is raised to the caller
            # It is the caller's own; a cancellation too, unless it is that of this task.
            if isinstance(error, Exception) or (self.reader is not None and not self.reader.cancelling()):
                self._problem, self._trace = error, error.__traceback__
        finally:
            self._is_read = True
            self._is_news.set()

    async def _follow(self, entry: Followable) -> None:
        try:
            payment = named(entry, self._kind)
        except InvalidInputError as error:
            self._news.append(WatchFailure(reference_id=str(entry), error=error))
            self._is_news.set()
            return
        poller = self._pollers.poller(payment.reference_id, payment.kind)
        if poller.key in self._followed:
            return
        learned = await self._pollers.learn(payment.reference_id, payment.kind)
        pace = pace_of(self._policy, payment.began_at or learned, self._clock)
        followed = _Followed(self, payment, poller, pace)
        self._followed[poller.key] = followed
        self._open()
        if len(self._followed) == 1:
            self._is_news.set()  # whoever awaits news does not know yet when the time of this one is over
        if poller.differs_from(None):
            self.note(followed)
        poller.join(followed)

    def _leave(self, followed: _Followed) -> None:
        del self._followed[followed.poller.key]
        followed.poller.leave(followed)
        self.passed_over.pop(followed, None)
        self._open()

    def end(self) -> None:
        """Follow nothing any more."""
        for followed in tuple(self._followed.values()):
            self._leave(followed)
        self._news.clear()
        if self.reader is not None:
            self.reader.cancel()

    async def fail(self, error: Exception) -> None:
        """Follow nothing any more, and raise `error` to whoever awaits news."""
        self._problem, self._trace = error, error.__traceback__
        self._is_news.set()
        if self.reader is not None and self.reader.get_loop() is asyncio.get_running_loop():
            self.end()
            await asyncio.gather(self.reader, return_exceptions=True)


class MergedWatch:
    """An async iterator over the changes of many payments, each from its present state to its final one.

    It yields a `StatusChange`, or a `WatchFailure` for a payment that cannot be followed, and ends when the source of
    references and every payment have. Leave the loop when you like: nothing is asked while nobody awaits.

    Raises while iterating whatever the source of references raises.
    """

    def __init__(
        self,
        source: Iterable[Followable] | AsyncIterable[Followable],
        pollers: Pollers,
        *,
        kind: ExecutionKind,
        policy: PollPolicy,
        at_once: int,
        clock: Clock,
    ) -> None:
        """Follow nothing yet; `at_once` bounds how many payments are followed at one time."""
        self._merge = _Merge(Source(source), pollers, kind=kind, policy=policy, at_once=at_once, clock=clock)
        self._left = weakref.finalize(self, _abandon, self._merge)
        self._left.atexit = False

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> StatusChange | WatchFailure:
        """Return the next change, or the next failure."""
        news = await self._merge.next()
        if news is None:
            raise StopAsyncIteration
        return news

    async def fail(self, error: Exception) -> None:
        """Follow nothing any more, and raise `error` to whoever awaits a change."""
        await self._merge.fail(error)


def _abandon(merge: _Merge) -> None:
    # The iterator may be collected anywhere: in another thread, or after its loop.
    if merge.reader is not None:
        with suppress(RuntimeError):
            merge.reader.get_loop().call_soon_threadsafe(merge.end)
