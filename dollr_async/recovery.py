"""What to do when the answer to an execution is lost: ask first, never send blind (docs/design.md, rules 1, 2 and 8).

`Attempt` is the state machine: pure, without a clock or a connection of its own. `execute` walks it.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Protocol

import attrs

from dollr_async.errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DollrError,
    NotFoundError,
    RateLimitError,
)
from dollr_async.retry import RetryPolicy, is_ambiguous

if TYPE_CHECKING:
    from datetime import datetime

    from dollr_async.clock import Clock
    from dollr_async.resources.executions import Execution


class Sent(enum.Enum):
    """How a send ended."""

    LANDED = "landed"
    NOT_ARRIVED = "not arrived"
    NO_TOKEN = "no token"  # noqa: S105 - a word, not a secret
    LIMITED = "limited"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"


class Looked(enum.Enum):
    """What a look at the status said."""

    FOUND = "found"
    NOT_FOUND = "not found"
    NOT_ASKED = "not asked"


class Act(enum.Enum):
    """What to do next."""

    SEND = "send"
    LOOK = "look"
    RENEW = "renew the session, then send"
    ADOPT = "adopt"
    STOP = "stop: no money moved"
    GIVE_UP = "give up: the outcome is unknown"


@attrs.frozen(kw_only=True)
class Attempt:
    """What is known of one execution; times are seconds on one clock.

    `doubt_since` is when an answer was first lost, and it stays: no later refusal turns doubt into "not run".
    """

    attempts: int
    recovery: float
    grace: float
    session_expires_at: float = math.inf
    sends: int = 0
    session_sends: int = 0
    is_renewed: bool = False
    is_refused: bool = False
    asking_since: float | None = None
    doubt_since: float | None = None
    last_lost_at: float | None = None

    @property
    def must_renew_first(self) -> bool:
        """Whether no send was ever begun under the session, so that it may be replaced when it has expired (8a)."""
        return self.session_sends == 0

    def renewed(self, expires_at: float) -> Attempt:
        """Return the attempt under a new session."""
        return attrs.evolve(
            self,
            session_expires_at=expires_at,
            session_sends=0,
            is_renewed=True,
            is_refused=False,
            asking_since=None,
            doubt_since=None,
            last_lost_at=None,
        )

    def after_send(self, outcome: Sent, now: float) -> tuple[Attempt, Act]:
        """Return what is known, and what to do, after a send."""
        known = attrs.evolve(self, sends=self.sends + 1, session_sends=self.session_sends + 1, is_refused=False)
        if outcome is Sent.LANDED:
            return known, Act.ADOPT
        if outcome is Sent.AMBIGUOUS:
            return attrs.evolve(
                known,
                asking_since=now if self.asking_since is None else self.asking_since,
                doubt_since=now if self.doubt_since is None else self.doubt_since,
                last_lost_at=now,
            ), Act.LOOK
        if outcome is Sent.REFUSED:
            asking_since = now if self.asking_since is None else self.asking_since
            return attrs.evolve(known, is_refused=True, asking_since=asking_since), Act.LOOK
        if self.doubt_since is not None:
            return known, Act.LOOK
        if outcome is Sent.NO_TOKEN or known.sends >= self.attempts:
            return known, Act.STOP
        return known, Act.SEND

    def after_look(self, outcome: Looked, now: float) -> tuple[Attempt, Act]:
        """Return what is known, and what to do, after a look that began at `now`."""
        if outcome is Looked.FOUND:
            return self, Act.ADOPT
        if outcome is Looked.NOT_FOUND:
            return self, self._absent(now)
        return self, Act.GIVE_UP if self._is_spent(now) else Act.LOOK

    def _absent(self, now: float) -> Act:
        if self.doubt_since is None or self.last_lost_at is None:
            # The only send was refused, and it is not there: it was not run (8b, when the session had run out).
            ran_out = self.session_sends == 1 and now >= self.session_expires_at
            return Act.RENEW if ran_out and not self.is_renewed else Act.STOP
        if now >= self.session_expires_at + self.grace and not self.is_renewed:
            return Act.RENEW  # 8c: what was sent under a session that is over can no longer land
        if self._is_spent(now):
            return Act.GIVE_UP
        # A resend that was refused confirms nothing, since the first may have used the session up: only look.
        may_send = self.sends < self.attempts and not self.is_refused
        return Act.SEND if may_send and now - self.last_lost_at >= self.grace else Act.LOOK

    def _is_spent(self, now: float) -> bool:
        return self.asking_since is not None and now - self.asking_since >= self.recovery


class Operation(Protocol):
    """The three things that recovery does with the API, for one execution of any kind."""

    @property
    def session_expires_at(self) -> float:
        """When the present session ends, on the clock's seconds."""
        ...

    async def send(self) -> Execution:
        """Send the execution once, always with the same reference and body."""
        ...

    async def look(self) -> Execution:
        """Ask once for the status of the reference."""
        ...

    async def renew(self) -> None:
        """Replace the session."""
        ...


class NotRun(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """The execution surely did not run; `__cause__` is what refused it."""

    def __init__(self, *, is_renewed: bool) -> None:
        """Keep whether this was a second session under the same reference."""
        super().__init__("not run")
        self.is_renewed = is_renewed


class FateUnknown(Exception):  # noqa: N818 - an outcome for the flow above, never seen by users
    """The execution may have run; `__cause__` is the last refusal or failure."""


async def execute(operation: Operation, *, retry: RetryPolicy, grace: float, clock: Clock) -> Execution:
    """Send an execution and return it once it has surely landed.

    Raises:
        NotRun: it surely did not run.
        FateUnknown: `retry.recovery` seconds were not enough to learn its fate.
        DecodeError: it landed, but what the API says of it does not have the documented shape.
    """
    attempt = Attempt(
        attempts=retry.attempts,
        recovery=retry.recovery,
        grace=grace,
        session_expires_at=operation.session_expires_at,
    )
    walk = _Walk(operation, attempt, retry, clock)
    return await walk.to_the_end()


class _Walk:
    def __init__(self, operation: Operation, attempt: Attempt, retry: RetryPolicy, clock: Clock) -> None:
        self._operation = operation
        self._attempt = attempt
        self._retry = retry
        self._clock = clock
        self._looks = 0
        self._found: Execution | None = None
        self._refusal: DollrError | None = None
        self._failure: DollrError | None = None

    async def to_the_end(self) -> Execution:
        act = Act.SEND
        while True:
            if act is Act.SEND:
                act = await self._send()
            elif act is Act.LOOK:
                act = await self._look()
            elif act is Act.RENEW:
                await self._renew()
                act = Act.SEND
            elif act is Act.ADOPT and self._found is not None:
                return self._found
            elif act is Act.STOP:
                raise NotRun(is_renewed=self._attempt.is_renewed) from (self._refusal or self._failure)
            else:
                raise FateUnknown from (self._refusal or self._failure)

    async def _renew(self) -> None:
        await self._operation.renew()
        self._attempt = self._attempt.renewed(self._operation.session_expires_at)
        self._looks = 0

    async def _send(self) -> Act:
        attempt = self._attempt
        if attempt.session_sends and attempt.doubt_since is None:
            pause = self._pause_before_resend()
            if pause is None:
                return Act.STOP
            await self._clock.sleep(pause)
        if attempt.must_renew_first and self._clock.monotonic() >= attempt.session_expires_at:
            await self._renew()
        outcome = await self._outcome_of_send()
        if outcome in (Sent.AMBIGUOUS, Sent.REFUSED):
            self._looks = 0
        self._attempt, act = self._attempt.after_send(outcome, self._clock.monotonic())
        return act

    async def _outcome_of_send(self) -> Sent:
        try:
            self._found = await self._operation.send()
        except ConfigurationError as error:
            if self._attempt.doubt_since is None:
                raise
            raise FateUnknown from error
        except DollrError as error:
            self._failure = error
            outcome = sent(error)
            if outcome is Sent.REFUSED:
                self._refusal = error
            return outcome
        return Sent.LANDED

    def _pause_before_resend(self) -> float | None:
        asked = self._failure.retry_after if isinstance(self._failure, APIStatusError) else None
        if asked is None:
            return self._retry.delay(self._attempt.sends)
        return asked if asked <= self._retry.max_retry_after else None

    async def _look(self) -> Act:
        if self._looks:
            await self._clock.sleep(self._pause_before_look())
        self._looks += 1
        began = self._clock.monotonic()
        try:
            self._found = await self._operation.look()
            outcome = Looked.FOUND
        except NotFoundError:
            outcome = Looked.NOT_FOUND
        except ConfigurationError as error:
            # The client was closed meanwhile: nobody can be asked any more.
            raise FateUnknown from error
        except DollrError as error:
            if isinstance(error, DecodeError) and error.status is not None:
                raise
            outcome = Looked.NOT_ASKED
            self._failure = error
        self._attempt, act = self._attempt.after_look(outcome, began)
        return act

    def _pause_before_look(self) -> float:
        asked = self._failure.retry_after if isinstance(self._failure, RateLimitError) else None
        return max(self._retry.delay(self._looks), min(asked or 0.0, self._retry.max_retry_after))


def sent(error: DollrError) -> Sent:
    """Return how a send ended that raised `error`; one that landed in an unreadable shape is raised again."""
    without_token = error.nothing_sent and isinstance(error, APIStatusError | DecodeError)
    if isinstance(error, AuthenticationError) or without_token:
        return Sent.NO_TOKEN
    if isinstance(error, RateLimitError):
        return Sent.LIMITED
    if error.nothing_sent:
        return Sent.NOT_ARRIVED
    if isinstance(error, DecodeError):
        if error.status is not None:
            raise error
        return Sent.AMBIGUOUS
    if is_ambiguous(error):
        return Sent.AMBIGUOUS
    if isinstance(error, APIStatusError):
        return Sent.REFUSED
    raise error


def session_life(expires_at: datetime, created_at: datetime | None) -> float:
    """Return how long a session lives in seconds, by the API's own two times; without bound when they say nothing."""
    if created_at is None:
        return math.inf
    life = (expires_at - created_at).total_seconds()
    return life if life > 0 else math.inf
