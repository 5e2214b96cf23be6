"""What to do when the answer to an execution is lost: ask first, never send blind (docs/design.md, rules 1, 2 and 8).

`execute` walks the state machine of `attempt.py` and does what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dollr_async.base.errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DollrError,
    JournalError,
    NotFoundError,
    RateLimitError,
)
from dollr_async.flows.attempt import Action, Attempt, CheckResult, SendResult
from dollr_async.wire.retry import RetryPolicy, is_ambiguous

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock
    from dollr_async.resources.executions import Execution


class Operation(Protocol):
    """The three things that recovery does with the API, for one execution of any kind."""

    @property
    def session_expires_at(self) -> float:
        """When the present session ends, on the clock's seconds."""
        ...

    async def send(self) -> Execution:
        """Send the execution once, always with the same reference and body."""
        ...

    async def before_send(self, attempt: Attempt) -> None:
        """Make durable that a send is about to begin."""
        ...

    async def after_send(self, attempt: Attempt) -> None:
        """Keep what a send has told."""
        ...

    async def look(self) -> Execution:
        """Ask once for the status of the reference."""
        ...

    async def renew(self) -> None:
        """Replace the session."""
        ...


class NotRun(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """The execution surely did not run; `__cause__` is what refused it."""

    def __init__(self, *, is_renewed: bool, is_confirmed: bool) -> None:
        """Keep whether this was a second session under the same reference, and whether a look has confirmed it."""
        super().__init__("not run")
        self.is_renewed = is_renewed
        self.is_confirmed = is_confirmed


class OutcomeUnknown(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """The execution may have run; `__cause__` is the last refusal or failure."""


async def execute(
    operation: Operation, attempt: Attempt, first: Action, *, retry: RetryPolicy, clock: Clock
) -> Execution:
    """Send an execution, or look for the one that was sent, and return it once it has surely landed.

    Raises:
        NotRun: it surely did not run.
        OutcomeUnknown: `retry.recovery` seconds were not enough to learn its fate.
        JournalError: it could not be made durable, so nothing was sent.
        DecodeError: it landed, but what the API says of it does not have the documented shape.
    """
    return await _Recovery(operation, attempt, retry, clock).to_the_end(first)


class _Recovery:
    def __init__(self, operation: Operation, attempt: Attempt, retry: RetryPolicy, clock: Clock) -> None:
        self._operation = operation
        self._attempt = attempt
        self._retry = retry
        self._clock = clock
        self._looks = 0
        self._found: Execution | None = None
        self._refusal: DollrError | None = None
        self._failure: DollrError | None = None
        self._asked_to_wait: float | None = None

    async def to_the_end(self, act: Action) -> Execution:
        while True:
            if act is Action.SEND:
                act = await self._send()
            elif act is Action.CHECK:
                act = await self._look()
            elif act is Action.RENEW:
                await self._renew()
                act = Action.SEND
            elif act is Action.ADOPT and self._found is not None:
                return self._found
            elif act is Action.STOP:
                is_confirmed = self._attempt.is_refused
                raise NotRun(is_renewed=self._attempt.is_renewed, is_confirmed=is_confirmed) from (
                    self._refusal or self._failure
                )
            else:
                raise OutcomeUnknown from (self._refusal or self._failure)

    async def _renew(self) -> None:
        await self._operation.renew()
        self._attempt = self._attempt.renewed(self._operation.session_expires_at)

    async def _send(self) -> Action:
        attempt = self._attempt
        if attempt.session_sends and attempt.doubt_since is None:
            pause = self._pause_before_resend()
            if pause is None:
                return Action.STOP
            await self._clock.sleep(pause)
        if attempt.must_renew_first and self._clock.monotonic() >= attempt.session_expires_at:
            await self._renew()
        await self._make_durable()
        outcome = await self._outcome_of_send()
        if outcome in (SendResult.AMBIGUOUS, SendResult.REFUSED):
            self._looks = 0
        self._attempt, act = self._attempt.after_send(outcome, self._clock.monotonic())
        if act is not Action.ADOPT:
            await self._operation.after_send(self._attempt)
        return act

    async def _make_durable(self) -> None:
        try:
            await self._operation.before_send(self._attempt)
        except JournalError as error:
            if self._attempt.doubt_since is None:
                raise
            raise OutcomeUnknown from error

    async def _outcome_of_send(self) -> SendResult:
        try:
            self._found = await self._operation.send()
        except ConfigurationError as error:
            if self._attempt.doubt_since is None:
                raise
            raise OutcomeUnknown from error
        except DollrError as error:
            self._failed(error)
            outcome = sent(error)
            if outcome is SendResult.REFUSED:
                self._refusal = error
            return outcome
        return SendResult.LANDED

    def _pause_before_resend(self) -> float | None:
        asked = self._asked_to_wait
        if asked is None:
            return self._retry.delay(self._attempt.sends)
        return asked if asked <= self._retry.max_retry_after else None

    async def _look(self) -> Action:
        if self._looks:
            await self._clock.sleep(self._pause_before_look())
        self._looks += 1
        began = self._clock.monotonic()
        try:
            self._found = await self._operation.look()
            outcome = CheckResult.FOUND
        except NotFoundError:
            outcome = CheckResult.NOT_FOUND
            self._asked_to_wait = None
        except ConfigurationError as error:
            # The client was closed meanwhile: nobody can be asked any more.
            raise OutcomeUnknown from error
        except DollrError as error:
            if isinstance(error, DecodeError) and error.status is not None:
                raise
            outcome = CheckResult.NOT_ASKED
            self._failed(error)
            began = self._clock.monotonic()  # what counts is that time has passed, not what the API knew by then
        self._attempt, act = self._attempt.after_check(outcome, began)
        return act

    def _pause_before_look(self) -> float:
        asked = min(self._asked_to_wait or 0.0, self._retry.max_retry_after)
        return max(self._retry.delay(self._looks), asked)

    def _failed(self, error: DollrError) -> None:
        self._failure = error
        self._asked_to_wait = error.retry_after if isinstance(error, APIStatusError) else None


def sent(error: DollrError) -> SendResult:
    """Return how a send ended that raised `error`; one that landed in an unreadable shape is raised again."""
    without_token = error.nothing_sent and isinstance(error, APIStatusError | DecodeError)
    if isinstance(error, AuthenticationError) or without_token:
        return SendResult.NO_TOKEN
    if isinstance(error, RateLimitError):
        return SendResult.LIMITED
    if error.nothing_sent:
        return SendResult.NOT_ARRIVED
    if isinstance(error, DecodeError):
        if error.status is not None:
            raise error
        return SendResult.AMBIGUOUS
    if is_ambiguous(error):
        return SendResult.AMBIGUOUS
    if isinstance(error, APIStatusError):
        return SendResult.REFUSED
    raise error
