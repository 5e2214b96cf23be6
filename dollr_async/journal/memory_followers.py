"""Which worker follows which open payment of a journal in memory, and which payments are free to be followed."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    Place = tuple[datetime, UUID]


class Followers:
    """The followers of open, executed payments. Each operation costs what it finds, not what is open."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._workers: dict[str, float] = {}
        self._followed: defaultdict[str, dict[UUID, Place]] = defaultdict(dict)
        self._free: list[Place] = []
        self._put_off: list[tuple[float, Place]] = []
        self._times: dict[UUID, float] = {}

    @property
    def workers(self) -> frozenset[str]:
        """The workers that have not left."""
        return frozenset(self._workers)

    def add(self, place: Place) -> None:
        """Let a payment be followed; the place is its start time and its reference."""
        insort(self._free, place)

    def remove(self, place: Place) -> None:
        """Forget a payment that is no longer open, or never was."""
        self._times.pop(place[1], None)
        at = bisect_left(self._free, place)
        if self._free[at : at + 1] == [place]:
            del self._free[at]
            return
        for payments in self._followed.values():
            if payments.pop(place[1], None) is not None:
                return

    def renew(self, worker: str, now: float, lease: float) -> None:
        """Renew the lease of a worker, and free what dead ones have followed."""
        for dead in [name for name, until in self._workers.items() if until <= now]:
            self.leave(dead)
        self._workers[worker] = now + lease

    def take(
        self, worker: str, now: float, limit: int, *, is_early: bool, is_live: Callable[[UUID], bool]
    ) -> list[tuple[UUID, bool]]:
        """Let a worker follow payments; each comes with whether it was put off before."""
        taken: list[tuple[Place, bool]] = []
        kept: list[Place] = []
        number = 0
        while number < len(self._free) and len(taken) < limit:
            place = self._free[number]
            number += 1
            if is_live(place[1]):
                kept.append(place)
            else:
                taken.append((place, True) if place[1] in self._times else (place, False))
        self._free[:number] = kept
        while self._put_off and len(taken) < limit and (is_early or self._put_off[0][0] <= now):
            at, place = heappop(self._put_off)
            if self._times.get(place[1]) == at:
                taken.append((place, True))
        for place, _ in taken:
            self._followed[worker][place[1]] = place
        return [(place[1], was_put_off) for place, was_put_off in taken]

    def put_off(self, worker: str, reference_id: UUID, at: float) -> None:
        """Follow a payment no longer, until a time; nothing happens when this worker does not follow it."""
        place = self._followed[worker].pop(reference_id, None)
        if place is not None:
            self._times[reference_id] = at
            heappush(self._put_off, (at, place))

    def leave(self, worker: str) -> None:
        """Free what a worker follows."""
        self._workers.pop(worker, None)
        for place in self._followed.pop(worker, {}).values():
            insort(self._free, place)

    def follows(self, worker: str) -> frozenset[UUID]:
        """Return what a worker follows."""
        return frozenset(self._followed.get(worker, ()))
