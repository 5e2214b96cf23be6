"""Many payments in one iterator: each change of any of them, and each payment that cannot be followed."""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.following.payments_to_watch import PaymentStream, WatchFailure, payment_to_watch
from dollr_async.following.watch import StatusChange, new_pace, status_change, timeout_error

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
    """What a merged watch needs of the `PollerRegistry` that makes it."""

    def check_open(self) -> None:
        """Raise a `ConfigurationError` if the client is closed, or belongs to another event loop."""
        ...

    def poller(self, reference_id: UUID, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment."""
        ...

    async def read_journal(self, reference_id: UUID, kind: ExecutionKind) -> datetime | None:
        """Return when a payment began, if that is known."""
        ...


class _FollowedPayment:
    """One payment of a merged watch."""

    __slots__ = ("error", "is_queued", "kind", "known", "merge", "pace", "poller", "reference_id")

    def __init__(self, merge: _Merge, payment: PaymentToWatch, poller: Poller[Execution], pace: Pace) -> None:
        self.merge = merge
        self.reference_id = payment.reference_id
        self.kind = payment.kind
        self.poller = poller
        self.pace = pace
        self.known: Execution | None = None
        self.error: Exception | None = None
        self.is_queued = False

    @property
    def is_awaited(self) -> bool:
        return self.merge.waiting_tasks > 0

    def notify(self) -> None:
        self.merge.enqueue(self)

    def notify_error(self, error: Exception) -> None:
        self.error = error
        self.merge.enqueue(self)

    def poll_skipped(self) -> None:
        self.merge.skipped[self] = None

    def take_change(self, clock: Clock) -> StatusChange | None:
        latest = self.poller.latest
        if latest is None or not self.poller.differs_from(self.known):
            return None
        change = status_change(self.reference_id, latest, self.known, clock)
        self.known = latest
        return change


class _Merge:
    """All payments of one merged watch. Its reader holds this, never the iterator, which a loop may leave."""

    def __init__(
        self,
        stream: PaymentStream,
        pollers: Pollers,
        *,
        kind: ExecutionKind,
        policy: PollPolicy,
        at_once: int,
        clock: Clock,
    ) -> None:
        self._stream = stream
        self._pollers = pollers
        self._kind = kind
        self._policy = policy
        self._at_once = at_once
        self._clock = clock
        # In the order in which their time runs out, since all have the same timeout.
        self._followed: OrderedDict[Poller[Execution], _FollowedPayment] = OrderedDict()
        self._news: deque[_FollowedPayment | WatchFailure] = deque()
        self._has_news = asyncio.Event()
        self._may_read = asyncio.Event()
        self.reader: asyncio.Task[None] | None = None
        self._is_stream_read = False
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self.waiting_tasks = 0
        self.skipped: dict[_FollowedPayment, None] = {}

    def enqueue(self, followed: _FollowedPayment) -> None:
        # Once, however much it has changed: what is taken from the queue is its latest state.
        if not followed.is_queued:
            followed.is_queued = True
            self._news.append(followed)
            self._has_news.set()

    async def next(self) -> StatusChange | WatchFailure | None:
        """Return the next change or failure, or None when every payment has its final status."""
        self._pollers.check_open()
        while (news := self._take_news()) is None:
            if self._error is not None:
                self.end()
                raise self._error.with_traceback(self._traceback)
            if self._is_stream_read and not self._followed:
                return None
            await self._wait_for_news()
        return news

    def _take_news(self) -> StatusChange | WatchFailure | None:
        while self._news:
            followed = self._news.popleft()
            news = followed if isinstance(followed, WatchFailure) else self._news_of(followed)
            if news is not None:
                return news
        return None

    def _news_of(self, followed: _FollowedPayment) -> StatusChange | WatchFailure | None:
        followed.is_queued = False
        change, error = followed.take_change(self._clock), followed.error
        if change is not None and not change.is_final:
            if error is not None:
                self.enqueue(followed)  # the error comes next
            return change
        if change is None and error is None:
            return None
        self._remove(followed)
        if change is not None or error is None:
            return change
        if not isinstance(error, DollrError):
            raise error  # a bug in the program, which says nothing about a payment
        return WatchFailure(reference_id=followed.reference_id, error=error)

    async def _wait_for_news(self) -> None:
        if self.reader is None:
            self.reader = asyncio.create_task(self._read(), name="dollr_async watch_many")
        self._has_news.clear()
        self.waiting_tasks += 1
        self._allow_reading()
        timeout_at = self._next_timeout()
        try:
            skipped, self.skipped = self.skipped, {}
            for followed in skipped:
                followed.poller.plan_poll(followed)
            async with asyncio.timeout_at(timeout_at):
                await self._has_news.wait()
        except TimeoutError:
            self._fail_timed_out(timeout_at or 0.0)
        finally:
            self.waiting_tasks -= 1
            self._allow_reading()

    def _allow_reading(self) -> None:
        """Let the reader go on while somebody awaits what it reads, and there is room."""
        if self.waiting_tasks and len(self._followed) < self._at_once:
            self._may_read.set()
        else:
            self._may_read.clear()

    def _next_timeout(self) -> float | None:
        limit = self._policy.timeout
        first = next(iter(self._followed.values()), None)
        return None if limit is None or first is None else first.pace.followed_since + limit

    def _fail_timed_out(self, timeout_at: float) -> None:
        now = max(self._clock.monotonic(), timeout_at)  # a timer may fire a tick early
        limit = self._policy.timeout
        for payment in self._followed.values():
            since = payment.pace.followed_since
            if limit is None or now < since + limit:
                break
            payment.notify_error(timeout_error(payment.reference_id, payment.kind, payment.poller.latest, now - since))

    async def _read(self) -> None:
        try:
            await self._may_read.wait()
            async for given in self._stream:
                await self._follow(given)
                await self._may_read.wait()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is raised to the caller
            # It is the caller's own; a cancellation too, unless it is that of this task.
            if isinstance(error, Exception) or (self.reader is not None and not self.reader.cancelling()):
                self._error, self._traceback = error, error.__traceback__
        finally:
            self._is_stream_read = True
            self._has_news.set()

    async def _follow(self, given: Followable) -> None:
        try:
            payment = payment_to_watch(given, self._kind)
        except InvalidInputError as error:
            self._news.append(WatchFailure(reference_id=str(given), error=error))
            self._has_news.set()
            return
        poller = self._pollers.poller(payment.reference_id, payment.kind)
        if poller in self._followed:
            return
        began_at = await self._pollers.read_journal(payment.reference_id, payment.kind)
        pace = new_pace(self._policy, payment.began_at or began_at, self._clock)
        followed = _FollowedPayment(self, payment, poller, pace)
        self._followed[poller] = followed
        self._allow_reading()
        if len(self._followed) == 1:
            self._has_news.set()  # a task that waits already does not know yet when the time of this one is over
        if poller.differs_from(None):
            self.enqueue(followed)
        poller.add(followed)

    def _remove(self, followed: _FollowedPayment) -> None:
        del self._followed[followed.poller]
        followed.poller.remove(followed)
        self.skipped.pop(followed, None)
        self._allow_reading()

    def end(self) -> None:
        """Follow nothing any more."""
        for followed in tuple(self._followed.values()):
            self._remove(followed)
        self._news.clear()
        if self.reader is not None:
            self.reader.cancel()

    async def fail(self, error: Exception) -> None:
        """Follow nothing any more, and raise `error` to every task that waits."""
        self._error, self._traceback = error, error.__traceback__
        self._has_news.set()
        if self.reader is not None and self.reader.get_loop() is asyncio.get_running_loop():
            self.end()
            await asyncio.gather(self.reader, return_exceptions=True)


class MergedWatch:
    """An async iterator over the changes of many payments, each from its present state to its final one.

    It yields a `StatusChange`, or a `WatchFailure` for a payment that cannot be followed. It ends when it was given no
    more payments and each has its final status. Leave the loop when you like: nothing is polled while nobody awaits.

    Raises while iterating whatever the iterable of payments raises.
    """

    def __init__(
        self,
        payments: Iterable[Followable] | AsyncIterable[Followable],
        pollers: Pollers,
        *,
        kind: ExecutionKind,
        policy: PollPolicy,
        at_once: int,
        clock: Clock,
    ) -> None:
        """Follow nothing yet; `at_once` is the most payments that are followed at one time."""
        stream = PaymentStream(payments)
        self._merge = _Merge(stream, pollers, kind=kind, policy=policy, at_once=at_once, clock=clock)
        self._finalizer = weakref.finalize(self, _end_in_its_loop, self._merge)
        self._finalizer.atexit = False

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
        """Follow nothing any more, and raise `error` to every task that awaits a change."""
        await self._merge.fail(error)


def _end_in_its_loop(merge: _Merge) -> None:
    # The iterator may be collected anywhere: in another thread, or after its loop.
    if merge.reader is not None:
        with suppress(RuntimeError):
            merge.reader.get_loop().call_soon_threadsafe(merge.end)
