"""How events reach the observer of a client."""

from __future__ import annotations

import inspect
import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from dollr_async.base.errors import InvalidInputError, PaymentFailedError
from dollr_async.base.observing import Event, Observer, OperationBegan, OperationEnded

if TYPE_CHECKING:
    from types import TracebackType
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import OpenEnum

logger = logging.getLogger("dollr_async.observing")

Notify = Callable[[Event], None]
"""Hands an event to the observer, and raises nothing."""


def notifier(observer: Observer | None) -> Notify | None:
    """Return what hands events to an observer; None for None, so that without one no event is made.

    Raises:
        InvalidInputError: it has no method `observe` that can be called without `await`.
    """
    if observer is None:
        return None
    if not isinstance(observer, Observer) or inspect.iscoroutinefunction(observer.observe):
        sentence = "observer must have a method observe(event), as in dollr_async.observing.Observer, without async"
        raise InvalidInputError(sentence)
    return _Notifier(observer)


class _Notifier:
    """Hands events to one observer."""

    def __init__(self, observer: Observer) -> None:
        self._observe = observer.observe
        self._has_failed = False

    def __call__(self, event: Event) -> None:
        try:
            self._observe(event)
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                words = "the observer failed at %s; payments go on, and further failures of it are not logged"
                logger.exception(words, type(event).__name__)


def known_word(status: OpenEnum) -> str:
    """Return a status of the API, or UNKNOWN for one that this library does not know, which may be any text."""
    return status.value if status.is_known else "UNKNOWN"


class ObservedOperation:
    """Reports the begin and the end of a call; `status` is the status that it ends with."""

    __slots__ = ("_about", "_began", "_clock", "_notify", "status")

    def __init__(
        self,
        notify: Notify | None,
        clock: Clock,
        operation: str,
        reference_id: UUID | None = None,
        kind: str | None = None,
    ) -> None:
        """Report nothing yet; with None as `notify`, nothing at all."""
        self._notify = notify
        self._clock = clock
        kind = None if kind is None else str(kind)
        self._about: dict[str, Any] = {"operation": operation, "reference_id": reference_id, "kind": kind}
        self._began = 0.0
        self.status: OpenEnum | None = None

    def __enter__(self) -> Self:
        """Report the begin."""
        if self._notify is not None:
            self._began = self._clock.monotonic()
            self._about["operation_id"] = secrets.token_hex(8)
            self._notify(OperationBegan(**self._about))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Report the end. A FAILED payment is an answer, and no error."""
        if self._notify is None:
            return
        status = None if self.status is None else known_word(self.status)
        if isinstance(error, PaymentFailedError):
            status, error = "FAILED", None
        seconds = self._clock.monotonic() - self._began
        name = None if error is None else type(error).__name__
        self._notify(OperationEnded(**self._about, seconds=seconds, status=status, error=name))
