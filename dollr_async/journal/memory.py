"""A journal that lives as long as its process: for tests, and for programs that may forget."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.clock import LoopClock
from dollr_async.journal.entry import Claim, Entry, LeaseLostError
from dollr_async.journal.leases import checked_lease, lost

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.base.clock import Clock


@attrs.define
class _Kept:
    entry: Entry
    number: int = 0
    until: float | None = None


class MemoryJournal:
    """A journal in this process's memory; what it holds is gone when the process is.

    It keeps two runs of one process from charging one reference twice, and shows what happened since the start. Use
    `SQLiteJournal` where a payment must outlive the process.
    """

    def __init__(self, *, lease: float = 15.0, clock: Clock | None = None) -> None:
        """Begin empty.

        Args:
            lease: seconds that a run may be silent before another one takes its payment over.
            clock: where the time comes from, the running loop by default.

        Raises:
            InvalidInputError: the lease is not a positive, finite number.
        """
        self._lease = checked_lease(lease)
        self._clock = clock if clock is not None else LoopClock()
        self._kept: dict[UUID, _Kept] = {}
        # Two event loops in two threads may share a journal.
        self._mutex = threading.Lock()

    @property
    def lease(self) -> float:
        """Seconds that a lease lives without being renewed."""
        return self._lease

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run has it."""
        with self._mutex:
            is_new = entry.reference_id not in self._kept
            kept = self._kept.setdefault(entry.reference_id, _Kept(entry))
            if self._is_live(kept):
                return Claim(entry=kept.entry, number=None, is_new=False)
            kept.number += 1
            kept.until = self._clock.monotonic() + self._lease
            return Claim(entry=kept.entry, number=kept.number, is_new=is_new)

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry under a lease that is still this run's, and renew the lease."""
        with self._mutex:
            kept = self._held(entry.reference_id, number)
            kept.entry = entry
            kept.until = self._clock.monotonic() + self._lease

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        with self._mutex:
            self._held(reference_id, number).until = self._clock.monotonic() + self._lease

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back; one that is another run's by now is left alone."""
        with self._mutex:
            kept = self._kept.get(reference_id)
            if kept is not None and kept.number == number:
                kept.until = None

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Note a status that was seen by following, unless the payment has its outcome already."""
        with self._mutex:
            kept = self._kept.get(reference_id)
            if kept is not None and kept.entry.outcome is None:
                kept.entry = attrs.evolve(kept.entry, status=status, outcome=outcome, updated_at=datetime.now(UTC))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        with self._mutex:
            kept = self._kept.get(reference_id)
            return None if kept is None else kept.entry

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run is working on, the oldest first; `with_live` adds the others."""
        with self._mutex:
            open_ones = [kept for kept in self._kept.values() if kept.entry.outcome is None]
            found = [kept.entry for kept in open_ones if with_live or not self._is_live(kept)]
        return sorted(found, key=lambda entry: entry.began_at)

    def _is_live(self, kept: _Kept) -> bool:
        return kept.until is not None and self._clock.monotonic() < kept.until

    def _held(self, reference_id: UUID, number: int) -> _Kept:
        kept = self._kept.get(reference_id)
        if kept is None or kept.number != number or kept.until is None:
            raise LeaseLostError(lost(reference_id))
        return kept
