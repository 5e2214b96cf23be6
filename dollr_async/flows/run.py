"""One run of a payment, as its steps and its recovery speak to whatever keeps a record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.flows.attempt import Action, Attempt

if TYPE_CHECKING:
    from datetime import datetime

    from dollr_async.base.enums import ExecutionStatus
    from dollr_async.base.progress import Progress


class Run:
    """A run that nobody keeps a record of; with a journal there is `journaling.JournaledRun` in its place.

    `is_resumed` says that an earlier run may have taken steps already, `is_executed` that it began an execution, so
    that its fate comes before anything else.
    """

    is_resumed = False

    @property
    def is_executed(self) -> bool:
        """Whether an earlier run began an execution that may have moved money."""
        return False

    @property
    def status(self) -> str | None:
        """The payment's status when it was last seen, by an earlier run or by whoever followed it."""
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
        """Keep that a step is done."""

    def resume(self, attempt: Attempt, now: float) -> tuple[Attempt, Action]:
        """Return what is known of the execution, and what to do first; `now` is on the attempt's clock."""
        del now
        return attempt, Action.SEND

    async def refuse_second_on_source(self, progress: Progress) -> None:
        """Refuse to pay for a document that another payment, still open, is being made for.

        Raises:
            DollrError: one is; its message says which.
        """

    async def before_send(
        self, progress: Progress, attempt: Attempt, *, session_expires_at: datetime | None, payer_currency: str | None
    ) -> None:
        """Keep, before the first byte leaves, that an execution is about to be sent (docs/design.md, rule 1)."""

    async def after_send(self, attempt: Attempt) -> None:
        """Keep what a send has told."""

    async def landed(self, status: ExecutionStatus) -> None:
        """Keep that the API has accepted the execution."""

    async def refused(self) -> None:
        """Keep that the execution surely did not run."""

    async def must_be_ours(self) -> None:
        """Make sure, before this run says how the payment ended, that no other has taken it over."""
