"""The steps of a chain: named, logged, and run side by side without leaving anything running."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

import attrs

from dollr_async.base.errors import ConfigurationError, DecodeError, DollrError, JournalError, PaymentError
from dollr_async.base.observing import StepEnded
from dollr_async.base.progress import Progress
from dollr_async.base.record import field_names
from dollr_async.flows.run import Run
from dollr_async.wire.retry import RetryPolicy, is_ambiguous

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.flows.check_limit import CheckLimit

T = TypeVar("T")

logger = logging.getLogger("dollr_async.collect")

_WORD = re.compile(r"[A-Z]+(_[A-Z]+)*")


class StepFailed(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """A step of the chain failed; `__cause__` is why. `advice` is a sentence for the user, or empty."""

    def __init__(self, step: str) -> None:
        """Keep the step's name."""
        super().__init__(step)
        self.step = step
        self.advice = ""


class Steps:
    """Runs the steps of one payment, checks before it repeats one, and keeps every id that they made."""

    def __init__(
        self,
        progress: Progress,
        clock: Clock,
        *,
        retry: RetryPolicy,
        check_limit: CheckLimit,
        notify: Notify | None = None,
    ) -> None:
        """Begin with the ids made so far."""
        self.notify = notify
        self._clock = clock
        self._retry = retry
        self.check_limit = check_limit
        self.run = Run()
        self._is_resumed = False
        self.progress = progress

    def continue_with(self, run: Run, progress: Progress) -> None:
        """Continue a run that a journal keeps, with every id that earlier runs made."""
        given = {name: getattr(self.progress, name) for name in field_names(Progress)}
        self.run = run
        self.progress = progress
        self.made(**given)
        self._is_resumed = run.is_resumed

    def made(self, **ids: int | str | None) -> None:
        """Keep ids, under the names that the handle uses; those that are None change nothing."""
        new = {name: value for name, value in ids.items() if value is not None}
        if new:
            self.progress = attrs.evolve(self.progress, **new)  # type: ignore[arg-type] # the names are Progress's own

    async def step(
        self,
        name: str,
        act: Callable[[], Awaitable[T]],
        *,
        found: Callable[[], Awaitable[T | None]] | None = None,
        makes: Callable[[T], Mapping[str, int | str | None]] | None = None,
        shows: Callable[[T], object] | None = None,
        is_read: bool = False,
        is_kept: bool = True,
    ) -> T:
        """Run one step.

        When its answer is lost, `found` checks whether it was done all the same; if not, the step is repeated
        (docs/design.md, rule 3). Without `found` a repetition does no harm. `makes` returns the ids that it made,
        `shows` the one that is logged: with `dollr_step`, `dollr_id` and `dollr_elapsed` (seconds) on the record. A
        step that only reads (`is_read`) is repeated by the HTTP caller alone. A step that only checks something is not
        recorded (`is_kept` is False).

        Raises:
            StepFailed: the step failed; an error that is not the step's own is raised as it is.
        """
        began = self._clock.monotonic()
        try:
            done = await self._run_with_checks(act, found, attempts=1 if is_read else self._retry.attempts)
        except DollrError as error:
            self._report(name, None, began, error)
            if isinstance(error, ConfigurationError | PaymentError | JournalError):
                raise
            raise StepFailed(name) from error
        if makes is not None:
            self.made(**makes(done))
        if is_kept:
            await self.run.acknowledged(name, self.progress)
        self._report(name, None if shows is None else shows(done), began)
        return done

    async def _run_with_checks(
        self, act: Callable[[], Awaitable[T]], found: Callable[[], Awaitable[T | None]] | None, *, attempts: int
    ) -> T:
        if self._is_resumed and found is not None and (existing := await found()) is not None:
            return existing  # an earlier run did this step, and ended before it could record it
        sends = 0
        while True:
            sends += 1
            try:
                return await act()
            except DollrError as error:
                if not is_lost(error) or (sends >= attempts and found is None):
                    raise
                await self._clock.sleep(self._retry.delay(sends))
                existing = None if found is None else await found()
                if existing is not None:
                    return existing
                if sends >= attempts:
                    raise

    async def execution(self, call: Awaitable[T]) -> T:
        """Await the execution, which has its own ways to fail; its end is reported like a step's."""
        began = self._clock.monotonic()
        try:
            done = await call
        except Exception as error:
            self._report("execution", None, began, error.__cause__ or error)
            raise
        self._report("execution", self.progress.reference_id, began)
        return done

    def _report(self, name: str, shown: object, began: float, error: BaseException | None = None) -> None:
        is_logged = error is None and logger.isEnabledFor(logging.DEBUG)
        if not is_logged and self.notify is None:
            return
        seconds = self._clock.monotonic() - began
        reference_id = self.progress.reference_id
        if is_logged:
            details = {"reference_id": reference_id, "dollr_step": name, "dollr_id": shown, "dollr_elapsed": seconds}
            words = "%s: %s %s (%.0f ms)"
            logger.debug(words, reference_id, name, "" if shown is None else shown, seconds * 1000.0, extra=details)
        if self.notify is not None:
            failed = None if error is None else type(error).__name__
            step = StepEnded(reference_id=reference_id, step=name, id=_as_id(shown), seconds=seconds, error=failed)
            self.notify(step)


def _as_id(shown: object) -> int | str | None:
    """Return a number, a reference, or a word such as ORANGE_MONEY_LBR; no other text goes into an event."""
    if isinstance(shown, int):
        return shown
    return str(shown) if isinstance(shown, UUID) or _WORD.fullmatch(str(shown)) else None


class HasId(Protocol):
    """Any object that the API gave an id."""

    @property
    def id(self) -> int:
        """The API's id."""
        ...


def made_id(made: HasId) -> int:
    """Return the id of what a step made."""
    return made.id


def is_lost(error: DollrError) -> bool:
    """Whether a step that ended in this error may have been done: its answer did not arrive, or cannot be read."""
    return is_ambiguous(error) or (isinstance(error, DecodeError) and not error.path)


def known(value: T) -> asyncio.Future[T]:
    """Return a value as an awaitable that is done already."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


async def side_by_side(chain: Callable[[asyncio.TaskGroup], Awaitable[T]]) -> T:
    """Run `chain` with a task group for its branches; one failure ends all and is raised alone, never as a group.

    `chain` must await every branch that may fail: before Python 3.13 a group that is already being left takes the
    failure of a branch for a cancellation from outside.
    """
    failed: BaseException
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task is not None else 0
    try:
        async with asyncio.TaskGroup() as branches:
            return await chain(branches)
    except BaseExceptionGroup as group:
        failed = _first(group)
    if task is not None and task.cancelling() > cancelled_before:
        # Cancelled from outside at the moment when a branch failed: the caller waits for the cancellation.
        raise asyncio.CancelledError
    raise failed


def _first(group: BaseExceptionGroup) -> BaseException:
    # Any other error (a reference in use, a closed client) says more than a step that failed beside it.
    leaves = [leaf for leaf in group.exceptions if not isinstance(leaf, BaseExceptionGroup)]
    return next((leaf for leaf in leaves if not isinstance(leaf, StepFailed)), leaves[0])
