"""What every flow of money does, and how it runs from its first step to an accepted execution or an error.

A flow makes a session and sends its execution; a subclass adds the steps before them.
"""

from __future__ import annotations

import asyncio
import logging
import math
from abc import ABC, abstractmethod
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol

from dollr_async.base.enums import ExecutionStatus
from dollr_async.base.errors import (
    CollectError,
    DecodeError,
    NotFoundError,
    OutcomeUnknownError,
    ReferenceUsedError,
)
from dollr_async.base.progress import resume_call
from dollr_async.flows.attempt import Attempt
from dollr_async.flows.recovery import NotRun, OutcomeUnknown, execute
from dollr_async.flows.steps import StepFailed, known, made_id, side_by_side
from dollr_async.wire.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import ExecutionKind
    from dollr_async.flows.steps import Steps
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.groups import Groups

logger = logging.getLogger("dollr_async.collect")

ONCE = RetryPolicy(attempts=1)
"""For the execution and the looks after it: recovery decides whether they are repeated, not the caller below."""


class Session(Protocol):
    """A session of any kind."""

    @property
    def id(self) -> int:
        """The API's number."""
        ...

    @property
    def expires_at(self) -> datetime:
        """When it ends."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """When it began, where the API says so."""
        ...


class Flow(ABC):
    """What every flow does; a subclass makes the session, sends the execution, and adds the steps before them."""

    kind: ClassVar[ExecutionKind]

    def __init__(self, api: Groups, steps: Steps, clock: Clock, *, is_own_reference: bool) -> None:
        """Keep what the flow needs; its reference is the one of its steps."""
        self._api = api
        self._steps = steps
        self._clock = clock
        self._session_ends: datetime | None = None
        self._currency: str | None = None
        self.is_own_reference = is_own_reference
        self.session_expires_at = math.inf

    @property
    def _reference_id(self) -> UUID:
        return self._steps.progress.reference_id

    @property
    def _session_id(self) -> int:
        return self._steps.progress.session_id or 0

    @property
    def _account_id(self) -> int:
        return self._steps.progress.payment_account_id or 0

    async def prepare(self) -> None:
        """Make everything that the execution needs.

        Raises:
            StepFailed: a step failed; the branches beside it have ended.
            ReferenceUsedError: the caller's reference names a payment already; nothing was published.
        """
        await side_by_side(self._walk)

    async def _walk(self, branches: asyncio.TaskGroup) -> None:
        unused = self._unused(branches)
        await self.renew()
        await unused

    @abstractmethod
    async def renew(self) -> None:
        """Make a session, the first or one in the place of one that ran out."""

    @abstractmethod
    async def send(self) -> Execution:
        """Execute the session once, under the payment's reference."""

    def _unused(self, branches: asyncio.TaskGroup) -> Awaitable[None]:
        """Begin to make sure that a caller's reference names no payment yet (docs/design.md, rule 7)."""
        return known(None) if self.is_own_reference else branches.create_task(self._check_reference())

    async def _check_reference(self) -> None:
        await self._steps.step(
            "execution", self._look_before, shows=lambda _: "reference unused", is_read=True, is_kept=False
        )

    async def _look_before(self) -> None:
        reference_id = self._reference_id
        found: Execution | None = None
        try:
            found = await self._api.status.of(self.kind, reference_id)
        except NotFoundError:
            return
        except DecodeError as error:
            if error.status is None:
                raise
        message = (
            f"reference {reference_id} already names a payment: follow it with "
            f"{resume_call('watch', reference_id, self.kind)}, or begin a new payment under another reference_id"
        )
        raise ReferenceUsedError(message, reference_id=reference_id, execution=found)

    async def _open(self, making: Callable[[], Awaitable[Session]]) -> None:
        """Take the step that makes a session, the first or one in the place of one that ran out."""
        session = await self._steps.step(
            "session", making, makes=lambda session: {"session_id": session.id}, shows=made_id
        )
        # Counted from the answer: a session that is taken for over while it lives could be executed twice.
        life = session_life(session.expires_at, session.created_at)
        self.session_expires_at = self._clock.monotonic() + life
        self._session_ends = None if math.isinf(life) else self._clock.now() + timedelta(seconds=life)

    def restore(self) -> None:
        """Take up the execution that an earlier run began: the same session, the same body."""
        run = self._steps.run
        self._currency = run.payer_currency
        self._session_ends = run.session_expires_at
        if run.session_expires_at is not None:
            left = (run.session_expires_at - self._clock.now()).total_seconds()
            self.session_expires_at = self._clock.monotonic() + left

    async def before_send(self, attempt: Attempt) -> None:
        """Make durable that an execution is about to be sent (docs/design.md, rule 1)."""
        await self._steps.run.before_send(
            self._steps.progress, attempt, session_expires_at=self._session_ends, payer_currency=self._currency
        )

    async def after_send(self, attempt: Attempt) -> None:
        """Keep what a send has told."""
        await self._steps.run.after_send(attempt)

    async def look(self) -> Execution:
        """Ask once how the reference stands."""
        return await self._api.status.of(self.kind, self._reference_id, retry=ONCE)


def session_life(expires_at: datetime, created_at: datetime | None) -> float:
    """Return how long a session lives in seconds, by the API's own two times; without bound when they say nothing."""
    if created_at is None:
        return math.inf
    life = (expires_at - created_at).total_seconds()
    return life if life > 0 else math.inf


async def run(flow: Flow, steps: Steps, *, retry: RetryPolicy, grace: float, clock: Clock) -> Execution:
    """Run a flow and return its execution, once the API has surely accepted it.

    Cancellation passes and leaves the payment alone; its reference is logged before the execution, where it was not
    the caller who chose it (docs/design.md, rule 6).

    Raises:
        CollectError: a step failed, or the execution was surely not run.
        OutcomeUnknownError: the execution was sent, and its fate is not known.
        ReferenceUsedError: the reference names another payment.
        JournalError: the run could not be kept, or another one has taken it over; nothing was sent.
        DecodeError: the execution was accepted, in a shape that is not the documented one.
    """
    reference_id = steps.progress.reference_id
    try:
        execution = await _executed(flow, steps, retry=retry, grace=grace, clock=clock)
    except StepFailed as failed:
        await steps.run.must_be_ours()
        raise stopped(failed, steps) from failed.__cause__
    except NotRun as refused:
        if refused.is_confirmed:
            await steps.run.refused()
        await steps.run.must_be_ours()
        raise _not_run(refused, steps) from refused.__cause__
    except OutcomeUnknown as unknown:
        seen = steps.run.status
        state = f"was {seen} when last seen" if seen else "was sent and its outcome is not known yet"
        message = (
            f"payment {reference_id} {state} ({unknown.__cause__}). Do not begin it again: ask later with "
            f"{resume_call('wait', reference_id, flow.kind)}"
        )
        raise OutcomeUnknownError(message, progress=steps.progress, reference_id=reference_id) from unknown.__cause__
    except DecodeError as error:
        error.reference_id = reference_id
        if error.status is not None:
            await steps.run.landed(ExecutionStatus(error.status))
        error.add_note(
            f"payment {reference_id} was accepted: follow it with {resume_call('watch', reference_id, flow.kind)}"
        )
        raise
    await steps.run.landed(execution.status)
    return execution


@contextmanager
def reference_noted(flow: Flow, reference_id: UUID) -> Iterator[None]:
    """Leave the reference on a `CancelledError`, where it was not the caller who chose it (docs/design.md, rule 6)."""
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if flow.is_own_reference:
            look = resume_call("watch", reference_id, flow.kind)
            cancelled.add_note(f"the payment's reference_id is {reference_id}; look with {look} before you pay again")
        raise


async def _executed(flow: Flow, steps: Steps, *, retry: RetryPolicy, grace: float, clock: Clock) -> Execution:
    if steps.run.is_executed:
        flow.restore()
    else:
        await flow.prepare()
        if flow.is_own_reference:
            logger.info("payment %s is about to be executed", steps.progress.reference_id)
    fresh = Attempt(
        attempts=retry.attempts, recovery=retry.recovery, grace=grace, session_expires_at=flow.session_expires_at
    )
    attempt, first = steps.run.resume(fresh, clock.monotonic())
    return await steps.execution(execute(flow, attempt, first, retry=retry, clock=clock))


def stopped(failed: StepFailed, steps: Steps) -> CollectError:
    """Return the error that says which step ended a flow, and all that exists by then."""
    reference_id = steps.progress.reference_id
    message = f"payment {reference_id} stopped at the step {failed.step!r}, before any money moved: {failed.__cause__}"
    return CollectError(message, step=failed.step, progress=steps.progress, reference_id=reference_id)


def _not_run(refused: NotRun, steps: Steps) -> CollectError:
    reference_id = steps.progress.reference_id
    reason = refused.__cause__
    message = f"payment {reference_id} was not executed, and no money moved: {reason}"
    if refused.is_renewed:
        message += ". The API does not take this reference again: begin a new payment under another reference_id"
    return CollectError(message, step="execution", progress=steps.progress, reference_id=reference_id)
