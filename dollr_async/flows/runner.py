"""How a flow runs from its first step to an accepted execution, and in which error it ends otherwise."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dollr_async.base.enums import ExecutionStatus
from dollr_async.base.errors import CollectError, DecodeError, OutcomeUnknownError
from dollr_async.base.progress import resume_call
from dollr_async.flows.attempt import Attempt
from dollr_async.flows.recovery import NotRun, OutcomeUnknown, execute
from dollr_async.flows.steps import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.flows.flow import Flow
    from dollr_async.flows.steps import Steps
    from dollr_async.resources.executions import Execution
    from dollr_async.wire.retry import RetryPolicy

logger = logging.getLogger("dollr_async.collect")


async def run(flow: Flow, steps: Steps, *, retry: RetryPolicy, grace: float, clock: Clock) -> Execution:
    """Run a flow and return its execution, once the API has surely accepted it.

    Cancellation passes and leaves the payment alone; its reference is logged before the execution, where it was not
    the caller who chose it (docs/design.md, rule 6).

    Raises:
        CollectError: a step failed, or the execution was surely not run.
        OutcomeUnknownError: the execution was sent, and its outcome is not known.
        ReferenceUsedError: the reference names another payment.
        JournalError: the run could not be recorded, or another one has taken it over; nothing was sent.
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
        state = f"was last seen as {seen}" if seen else "was sent, and its outcome is not known yet"
        cause = "" if unknown.__cause__ is None else f" ({unknown.__cause__})"
        message = (
            f"payment {reference_id} {state}{cause}. Do not pay again: check later with "
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
    if flow.is_contested:
        await flow.check_is_ours(execution, grace=grace)
    return execution


@contextmanager
def reference_noted(flow: Flow, reference_id: UUID) -> Iterator[None]:
    """Leave the reference on a `CancelledError`, where it was not the caller who chose it (docs/design.md, rule 6)."""
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if flow.is_own_reference:
            call = resume_call("watch", reference_id, flow.kind)
            cancelled.add_note(
                f"the payment's reference_id is {reference_id}: check it with {call} before you pay again"
            )
        raise


async def _executed(flow: Flow, steps: Steps, *, retry: RetryPolicy, grace: float, clock: Clock) -> Execution:
    if steps.run.is_executed:
        flow.restore()
    else:
        await flow.prepare()
        if flow.is_own_reference:
            reference_id = steps.progress.reference_id
            logger.info("payment %s is about to be executed", reference_id, extra={"reference_id": reference_id})
    fresh = Attempt(
        attempts=retry.attempts, recovery=retry.recovery, grace=grace, session_expires_at=flow.session_expires_at
    )
    attempt, first = steps.run.resume(fresh, clock.monotonic())
    landing = execute(flow, attempt, first, retry=retry, clock=clock, limit=steps.check_limit, notify=steps.notify)
    execution, flow.is_contested = await steps.execution(landing)
    return execution


def stopped(failed: StepFailed, steps: Steps) -> CollectError:
    """Return the error that says which step ended a flow, and all that exists by then."""
    reference_id = steps.progress.reference_id
    message = f"payment {reference_id} stopped at the step {failed.step!r}, before any money moved: {failed.__cause__}"
    if failed.advice:
        message += f". {failed.advice}"
    return CollectError(message, step=failed.step, progress=steps.progress, reference_id=reference_id)


def _not_run(refused: NotRun, steps: Steps) -> CollectError:
    reference_id = steps.progress.reference_id
    reason = refused.__cause__
    message = f"payment {reference_id} was not executed, and no money moved: {reason}"
    if refused.is_renewed:
        message += ". The API does not take this reference again: start a new payment under another reference_id"
    return CollectError(message, step="execution", progress=steps.progress, reference_id=reference_id)
