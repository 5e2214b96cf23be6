"""Changes that wait for their transaction: all that wait at one moment share one, and so one sync of the disk."""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dollr_async.base.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.journal.sqlite.database import Database

T = TypeVar("T")


class Change(Generic[T]):
    """One change; it may be withdrawn as long as it has not been made."""

    def __init__(self, make: Callable[[Database], T]) -> None:
        """Wait."""
        self.make = make
        self.is_withdrawn = False
        self.is_over = False
        self._result: T
        self._failure: Exception | None = JournalError("this change was withdrawn before it was made")

    def end(self, result: T) -> None:
        """Keep what came of it; it is durable by now."""
        self._result, self._failure, self.is_over = result, None, True

    def fail(self, failure: Exception) -> None:
        """Keep why it was not made."""
        self._failure, self.is_over = failure, True

    def result(self) -> T:
        """Return what came of it, or raise why it was not made."""
        if self._failure is not None:
            # A copy, since others may be told of the same failure.
            failure = copy.copy(self._failure).with_traceback(self._failure.__traceback__)
            raise failure from self._failure.__cause__
        return self._result


class Changes:
    """The changes that wait. Any thread may add one, and one thread makes them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: deque[Change[Any]] = deque()

    def add(self, change: Change[T]) -> None:
        """Let a change wait for its turn."""
        self._waiting.append(change)

    def turn(self, change: Change[T], opened: Callable[[], Database]) -> T:
        """Make this change with all that wait, unless it was made with an earlier one, and return what came of it."""
        if not change.is_over:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            _make([one for one in waiting if not one.is_withdrawn], opened)
        return change.result()


def _make(changes: list[Change[Any]], opened: Callable[[], Database]) -> None:
    try:
        outcomes = opened().together([change.make for change in changes])
    except Exception as error:  # noqa: BLE001 - whatever it is, everybody who waits is told
        outcomes = [error] * len(changes)
    for change, outcome in zip(changes, outcomes, strict=True):
        if isinstance(outcome, Exception):
            change.fail(outcome)
        else:
            change.end(outcome)
