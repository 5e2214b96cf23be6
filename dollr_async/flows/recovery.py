"""What to do when the answer to an execution is lost: check the status first (docs/design.md, rules 1, 2 and 8).

`execute` runs the state machine of `attempt.py` and does what it says.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from dollr_async.base.errors import (
    APIStatusError,
    ConfigurationError,
    DecodeError,
    DollrError,
    JournalError,
    NotFoundError,
    TransportError,
)
from dollr_async.flows.attempt import (
    DOUBTFUL,
    REFUSALS,
    TEXT_REFUSAL_CHECKS,
    TEXT_REFUSAL_PERIOD,
    Action,
    Attempt,
    CheckResult,
    SendResult,
)
from dollr_async.flows.doubt import ReportedDoubt
from dollr_async.flows.refusals import is_unreachable, result_of

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.flows.check_limit import CheckLimit
    from dollr_async.resources.executions import Execution
    from dollr_async.wire.retry import RetryPolicy

logger = logging.getLogger("dollr_async.collect")

_TICK = 1e-3
"""Seconds added to the last pause. A pause shorter than the clock can measure would be repeated without end."""
_SHORTEST_CHECK = 5.0
"""Seconds that a status check may take at least, when recovery was over before it began."""


class Operation(Protocol):
    """What recovery does with the API, for one execution of any kind."""

    @property
    def reference_id(self) -> UUID:
        """The payment's key."""
        ...

    @property
    def session_expires_at(self) -> float:
        """When the present session ends, on the clock's seconds."""
        ...

    async def send(self) -> Execution:
        """Send the execution once, always with the same reference and body."""
        ...

    async def before_send(self, attempt: Attempt) -> None:
        """Store durably that a send is about to begin."""
        ...

    async def after_send(self, attempt: Attempt) -> None:
        """Record how a send ended."""
        ...

    async def check(self) -> Execution:
        """Check the status of the reference once."""
        ...

    async def check_other_kinds(self) -> None:
        """Check once whether the reference names an execution of another kind, which is a `ReferenceUsedError`."""
        ...

    async def renew(self) -> None:
        """Replace the session."""
        ...


class NotRun(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """The execution surely did not run; `__cause__` is what refused it."""

    def __init__(self, *, is_renewed: bool, is_confirmed: bool) -> None:
        """Keep whether this was a second session of the reference, and whether a status check has confirmed it."""
        super().__init__("not run")
        self.is_renewed = is_renewed
        self.is_confirmed = is_confirmed


class OutcomeUnknown(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """The execution may have run; `__cause__` is the last refusal or failure."""


async def execute(
    operation: Operation,
    attempt: Attempt,
    first: Action,
    *,
    retry: RetryPolicy,
    clock: Clock,
    limit: CheckLimit,
    notify: Notify | None = None,
) -> tuple[Execution, bool]:
    """Send an execution, or find the one that was sent, and return it once it has surely landed.

    The second value is True when it was found by a status check after a refusal: then it may be another run's.

    Raises:
        NotRun: it surely did not run.
        OutcomeUnknown: `retry.recovery` seconds were not enough to learn its outcome.
        ReferenceUsedError: the reference names an execution of another kind.
        JournalError: it could not be stored durably, so nothing was sent.
        DecodeError: it landed, but what the API says of it does not have the documented shape.
    """
    with ReportedDoubt(notify, clock, operation.reference_id) as doubt:
        doubt.note(attempt)
        return await _Recovery(operation, attempt, retry, clock, limit, doubt).run(first)


class _Recovery:
    def __init__(
        self,
        operation: Operation,
        attempt: Attempt,
        retry: RetryPolicy,
        clock: Clock,
        limit: CheckLimit,
        doubt: ReportedDoubt,
    ) -> None:
        self._operation = operation
        self._doubt = doubt
        self._attempt = attempt
        self._retry = retry
        self._clock = clock
        self._limit = limit
        self._checks = 0
        self._found: Execution | None = None
        self._is_found_by_check = False
        self._refusal: DollrError | None = None
        self._failure: DollrError | None = None
        self._unreachable: DollrError | None = None
        self._asked_to_wait: float | None = None

    async def run(self, action: Action) -> tuple[Execution, bool]:
        while True:
            if action is Action.SEND:
                action = await self._send()
            elif action is Action.CHECK:
                action = await self._check()
            elif action is Action.CHECK_OTHER_KINDS:
                action = await self._check_other_kinds()
            elif action is Action.RENEW:
                await self._renew()
                action = Action.SEND
            elif action is Action.ADOPT and self._found is not None:
                return self._found, self._is_found_by_check and self._attempt.is_contested
            else:
                raise self._ending(action) from self._cause()

    def _ending(self, action: Action) -> NotRun | OutcomeUnknown:
        if action is Action.STOP:
            return NotRun(is_renewed=self._attempt.is_renewed, is_confirmed=self._attempt.is_refused)
        return OutcomeUnknown()

    def _cause(self) -> DollrError | None:
        if self._attempt.unreachable_checks is not None:
            return self._unreachable  # it says why a failed connection is no proof here
        return self._refusal or self._failure

    async def _renew(self) -> None:
        await self._operation.renew()
        self._attempt = self._attempt.renewed(self._operation.session_expires_at)
        self._doubt.note(self._attempt)

    async def _send(self) -> Action:
        attempt = self._attempt
        if attempt.session_sends and attempt.doubt_since is None:
            await self._clock.sleep(self._pause_before_resend())
        if attempt.must_renew_first and self._clock.monotonic() >= attempt.session_expires_at:
            await self._renew()
        await self._store()
        outcome = await self._result_of_send()
        if outcome is not SendResult.NOT_ARRIVED:
            self._checks = 0
        may_wait = self._asked_to_wait is None or self._asked_to_wait <= self._retry.max_retry_after
        self._attempt, action = self._attempt.after_send(outcome, self._clock.monotonic(), may_wait=may_wait)
        self._doubt.note(self._attempt, self._failure)
        if outcome is SendResult.LIMITED and action is Action.CHECK:
            self._refusal = self._refusal or self._failure
        if action is not Action.ADOPT:
            await self._operation.after_send(self._attempt)
        return action

    async def _store(self) -> None:
        try:
            await self._operation.before_send(self._attempt)
        except JournalError as error:
            if self._attempt.doubt_since is None:
                raise
            raise OutcomeUnknown from error

    async def _result_of_send(self) -> SendResult:
        try:
            self._found = await self._operation.send()
        except ConfigurationError as error:
            if self._attempt.doubt_since is None:
                raise
            raise OutcomeUnknown from error
        except DollrError as error:
            self._failed(error)
            outcome = result_of(error)
            if outcome in DOUBTFUL:
                self._log_lost_answer(error)
            elif outcome in REFUSALS:
                self._refusal = error
            if outcome is SendResult.UNREACHABLE:
                self._unreachable = error
            return outcome
        return SendResult.LANDED

    def _log_lost_answer(self, error: DollrError) -> None:
        reference_id = self._operation.reference_id
        words = "payment %s: no usable answer to its execution, so its status is checked before it is sent again (%s)"
        logger.info(words, reference_id, error, extra={"reference_id": reference_id})

    def _pause_before_resend(self) -> float:
        asked = self._asked_to_wait
        return self._retry.delay(self._attempt.sends) if asked is None else asked

    async def _check(self) -> Action:
        if self._checks:
            await self._clock.sleep(self._pause_before_check())
        self._checks += 1
        outcome, at = await self._result_of_check()
        self._attempt, action = self._attempt.after_check(outcome, at)
        return action

    async def _result_of_check(self) -> tuple[CheckResult, float]:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout_at(self._deadline(began)), self._limit:
                began = self._clock.monotonic()
                self._found = await self._operation.check()
        except NotFoundError:
            self._asked_to_wait = None
            return CheckResult.NOT_FOUND, began
        except TimeoutError:
            return CheckResult.NOT_ANSWERED, self._clock.monotonic()
        except DollrError as error:
            return self._unanswered(error), self._clock.monotonic()  # what counts is that time has passed
        self._is_found_by_check = True
        return CheckResult.FOUND, began

    def _deadline(self, now: float) -> float:
        """Return until when a check may wait for its turn and its answer: recovery ends then, asked or not."""
        since = self._attempt.asking_since
        return max((now if since is None else since) + self._retry.recovery, now + _SHORTEST_CHECK)

    def _unanswered(self, error: DollrError) -> CheckResult:
        if isinstance(error, ConfigurationError):
            raise OutcomeUnknown from error  # the client was closed meanwhile: nothing can be checked any more
        if isinstance(error, DecodeError) and error.status is not None:
            raise error
        self._failed(error)
        return CheckResult.UNREACHABLE if is_unreachable(error) else CheckResult.NOT_ANSWERED

    async def _check_other_kinds(self) -> Action:
        try:
            async with self._limit:
                await self._operation.check_other_kinds()
        except (APIStatusError, TransportError, DecodeError, ConfigurationError) as error:
            outcome = self._unanswered(error)
            self._attempt, action = self._attempt.after_check(outcome, self._clock.monotonic())
            return action
        self._attempt, action = self._attempt.after_other_kinds(self._clock.monotonic())
        return action

    def _pause_before_check(self) -> float:
        attempt = self._attempt
        asked = min(self._asked_to_wait or 0.0, self._retry.max_retry_after)
        pause = max(self._retry.delay(self._checks), asked)
        left = attempt.believed_at - self._clock.monotonic()
        if attempt.refusal is None or attempt.doubt_since is not None:
            return pause
        if attempt.refusal is SendResult.REFUSED_BY_TEXT:
            pause = min(pause, TEXT_REFUSAL_PERIOD / TEXT_REFUSAL_CHECKS)
        return min(pause, left + _TICK) if left > 0 else pause

    def _failed(self, error: DollrError) -> None:
        self._failure = error
        self._asked_to_wait = error.retry_after if isinstance(error, APIStatusError) else None
