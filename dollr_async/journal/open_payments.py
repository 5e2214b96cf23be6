"""How a worker of `outcomes()` follows the journal's open payments until each has its outcome.

It takes payments that no other living worker follows, in batches, and polls them as every watch does. A payment that
has not ended in the policy's time is put off: it stays open, and is checked again later, ever more rarely.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import AuthenticationError, ConfigurationError, DollrError, JournalError, NotFoundError
from dollr_async.base.progress import KnownPayment
from dollr_async.following.watch import new_pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock
    from dollr_async.following.policy import Pace, PollPolicy
    from dollr_async.following.poller import Poller
    from dollr_async.journal.entry import Entry
    from dollr_async.journal.outcome_protocol import OpenPayment
    from dollr_async.journal.translating_journal import TranslatingOutcomeJournal
    from dollr_async.resources.executions import Execution

    OnEnd = Callable[[Entry | None, Execution | None], None]

logger = logging.getLogger("dollr_async.journal")

SWEEP = 2.0
"""Seconds between two searches for open payments and outcomes of other processes."""

WORKER_LEASE = 15.0
"""Seconds after which the payments of a worker that has died are followed by another one."""

_BATCH = 250
"""Payments taken from the journal at a time."""

_ONE_CHECK = 60.0
"""Seconds for which one check of an old payment is tried, before it is put off."""

_AGE_PER_WAIT = 10.0
_LONGEST_WAIT = 3600.0
"""A payment that is put off waits for a tenth of its age, at most an hour."""


class KnownPayments(Protocol):
    """What is needed of the client's pollers."""

    def known_payment(self, known: KnownPayment, kind: ExecutionKind) -> Poller[Execution]:
        """Return the poller of a payment that the journal knows."""
        ...


class FollowedPayment:
    """One open payment that this worker follows."""

    __slots__ = ("entry", "known", "pace", "poller", "was_postponed", "worker")

    is_awaited = True

    def __init__(self, worker: OpenPaymentWorker, opened: OpenPayment, poller: Poller[Execution], pace: Pace) -> None:
        """Follow a payment at this pace."""
        self.worker = worker
        self.entry = opened.entry
        self.was_postponed = opened.was_postponed
        self.poller = poller
        self.pace = pace
        self.known: Execution | None = None

    def notify(self) -> None:
        """Take the latest state."""
        self.known = self.poller.latest
        self.worker.changed(self)

    def notify_error(self, error: Exception) -> None:
        """Note that the payment cannot be followed now."""
        self.worker.refused(self, error)

    def poll_skipped(self) -> None:
        """Never happens: it is awaited for as long as it is followed."""


class OpenPaymentWorker:
    """One worker: the payments that it follows, and the task that takes and puts off payments."""

    def __init__(
        self,
        journal: TranslatingOutcomeJournal,
        pollers: KnownPayments,
        *,
        policy: PollPolicy,
        clock: Clock,
        at_once: int,
        is_one_pass: bool,
        on_end: OnEnd,
    ) -> None:
        """Follow at most `at_once` payments at a time, and call `on_end` for each that ended.

        With `is_one_pass` every open payment is checked once, and then `on_end` is called without one.
        """
        self.name = uuid4().hex
        self._journal, self._pollers = journal, pollers
        self._policy, self._clock, self._at_once = policy, clock, at_once
        self._is_one_pass = is_one_pass
        self._on_end = on_end
        # Each in the order in which its time runs out: payments followed to their end, and those checked once.
        self._young: OrderedDict[UUID, FollowedPayment] = OrderedDict()
        self._once: OrderedDict[UUID, FollowedPayment] = OrderedDict()
        self._put_off: list[FollowedPayment] = []
        self._wake = asyncio.Event()
        self._error: Exception | None = None
        self.is_done = False

    async def run(self) -> None:
        """Work until cancelled, or until the one pass is over.

        Raises:
            JournalError: the journal failed at the first use, or during the one pass; later failures are logged, and
                tried again.
            AuthenticationError: the credentials are refused.
        """
        has_worked = False
        while not self.is_done:
            try:
                has_more = await self._turn()
                has_worked = True
            except JournalError as error:
                if self._is_one_pass or not has_worked:
                    raise
                logger.warning("open payments cannot be read from the journal, which is tried again: %s", error)
                has_more = False
            if self._error is not None:
                raise self._error
            if not has_more and not self.is_done:
                await self._pause()

    async def _turn(self) -> bool:
        self._wake.clear()
        self._put_off_overdue()
        if not self._is_one_pass:
            await self._write_put_off()
        room = min(self._room, _BATCH)
        taken = await self._journal.follow(self.name, limit=room, lease=WORKER_LEASE, is_early=self._is_one_pass)
        for opened in taken:
            self._follow(opened)
        if self._is_one_pass and room and not taken and not self._once:
            # Not before, else this pass would take them again.
            await self._write_put_off()
            await self._journal.stop_following(self.name)
            self.is_done = True
            self._on_end(None, None)
        return len(taken) == room > 0

    @property
    def _room(self) -> int:
        return max(self._at_once - len(self._young) - len(self._once), 0)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEEP):
                await self._wake.wait()

    def _follow(self, opened: OpenPayment) -> None:
        entry = opened.entry
        kind = ExecutionKind(entry.kind)
        pace = new_pace(self._policy, entry.began_at, self._clock)
        followed = FollowedPayment(self, opened, self._pollers.known_payment(known_payment(entry), kind), pace)
        self._of(followed)[entry.reference_id] = followed
        followed.poller.add(followed)
        latest = followed.poller.latest
        if latest is not None and latest.status.is_final:
            followed.notify()  # another watch of this client has seen it
        elif entry.reference_id in self._once:
            followed.poller.hint()

    def _is_late(self, followed: FollowedPayment) -> bool:
        limit = self._policy.timeout
        return limit is not None and followed.pace.age(followed.pace.followed_since) >= limit

    def _of(self, followed: FollowedPayment) -> OrderedDict[UUID, FollowedPayment]:
        return self._once if self._is_one_pass or self._is_late(followed) else self._young

    def changed(self, followed: FollowedPayment) -> None:
        """Note a state that a poll found."""
        state = followed.known
        if state is not None and state.status.is_final:
            self._remove(followed)
            self._on_end(followed.entry, state)
        elif followed.entry.reference_id in self._once:
            self._end_check(followed)

    def _end_check(self, followed: FollowedPayment) -> None:
        """End the only check of a payment; a young one is not put off, else nobody would tell when it is late."""
        if self._is_late(followed):
            self._warn(followed, _still(followed))
            self._put(followed)
        else:
            self._remove(followed)

    def refused(self, followed: FollowedPayment, error: Exception) -> None:
        """Note that a payment cannot be followed now."""
        if not isinstance(error, DollrError) or isinstance(error, AuthenticationError | ConfigurationError):
            self._error = error
        elif isinstance(error, NotFoundError):
            self._warn(followed, "is not known to the API")
        else:
            self._warn(followed, f"cannot be checked ({error})")
        self._put(followed)

    def _put_off_overdue(self) -> None:
        for followed in self._overdue(self._young, self._policy.timeout):
            self._warn(followed, _still(followed))
            self._put(followed)
        for followed in self._overdue(self._once, _ONE_CHECK):
            self._end_check(followed)

    def _overdue(self, payments: OrderedDict[UUID, FollowedPayment], limit: float | None) -> list[FollowedPayment]:
        now = self._clock.monotonic()
        if limit is None:
            return []
        return list(takewhile(lambda one: now >= one.pace.followed_since + limit, payments.values()))

    def _put(self, followed: FollowedPayment) -> None:
        self._put_off.append(followed)
        self._remove(followed)

    async def _write_put_off(self) -> None:
        while self._put_off:
            followed = self._put_off[-1]
            age = followed.pace.age(self._clock.monotonic())
            again_in = max(self._policy.max_interval, min(age / _AGE_PER_WAIT, _LONGEST_WAIT))
            await self._journal.stop_following(self.name, followed.entry.reference_id, check_again_in=again_in)
            self._put_off.pop()

    def _remove(self, followed: FollowedPayment) -> None:
        is_full = self._room == 0
        followed.poller.remove(followed)
        self._young.pop(followed.entry.reference_id, None)
        self._once.pop(followed.entry.reference_id, None)
        # Not after each payment: a turn asks the journal.
        if not self._once if self._is_one_pass else is_full or self._put_off:
            self._wake.set()

    def _warn(self, followed: FollowedPayment, state: str) -> None:
        if followed.was_postponed:
            return  # one warning for each payment
        reference_id = followed.entry.reference_id
        logger.warning(
            "payment %s %s %.0f seconds after it began. It stays open and is checked ever more rarely. If it never "
            "ends, decide with dollr.close_payment('%s', as_=..., reason=...)",
            reference_id,
            state,
            followed.pace.age(self._clock.monotonic()),
            reference_id,
            extra={"reference_id": reference_id},
        )

    def stop(self) -> None:
        """Follow nothing any more."""
        for followed in (*self._young.values(), *self._once.values()):
            followed.poller.remove(followed)
        self._young.clear()
        self._once.clear()


def _still(followed: FollowedPayment) -> str:
    return f"is still {'not known' if followed.known is None else followed.known.status}"


def known_payment(entry: Entry) -> KnownPayment:
    """Return what an entry says of its payment to those that follow it."""
    made_document = bool(entry.terms.lines) and entry.source_id is not None
    return KnownPayment(began_at=entry.began_at, progress=entry.progress, made_document=made_document)
