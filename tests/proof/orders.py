"""Orders: what callers want to pay once, under which references they tried, and what they were told of each.

A caller does what the errors say. After one that says that no money moved it may start a new payment for the same
order, under a new reference, so an error that says so wrongly shows up as two movements for one order. After an unknown
outcome, or where the reference is in use, it never does.

Two runs of one reference may contradict each other without either being wrong: one fails at its first step while the
other moves the money. So a caller believes that no money moved under a reference when the last of its runs has ended
and each of them says so. With a journal the latest run speaks for all earlier ones with that journal, since the journal
keeps doubt. Without one, a run that ended otherwise leaves the reference in doubt for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

import attrs

JOURNAL = "journal"
"""The name of a run with a journal; any other name is of a run without."""

T = TypeVar("T", bound=Hashable)


@attrs.define
class _Reference:
    order: int
    runs: list[str] = attrs.field(factory=list)
    under_way: int = 0
    in_doubt: set[str] = attrs.field(factory=set)
    says_not_run: bool = False

    @property
    def is_not_run(self) -> bool:
        return self.says_not_run and not self.under_way and not self.in_doubt


class Orders(Generic[T]):
    """All orders, by number, and all their references."""

    def __init__(self) -> None:
        self._references: dict[T, _Reference] = {}
        self._current: list[T] = []

    def add(self, reference: T) -> None:
        """Add an order, and the reference of its first payment."""
        self._references[reference] = _Reference(len(self._current))
        self._current.append(reference)

    def start_anew(self, old: T, new: T) -> None:
        """Give the order of an old reference, under which no money moved, a new one."""
        order = self._references[old].order
        assert self._current[order] == old
        assert self.is_not_run(old)
        self._references[new] = _Reference(order)
        self._current[order] = new

    def is_current(self, reference: T) -> bool:
        """Whether the order of a reference has no later one."""
        return self._current[self._references[reference].order] == reference

    def is_not_run(self, reference: T) -> bool:
        """Whether its caller was told that no money moved, and believes it."""
        return reference in self._references and self._references[reference].is_not_run

    @property
    def not_run(self) -> set[T]:
        """The references under which no money moved, as their callers believe."""
        return {name for name, reference in self._references.items() if reference.is_not_run}

    @property
    def ready(self) -> list[T]:
        """The references of the orders that may be paid anew."""
        return [name for name in self._current if self._references[name].is_not_run]

    def has_one_owner(self, reference: T) -> bool:
        """Whether a reference had one run, or only runs with the journal: then no other run can have paid under it."""
        runs = self._references[reference].runs
        return len(runs) == 1 or set(runs) == {JOURNAL}

    def has_journal_only(self, reference: T) -> bool:
        """Whether all runs of a reference were with the journal, so that the journal knows how it ended."""
        return set(self._references[reference].runs) == {JOURNAL}

    def begin(self, reference: T, run: str) -> bool:
        """Note that a run begins, and return whether another one is under way."""
        known = self._references[reference]
        known.runs.append(run)
        known.under_way += 1
        return known.under_way > 1

    def end(self, reference: T, run: str, *, is_not_run: bool | None) -> None:
        """Note that a run ended, and whether it said that no money moved; None is for a run that did nothing."""
        known = self._references[reference]
        known.under_way -= 1
        if is_not_run is None:
            return
        known.says_not_run = is_not_run
        if not is_not_run:
            known.in_doubt.add(run)
        elif run == JOURNAL:
            known.in_doubt.discard(run)

    def paid_more_than_once(self, movements: Iterable[T]) -> list[str]:
        """Return the orders with more than one movement, given the references of all movements."""
        found = Counter(self._references[reference].order for reference in movements if reference in self._references)
        return [
            f"order {order} was paid {number} times: {self._names(order)}"
            for order, number in found.items()
            if number > 1
        ]

    def _names(self, order: int) -> str:
        return ", ".join(str(name) for name, reference in self._references.items() if reference.order == order)
