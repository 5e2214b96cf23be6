"""What the API says of a payment whose outcome is handed out: its final execution, by one status check."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from dollr_async.base.enums import ExecutionKind, ExecutionStatus, OutcomeStatus
from dollr_async.base.errors import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DollrError,
    PermissionDeniedError,
    ReferenceUsedError,
)
from dollr_async.flows.outcome import Outcome
from dollr_async.journal.outcome_protocol import shown_outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.progress import Progress
    from dollr_async.flows.outcome import Mark
    from dollr_async.following.status_checks import StatusCheck
    from dollr_async.journal.outcome_protocol import EndedPayment
    from dollr_async.resources.executions import Execution

    CheckIsOurs = Callable[[Execution, Progress], Awaitable[None]]

logger = logging.getLogger("dollr_async.journal")

_RETRY = 2.0
"""Seconds until an outcome whose execution could not be read is tried again."""

_CONTESTED_RETRY = 3600.0
"""Seconds until an outcome that may be another run's is tried again: a person has to decide."""


class Checks(Protocol):
    """What is needed of the client's pollers."""

    async def check(self, reference_id: UUID, kind: ExecutionKind, *, age: float) -> StatusCheck:
        """Check the status of a payment once."""
        ...


class Deferred(Exception):  # noqa: N818 - it is no error: the outcome is handed out later
    """An outcome cannot be handed out now, but after `seconds`."""

    def __init__(self, seconds: float) -> None:
        """Keep the seconds."""
        super().__init__(seconds)
        self.seconds = seconds


class OutcomeReader:
    """Reads executions for the outcomes of one worker."""

    def __init__(
        self, checks: Checks, check_is_ours: CheckIsOurs, *, clock: Clock, recovery: float, grace: float
    ) -> None:
        """Read by `checks`; `recovery` is the seconds for which an unreadable execution is tried again.

        `check_is_ours` raises a `ReferenceUsedError` for an execution that paid another document, which may lag by
        `grace` seconds.
        """
        self._checks, self._check_is_ours = checks, check_is_ours
        self._clock, self._recovery, self._grace = clock, recovery, grace
        self._unreadable_since: dict[UUID, float] = {}
        self._warned: set[UUID] = set()

    @property
    def is_retrying(self) -> bool:
        """Whether an execution could not be read, and is tried again soon."""
        longest, now = self._recovery + 2 * _RETRY, self._clock.monotonic()
        return any(now - since < longest for since in self._unreadable_since.values())

    async def read(self, ended: EndedPayment, execution: Execution | None, mark: Mark) -> Outcome:
        """Return the outcome of a payment, with its execution; `execution` is one that was seen just now.

        Raises:
            Deferred: it cannot be handed out now.
            AuthenticationError: the credentials are refused.
        """
        entry = ended.entry
        status = OutcomeStatus(shown_outcome(entry.outcome or ""))
        if ended.reason is not None:
            execution = await self._if_same(ended)
        elif status != OutcomeStatus.NOT_RUN:
            execution = execution or await self._read(ended)
        if execution is not None and str(execution.status) != str(status):
            # What the API says now counts: it alone can say that a payment FAILED.
            words = (entry.reference_id, status, execution.status)
            about = {"reference_id": entry.reference_id}
            logger.warning("payment %s was %s, and the API says %s now", *words, extra=about)
            status = OutcomeStatus(execution.status)
        return Outcome(
            reference_id=entry.reference_id,
            kind=ExecutionKind(entry.kind),
            status=status,
            execution=None if status == OutcomeStatus.NOT_RUN else execution,
            began_at=entry.began_at,
            ended_at=ended.ended_at,
            progress=entry.progress,
            reason=ended.reason,
            mark=mark,
        )

    async def _if_same(self, ended: EndedPayment) -> Execution | None:
        """Return the execution of a payment that a person has closed, if the API agrees with that person."""
        entry = ended.entry
        try:
            check = await self._checks.check(entry.reference_id, ExecutionKind(entry.kind), age=0.0)
        except (AuthenticationError, ConfigurationError):
            raise
        except DollrError:
            return None
        is_same = check.execution is not None and check.execution.status == entry.outcome
        return check.execution if is_same else None

    async def _read(self, ended: EndedPayment) -> Execution | None:
        reference_id, kind = ended.entry.reference_id, ExecutionKind(ended.entry.kind)
        execution: Execution | None = None
        try:
            check = await self._checks.check(reference_id, kind, age=0.0)
            execution = check.execution if check.is_final else None
        except (AuthenticationError, ConfigurationError):
            raise
        except (DecodeError, PermissionDeniedError):
            pass
        except DollrError:
            raise Deferred(_RETRY) from None  # the API cannot be asked, which says nothing about the payment
        if execution is None:
            since = self._unreadable_since.setdefault(reference_id, self._clock.monotonic())
            if self._clock.monotonic() - since < self._recovery:
                raise Deferred(_RETRY)
        self._unreadable_since.pop(reference_id, None)
        if execution is not None and execution.status == ExecutionStatus.COMPLETED and ended.entry.is_contested:
            await self._must_be_ours(ended, execution)
        return execution

    async def _must_be_ours(self, ended: EndedPayment, execution: Execution) -> None:
        """Hand nothing out as COMPLETED that may have paid another run's document (docs/design.md, rule 2)."""
        entry = ended.entry
        try:
            await self._check_is_ours(execution, entry.progress)
        except ReferenceUsedError as used:
            if (self._clock.now() - ended.ended_at).total_seconds() < self._grace:
                raise Deferred(_RETRY) from None  # the document may lag
            if entry.reference_id not in self._warned:
                self._warned.add(entry.reference_id)
                logger.warning(
                    "%s. Its outcome is not handed out: decide with dollr.close_payment('%s', as_=..., reason=...)",
                    used,
                    entry.reference_id,
                    extra={"reference_id": entry.reference_id},
                )
            raise Deferred(_CONTESTED_RETRY) from None
        except DollrError:
            raise Deferred(_RETRY) from None
