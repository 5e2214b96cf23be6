"""What `watch --journal` and `reconcile` do with a journal's open payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async.base.errors import AlreadyHandledError
from dollr_async.cli.views import PaymentState, state_of

if TYPE_CHECKING:
    from dollr_async.cli.views import Followed
    from dollr_async.client import DollrClient
    from dollr_async.flows.outcome import Outcome


async def work_on(dollr: DollrClient, followed: Followed, *, once: bool, is_handler: bool) -> None:
    """Follow the open payments of the client's journal to their ends, for ever or once, and show each end.

    With `is_handler` each outcome that nobody has handled is handed out, shown, and then marked as handled. So it is
    shown at least once, and no other worker gets it afterwards.

    Raises:
        JournalError: the journal could not be read at the start.
        AuthenticationError: the credentials are refused.
    """
    if not is_handler:
        await dollr.settle_unfinished(followed.news, once=once)
        return
    async for outcome in dollr.outcomes(idle=0 if once else None):
        followed.show(_state_of_outcome(outcome))
        try:
            await outcome.handled()
        except AlreadyHandledError:
            continue  # a worker whose lease had run out was still quicker


def _state_of_outcome(outcome: Outcome) -> PaymentState:
    at = outcome.ended_at.isoformat()
    if outcome.execution is None:
        return PaymentState(
            reference_id=str(outcome.reference_id),
            status=str(outcome.status),
            is_final=True,
            note=outcome.reason,
            at=at,
        )
    return attrs.evolve(state_of(outcome.reference_id, outcome.execution, status=outcome.status), at=at)
