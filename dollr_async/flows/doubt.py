"""Doubt about an execution, as an observer sees it: when it begins, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dollr_async.base.errors import DecodeError
from dollr_async.base.observing import DoubtBegan, DoubtEnded

if TYPE_CHECKING:
    from types import TracebackType
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.flows.attempt import Attempt

ADOPTED, NOT_RUN, UNKNOWN = "ADOPTED", "NOT_RUN", "UNKNOWN"


class ReportedDoubt:
    """Reports the doubt of one execution; at the end of the `with` block there is none, or it stays unknown."""

    def __init__(self, notify: Notify | None, clock: Clock, reference_id: UUID) -> None:
        """Have no doubt yet; with None as `notify`, report nothing."""
        self._notify = notify
        self._clock = clock
        self._reference_id = reference_id
        self._began: float | None = None

    def note(self, attempt: Attempt, error: BaseException | None = None) -> None:
        """Report what has changed; `error` is what the last send met."""
        if self._notify is None:
            return
        if attempt.doubt_since is None:
            self._end(NOT_RUN)  # a new session has replaced the one under which it might have run (rule 8 (c))
        elif self._began is None:
            self._began = attempt.doubt_since
            name = None if error is None else type(error).__name__
            self._notify(DoubtBegan(reference_id=self._reference_id, error=name))

    def __enter__(self) -> Self:
        """Report nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Report the end: adopted with a result, or with an answer that is unreadable but has a status."""
        is_adopted = error is None or (isinstance(error, DecodeError) and error.status is not None)
        self._end(ADOPTED if is_adopted else UNKNOWN)

    def _end(self, outcome: str) -> None:
        if self._notify is not None and self._began is not None:
            seconds = max(self._clock.monotonic() - self._began, 0.0)
            self._notify(DoubtEnded(reference_id=self._reference_id, outcome=outcome, seconds=seconds))
            self._began = None
