"""`dollr watch`: follow payments to their ends, or, with a journal alone, work on it until SIGTERM."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import InvalidInputError, RateLimitError, ServerError, TransportError
from dollr_async.base.health import health_file as kept_health_file
from dollr_async.cli.exit_codes import DONE, NOT_KNOWN
from dollr_async.cli.journal_work import work_on
from dollr_async.cli.opening import journal_url, opened_client
from dollr_async.cli.options import Flag, JournalOption
from dollr_async.cli.output import reporting
from dollr_async.cli.signals import was_stopped
from dollr_async.cli.views import followed_payments

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.cli.output import Output
    from dollr_async.cli.views import Followed
    from dollr_async.client import DollrClient


async def watch(
    *references: str,
    kind: str = "collection",
    timeout: float | None = None,  # noqa: ASYNC109 - the option's name
    journal: JournalOption = None,
    mark_handled: Flag = False,
    health_file: str | None = None,
    json: Flag = False,
) -> int:
    """Follow payments until they end, or follow the payments of a journal until SIGTERM.

    With references it ends when each payment has ended. The exit code is 0 for COMPLETED, 1 for FAILED and for an
    unknown reference, 2 when nothing was tried, and 3 when an outcome is not known yet. Of several payments the
    greatest code counts.

    With a journal and no reference it is a worker: it follows every open payment of the journal, also those that begin
    later, and writes each outcome into the journal. SIGTERM or Ctrl-C ends it with 0.

    Args:
        references: The references of the payments.
        kind: Their kind: collection, payout, transfer or refund.
        timeout: The most seconds to follow a payment; by default 600.
        journal: The journal; by default the environment variable DOLLR_JOURNAL.
        mark_handled: Mark each outcome as handled once its line is written. Use it only if no program of yours handles
            outcomes.
        health_file: A file that is touched every two seconds while it works, and removed when it ends.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        wanted = list(dict.fromkeys(fields.reference(one) for one in references))
        direction = fields.enum_member(ExecutionKind, kind)
        place = journal_url(journal)
        if not wanted and place is None:
            message = (
                "nothing to watch: name payments, as in dollr watch REF, or a journal, as in dollr watch --journal "
                "payments.db"
            )
            raise InvalidInputError(message)
        if wanted and mark_handled:
            message = "--mark-handled is for the payments of a journal: leave the references out"
            raise InvalidInputError(message)
        async with opened_client(journal=place, timeout=timeout) as dollr, kept_health_file(health_file):
            if wanted:
                await _follow(dollr, wanted, direction, output)
            else:
                await _work(dollr, output, is_handler=mark_handled)
    return output.code


async def _follow(dollr: DollrClient, references: list[UUID], kind: ExecutionKind, output: Output) -> None:
    if await was_stopped(_until_each_ended(dollr, references, kind, output)):
        output.count(NOT_KNOWN)
        message = "Stopped. The payments themselves were not stopped, and may still complete"
        output.warn(message, error="Stopped", message=message)


async def _until_each_ended(dollr: DollrClient, references: list[UUID], kind: ExecutionKind, output: Output) -> None:
    await dollr.ready()  # shows a wrong address or wrong credentials at once, and not after the timeout
    with followed_payments(output) as followed:
        for reference in references:
            followed.expect(reference)
        async for news in dollr.watch_many(references, kind):
            followed.news(news)


async def _work(dollr: DollrClient, output: Output, *, is_handler: bool) -> None:
    async def work(followed: Followed) -> None:
        # Refused credentials end the worker at once. An API that is down now is waited for.
        with suppress(TransportError, ServerError, RateLimitError):
            await dollr.ready()
        await work_on(dollr, followed, once=False, is_handler=is_handler)

    with followed_payments(output) as followed:
        await was_stopped(work(followed))
    # A worker that was asked to stop has done its work, so the exit code is 0. What became of each payment was printed.
    output.code = DONE
