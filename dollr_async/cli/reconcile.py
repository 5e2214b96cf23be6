"""`dollr reconcile`: one pass over a journal's open payments, for cron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base.errors import InvalidInputError
from dollr_async.cli.exit_codes import NOT_BEGUN
from dollr_async.cli.journal_work import work_on
from dollr_async.cli.opening import journal_url, opened_client
from dollr_async.cli.options import Flag, JournalOption
from dollr_async.cli.output import reporting
from dollr_async.cli.views import PaymentState, followed_payments

if TYPE_CHECKING:
    from dollr_async.cli.views import Followed
    from dollr_async.client import DollrClient
    from dollr_async.flows.handles import UnfinishedPayment


async def reconcile(*, journal: JournalOption = None, mark_handled: Flag = False, json: Flag = False) -> int:
    """Check each open payment of a journal once, and write what has ended into the journal: for cron.

    It prints each payment that has ended and each that is still open. The exit code is 0 when none is open and none has
    failed, 1 when one has FAILED, 2 when nothing was tried, and 3 when one is still open. A payment whose execution was
    never begun is shown as NOT_BEGUN and changes no exit code: no money moved.

    Args:
        journal: The journal; by default the environment variable DOLLR_JOURNAL.
        mark_handled: Mark each outcome as handled once its line is written. Use it only if no program of yours handles
            outcomes.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        place = journal_url(journal)
        if place is None:
            message = "no journal is named: pass --journal URL, or set the environment variable DOLLR_JOURNAL"
            raise InvalidInputError(message)
        async with opened_client(journal=place) as dollr:
            with followed_payments(output) as followed:
                await work_on(dollr, followed, once=True, is_handler=mark_handled)
                await _show_open(dollr, followed)
    return output.code


async def _show_open(dollr: DollrClient, followed: Followed) -> None:
    async for payment in dollr.unfinished():
        followed.show(_state_of(payment))


def _state_of(payment: UnfinishedPayment) -> PaymentState:
    status = (payment.status or "UNKNOWN") if payment.executed else NOT_BEGUN
    return PaymentState(reference_id=str(payment.reference_id), status=status, at=payment.began_at.isoformat())
