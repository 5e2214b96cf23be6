"""A journal in memory: for tests, and for programs whose payments need not survive a restart."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from dollr_async.base import fields
from dollr_async.base.clock import LoopClock
from dollr_async.journal.entry import Entry
from dollr_async.journal.protocol import Claim, lease_lost

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.base.clock import Clock


@attrs.define
class _Stored:
    entry: Entry
    lease_number: int = 0
    lease_until: float | None = None


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
            stored = self._stored.setdefault(entry.reference_id, _Stored(entry))
            if self._is_live(stored):
                return Claim(entry=stored.entry, number=None, is_new=False)
            stored.lease_number += 1
            stored.lease_until = self._clock.monotonic() + self._lease
            return Claim(entry=stored.entry, number=stored.lease_number, is_new=is_new)

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease."""
        with self._mutex:
            stored = self._held(entry.reference_id, number)
            stored.entry = entry
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
                stored.entry = attrs.evolve(stored.entry, status=status, outcome=outcome, updated_at=now)

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        with self._mutex:
            stored = self._stored.get(reference_id)
            return None if stored is None else stored.entry

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first; `with_live` adds the others."""
        with self._mutex:
            open_ones = [stored for stored in self._stored.values() if stored.entry.outcome is None]
            found = [stored.entry for stored in open_ones if with_live or not self._is_live(stored)]
        return sorted(found, key=lambda entry: entry.began_at)

    def _is_live(self, stored: _Stored) -> bool:
        return stored.lease_until is not None and self._clock.monotonic() < stored.lease_until

    def _held(self, reference_id: UUID, number: int) -> _Stored:
        stored = self._stored.get(reference_id)
        if stored is None or stored.lease_number != number or stored.lease_until is None:
            raise lease_lost(reference_id)
        return stored
