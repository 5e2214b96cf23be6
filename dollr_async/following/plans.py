"""The polls that are planned, the earliest first."""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar

_CANCELLED_PLANS_KEPT = 100
"""Cancelled plans that may stay in the heap until their time, however few others there are."""


class Planned(Protocol):
    """A thing with the time that is planned for it, or None."""

    planned_at: float | None


T = TypeVar("T", bound=Planned)


class Plans(Generic[T]):
    """A heap of times, and the thing of each.

    The heap has only numbers, and the things are in a dict. The garbage collector does not visit pairs of numbers.
    """

    def __init__(self) -> None:
        """Plan nothing yet."""
        self._heap: list[tuple[float, int]] = []
        self._things: dict[int, T] = {}
        self._numbers = count()
        self._cancelled = 0

    @property
    def next_at(self) -> float:
        """The earliest time, or infinity."""
        return self._heap[0][0] if self._heap else math.inf

    def add(self, thing: T, at: float) -> None:
        """Plan a thing; an earlier plan of it counts no more."""
        thing.planned_at, number = at, next(self._numbers)
        self._things[number] = thing
        heappush(self._heap, (at, number))

    def take(self) -> tuple[float, T | None]:
        """Take the earliest plan. The thing is None if it was cancelled, or planned again for an earlier time."""
        at, number = heappop(self._heap)
        thing = self._things.pop(number)
        if thing.planned_at != at:
            return at, None
        thing.planned_at = None
        return at, thing

    def cancel(self, thing: T) -> None:
        """Cancel the plan of a thing."""
        thing.planned_at = None
        self._cancelled += 1

    def forget_cancelled(self) -> None:
        """Forget the plans that were cancelled, once they are many.

        Their times may be an hour away: until then the things and their states would be kept.
        """
        if self._cancelled > max(_CANCELLED_PLANS_KEPT, len(self._heap) // 2):
            self._cancelled = 0
            self._heap = [(at, number) for at, number in self._heap if self._things[number].planned_at == at]
            self._things = {number: self._things[number] for _, number in self._heap}
            heapify(self._heap)

    def clear(self) -> None:
        """Forget all."""
        self._heap.clear()
        self._things.clear()
