"""One payment's outcome, as `outcomes()` hands it to the program that handles it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import attrs

from dollr_async.base.enums import ExecutionKind, OutcomeStatus
from dollr_async.base.progress import Progress
from dollr_async.base.record import JsonRecord
from dollr_async.resources.executions import Execution

Mark = Callable[[object], Awaitable[None]]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Outcome(JsonRecord):
    """How one payment ended. It is handed out until `handled()` has marked it.

    Attributes:
        reference_id: the payment's key.
        kind: the direction of the money.
        status: COMPLETED or FAILED, or NOT_RUN when the execution surely did not run.
        execution: the final execution, read from the API just now. None when the payment did not run, when a person
            closed it, or when the API gave no readable answer for the client's `recovery` seconds.
        began_at: when the payment began (timezone-aware, UTC).
        ended_at: when the outcome was written to the journal (timezone-aware, UTC).
        progress: every id that was made for the payment.
        reason: the reason that a person gave to `close_payment`; None when nobody closed the payment.
    """

    reference_id: UUID
    kind: ExecutionKind
    status: OutcomeStatus
    execution: Execution | None
    began_at: datetime
    ended_at: datetime
    progress: Progress
    reason: str | None = None
    _mark: Mark = attrs.field(alias="mark", repr=False)

    def __eq__(self, other: object) -> bool:
        """Whether both are the same end of the same payment."""
        if not isinstance(other, Outcome):
            return NotImplemented
        return (self.reference_id, self.ended_at) == (other.reference_id, other.ended_at)

    def __hash__(self) -> int:
        """Hash what names this end of the payment."""
        return hash((self.reference_id, self.ended_at))

    async def handled(self, connection: object = None) -> None:
        """Mark the outcome as handled, so that it is never handed out again.

        Args:
            connection: a connection to the journal's own database, in an open transaction of yours. Then your changes
                and the mark commit or roll back together. Without one the mark is made at once.

        Raises:
            AlreadyHandledError: another worker has marked it, or the payment was tried again: roll your changes back.
            InvalidInputError: the journal cannot mark in a transaction of this connection.
            JournalError: the mark could not be written; the outcome is handed out again.
        """
        await self._mark(connection)
