"""A journal in memory: for tests, and for programs whose payments need not survive a restart."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections import defaultdict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from dollr_async.base import fields
from dollr_async.base.clock import LoopClock
from dollr_async.journal.entry import Entry
from dollr_async.journal.memory_followers import Followers
from dollr_async.journal.outcome_protocol import (
    EndedPayment,
    OpenPayment,
    already_handled,
    cannot_close,
    no_transaction,
)
from dollr_async.journal.protocol import Claim, lease_lost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from dollr_async.base.clock import Clock


@attrs.define
class _Stored:
    entry: Entry
    lease_number: int = 0
    lease_until: float | None = None
    ended_at: datetime | None = None
    handled_at: datetime | None = None
    hand_out_number: int = 0
    hand_out_until: float = float("-inf")
    reason: str | None = None


def _place(entry: Entry) -> tuple[datetime, UUID]:
    return entry.began_at, entry.reference_id


def _is_followed(entry: Entry) -> bool:
    return entry.executed and entry.outcome is None


class MemoryJournal:
    """A journal in this process's memory. Its entries are lost when the process ends.

    With it, two runs of one process cannot charge one reference twice. Use `SQLiteJournal` where a payment must survive
    the process.
    """

    def __init__(self, *, lease: float = 15.0, clock: Clock | None = None) -> None:
        """Make an empty journal.

        Args:
            lease: seconds without a renewal after which another run may take a payment over.
            clock: where the time comes from; by default the running event loop.

        Raises:
            InvalidInputError: the lease is not a positive, finite number.
        """
        self._lease = fields.seconds("lease", lease)
        self._clock = clock if clock is not None else LoopClock()
        self._stored: dict[UUID, _Stored] = {}
        # The open payments in order, those of each document, and the outcomes that are not handled, the oldest first.
        self._open: list[tuple[datetime, UUID]] = []
        self._of_source: defaultdict[tuple[str | None, int | None], set[UUID]] = defaultdict(set)
        self._unhandled: dict[UUID, _Stored] = {}
        self._followers = Followers()
        # Event loops of several threads may share a journal.
        self._mutex = threading.Lock()

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        return self._lease

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it."""
        with self._mutex:
            is_new = entry.reference_id not in self._stored
            if is_new:
                self._stored[entry.reference_id] = _Stored(entry)
                self._add(entry)
                if _is_followed(entry):
                    self._followers.add(_place(entry))
            stored = self._stored[entry.reference_id]
            if self._is_live(stored):
                return Claim(entry=stored.entry, number=None, is_new=False)
            stored.lease_number += 1
            stored.lease_until = self._clock.monotonic() + self._lease
            return Claim(entry=stored.entry, number=stored.lease_number, is_new=is_new)

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease."""
        with self._mutex:
            stored = self._held(entry.reference_id, number)
            self._replace(stored, entry)
            stored.lease_until = self._clock.monotonic() + self._lease

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        with self._mutex:
            self._held(reference_id, number).lease_until = self._clock.monotonic() + self._lease

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        with self._mutex:
            stored = self._stored.get(reference_id)
            if stored is not None and stored.lease_number == number:
                stored.lease_until = None

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""
        with self._mutex:
            stored = self._stored.get(reference_id)
            if stored is not None and stored.entry.outcome is None:
                now = datetime.now(UTC)
                self._replace(stored, attrs.evolve(stored.entry, status=status, outcome=outcome, updated_at=now))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        with self._mutex:
            stored = self._stored.get(reference_id)
            return None if stored is None else stored.entry

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first; `with_live` adds the others."""
        with self._mutex:
            return list(self._unfinished(0, with_live=with_live))

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        with self._mutex:
            start = 0 if after is None else bisect_right(self._open, _place(after))
            return list(islice(self._unfinished(start, with_live=with_live), limit))

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        with self._mutex:
            found = [self._stored[one] for one in self._of_source.get((source_type, source_id), ())]
            return [OpenPayment(entry=stored.entry, is_live=self._is_live(stored)) for stored in found]

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        with self._mutex:
            stored = self._stored.get(reference_id)
            return stored is not None and stored.entry.outcome is None and self._is_live(stored)

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker."""
        with self._mutex:
            now = self._clock.monotonic()
            self._followers.renew(worker, now, lease)
            taken = self._followers.take(worker, now, limit, is_early=is_early, is_live=self._is_live_reference)
            return [OpenPayment(entry=self._stored[one].entry, was_postponed=was_put_off) for one, was_put_off in taken]

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        """Follow a payment no longer, and put it off; with None the worker leaves."""
        with self._mutex:
            if reference_id is None:
                self._followers.leave(worker)
            else:
                self._followers.put_off(worker, reference_id, self._clock.monotonic() + check_again_in)

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out."""
        with self._mutex:
            now = self._clock.monotonic()
            for stored in self._unhandled.values():
                if now >= stored.hand_out_until and not self._is_live(stored):
                    stored.hand_out_number += 1
                    stored.hand_out_until = now + lease
                    return _ended(stored)
        return None

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now."""
        return self._set_hand_out(reference_id, number, lease)

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        """End the lease of a hand-out; the payment is handed out again after `delay` seconds at the earliest."""
        self._set_hand_out(reference_id, number, delay)

    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        """Mark this end of a payment as handled."""
        if connection is not None:
            raise no_transaction("a journal in memory")
        with self._mutex:
            stored = self._stored.get(ended.entry.reference_id)
            if stored is None or stored.handled_at is not None or stored.ended_at != ended.ended_at:
                raise already_handled(ended.entry.reference_id)
            stored.handled_at = datetime.now(UTC)
            del self._unhandled[ended.entry.reference_id]

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided."""
        with self._mutex:
            stored = self._stored.get(reference_id)
            is_live = stored is not None and self._is_live(stored)
            is_handled = stored is not None and stored.handled_at is not None
            refusal = cannot_close(
                reference_id, None if stored is None else stored.entry, is_live=is_live, is_handled=is_handled
            )
            if refusal is not None or stored is None:
                raise refusal or AssertionError
            self._replace(stored, attrs.evolve(stored.entry, outcome=outcome, updated_at=datetime.now(UTC)))
            stored.reason = reason

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a payment that began after `since` is open and executed or live."""
        with self._mutex:
            young = (self._stored[one] for began_at, one in reversed(self._open) if began_at > since)
            return bool(self._unhandled) or any(one.entry.executed or self._is_live(one) for one in young)

    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete at most `limit` payments that were handled before this time, and return how many were deleted."""
        with self._mutex:
            handled = (name for name, one in self._stored.items() if one.handled_at and one.handled_at < handled_before)
            deleted = list(islice(handled, limit))
            for reference_id in deleted:
                del self._stored[reference_id]
            return len(deleted)

    def _unfinished(self, start: int, *, with_live: bool) -> Iterator[Entry]:
        for _, reference_id in islice(self._open, start, None):
            stored = self._stored[reference_id]
            if with_live or not self._is_live(stored):
                yield stored.entry

    def _is_live_reference(self, reference_id: UUID) -> bool:
        return self._is_live(self._stored[reference_id])

    def _set_hand_out(self, reference_id: UUID, number: int, seconds: float) -> bool:
        with self._mutex:
            stored = self._unhandled.get(reference_id)
            if stored is None or stored.hand_out_number != number:
                return False
            stored.hand_out_until = self._clock.monotonic() + seconds
            return True

    def _add(self, entry: Entry) -> None:
        if entry.outcome is None:
            insort(self._open, _place(entry))
            self._of_source[entry.source_type, entry.source_id].add(entry.reference_id)

    def _replace(self, stored: _Stored, entry: Entry) -> None:
        """Put an entry in the place of another, and note its end, or that it is open again."""
        before, stored.entry = stored.entry, entry
        if before.outcome is None:
            del self._open[bisect_right(self._open, _place(before)) - 1]
            self._of_source[before.source_type, before.source_id].discard(entry.reference_id)
            if not self._of_source[before.source_type, before.source_id]:
                del self._of_source[before.source_type, before.source_id]
        self._add(entry)
        if (_is_followed(before), _place(before)) != (_is_followed(entry), _place(entry)):
            self._followers.remove(_place(before))
            if _is_followed(entry):
                self._followers.add(_place(entry))
        if entry.outcome != before.outcome:
            self._unhandled.pop(entry.reference_id, None)
            stored.handled_at, stored.reason, stored.hand_out_until = None, None, float("-inf")
            stored.ended_at = None if entry.outcome is None else entry.updated_at
            if entry.outcome is not None:
                self._unhandled[entry.reference_id] = stored

    def _is_live(self, stored: _Stored) -> bool:
        return stored.lease_until is not None and self._clock.monotonic() < stored.lease_until

    def _held(self, reference_id: UUID, number: int) -> _Stored:
        stored = self._stored.get(reference_id)
        if stored is None or stored.lease_number != number or stored.lease_until is None:
            raise lease_lost(reference_id)
        return stored


def _ended(stored: _Stored) -> EndedPayment:
    ended_at = stored.ended_at or stored.entry.updated_at
    return EndedPayment(entry=stored.entry, ended_at=ended_at, number=stored.hand_out_number, reason=stored.reason)
