"""The steps of a chain: named, logged, and walked side by side without leaving anything running."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs

from dollr_async.errors import ConfigurationError, DollrError, PaymentError
from dollr_async.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from dollr_async.clock import Clock

T = TypeVar("T")

logger = logging.getLogger("dollr_async.collect")


class StepFailed(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """A step of the chain failed; `__cause__` is why."""

    def __init__(self, step: str) -> None:
        """Keep the step's name."""
        super().__init__(step)
        self.step = step


class Steps:
    """Runs the steps of one payment and keeps every id that they made."""

    def __init__(self, reference_id: UUID, clock: Clock) -> None:
        """Begin with nothing made."""
        self._clock = clock
        self.progress = Progress(reference_id=reference_id)

    def made(self, **ids: int | str | None) -> None:
        """Keep ids, under the names that the handle uses; those that are None are left as they are."""
        known = {name: value for name, value in ids.items() if value is not None}
        self.progress = attrs.evolve(self.progress, **known)  # type: ignore[arg-type] # the names are Progress's own

    async def step(self, name: str, call: Awaitable[T], *, shows: Callable[[T], object] | None = None) -> T:
        """Await one step; its failure becomes `StepFailed`, unless it is not the step's own.

        A success is logged with `dollr_step`, `dollr_id` and `dollr_elapsed` (seconds) on the record; `shows` picks
        the id from what the step made.
        """
        began = self._clock.monotonic()
        try:
            done = await call
        except (ConfigurationError, PaymentError):
            raise
        except DollrError as error:
            raise StepFailed(name) from error
        self._log(name, "" if shows is None else shows(done), self._clock.monotonic() - began)
        return done

    async def execution(self, call: Awaitable[T]) -> T:
        """Await the execution, which has its own ways to fail; a success is logged as a step's is."""
        began = self._clock.monotonic()
        done = await call
        self._log("execution", self.progress.reference_id, self._clock.monotonic() - began)
        return done

    def _log(self, name: str, shown: object, elapsed: float) -> None:
        details = {"dollr_step": name, "dollr_id": shown, "dollr_elapsed": elapsed}
        words = (self.progress.reference_id, name, shown, elapsed * 1000.0)
        logger.debug("%s: %s %s (%.0f ms)", *words, extra=details)


class HasId(Protocol):
    """Anything that the API numbered."""

    @property
    def id(self) -> int:
        """The API's number."""
        ...


def made_id(made: HasId) -> int:
    """Return the number of what a step made."""
    return made.id


async def side_by_side(walk: Callable[[asyncio.TaskGroup], Awaitable[T]]) -> T:
    """Run `walk` with a task group; one failure ends all branches and is raised alone, never as a group.

    `walk` awaits every branch that may fail: before Python 3.13 a group that is already being left takes the failure of
    a branch for a cancellation from outside.
    """
    failed: BaseException
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task is not None else 0
    try:
        async with asyncio.TaskGroup() as branches:
            return await walk(branches)
    except BaseExceptionGroup as group:
        failed = _first(group)
    if task is not None and task.cancelling() > cancelled_before:
        # Cancelled from outside at the very moment a branch failed: the cancellation is what the caller waits for.
        raise asyncio.CancelledError
    raise failed


def _first(group: BaseExceptionGroup) -> BaseException:
    # What is not a step's failure (a reference in use, a closed client) says more than a step that fell with it.
    leaves = [leaf for leaf in group.exceptions if not isinstance(leaf, BaseExceptionGroup)]
    return next((leaf for leaf in leaves if not isinstance(leaf, StepFailed)), leaves[0])
