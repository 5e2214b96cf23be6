"""Group commit: all changes that wait at one moment share one transaction, and at most one sync of the disk."""

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
    """One change of the database. It can be withdrawn until it is made."""

    def __init__(self, make: Callable[[Database], T], *, is_durable: bool = False) -> None:
        """Describe the change by the function that makes it; `is_durable` says that it must survive a loss of power."""
        self.make = make
        self.is_durable = is_durable
        self.is_withdrawn = False
        self.is_done = False
        self._result: T
        self._failure: Exception | None = JournalError("this change was withdrawn before it was made")

    def succeed(self, result: T) -> None:
        """Keep the result. The change is in the file by now."""
        self._result, self._failure, self.is_done = result, None, True

    def fail(self, failure: Exception) -> None:
        """Keep why the change was not made."""
        self._failure, self.is_done = failure, True

    def result(self) -> T:
        """Return the result, or raise why the change was not made."""
        if self._failure is not None:
            # A copy, since one failure may be raised for several changes.
            failure = copy.copy(self._failure).with_traceback(self._failure.__traceback__)
            raise failure from self._failure.__cause__
        return self._result


class ChangeQueue:
    """The changes that wait. Any thread may add one; one thread makes them."""

    def __init__(self) -> None:
        """Make an empty queue."""
        self._waiting: deque[Change[Any]] = deque()

    def add(self, change: Change[T]) -> None:
        """Put a change at the end of the queue."""
        self._waiting.append(change)

    def make(self, change: Change[T], opened: Callable[[], Database]) -> T:
        """Make this change together with all that wait, unless an earlier call made it, and return its result."""
        if not change.is_done:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            _make_together([one for one in waiting if not one.is_withdrawn], opened)
        return change.result()


def _make_together(changes: list[Change[Any]], opened: Callable[[], Database]) -> None:
    try:
        is_durable = any(change.is_durable for change in changes)
        outcomes = opened().together([change.make for change in changes], is_durable=is_durable)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised for every change
        outcomes = [error] * len(changes)
    for change, outcome in zip(changes, outcomes, strict=True):
        if isinstance(outcome, Exception):
            change.fail(outcome)
        else:
            change.succeed(outcome)
