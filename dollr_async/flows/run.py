"""One run of a payment: what its steps and its recovery record, and what they know from earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.flows.attempt import Action, Attempt

if TYPE_CHECKING:
    from datetime import datetime

    from dollr_async.base.enums import ExecutionStatus
    from dollr_async.base.progress import Progress


class Run:
    """A run without a record; with a journal, `JournaledRun` replaces it.

    `is_resumed` says that an earlier run may have done steps already, `is_executed` that it began an execution, whose
    outcome must be known before anything else is done.
    """

    is_resumed = False

    @property
    def is_executed(self) -> bool:
        """Whether an earlier run began an execution that may have moved money."""
        return False

    @property
    def status(self) -> str | None:
        """The payment's status when it was last seen, by an earlier run or by any watch."""
        return None

    @property
    def session_expires_at(self) -> datetime | None:
        """When the session of that execution ends, where that is known."""
        return None

    @property
    def payer_currency(self) -> str | None:
        """The currency of that execution."""
        return None

    async def acknowledged(self, step: str, progress: Progress) -> None:
        """Record that the API has acknowledged a step."""

    def resume(self, attempt: Attempt, now: float) -> tuple[Attempt, Action]:
        """Return what is known of the execution, and what to do first. `now` is on the attempt's clock."""
        del now
        return attempt, Action.SEND

    async def refuse_second_on_source(self, progress: Progress) -> None:
        """Refuse a document that another open payment is for.

        Raises:
            DollrError: there is one; the message says which.
        """

    async def before_send(
        self, progress: Progress, attempt: Attempt, *, session_expires_at: datetime | None, payer_currency: str | None
    ) -> None:
        """Store durably that an execution is about to be sent, before its first byte (docs/design.md, rule 1)."""

    async def after_send(self, attempt: Attempt) -> None:
        """Record how a send ended."""

    async def landed(self, status: ExecutionStatus) -> None:
        """Record that the API has accepted the execution."""

    async def refused(self) -> None:
        """Record that the execution surely did not run."""

    async def must_be_ours(self) -> None:
        """Check that no other run has taken the payment over, before this one says how it ended."""
