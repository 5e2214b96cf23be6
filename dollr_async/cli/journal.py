"""`dollr journal`: copy a journal to another place, close a payment by hand, and delete what was handled long ago."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from dollr_async.base import fields
from dollr_async.base.errors import InvalidInputError
from dollr_async.cli.opening import opened_journal
from dollr_async.cli.options import Flag, JournalOption
from dollr_async.cli.output import reporting
from dollr_async.journal.maintenance import close_payment, copy_journal, purge_journal, shown_url
from dollr_async.journal.outcome_protocol import verdict

journal = App(
    name="journal",
    help="Work on a journal: a path, sqlite:///absolute/path or postgresql://user@host/database.",
)


@journal.command
async def copy(source: str, target: str, *, json: Flag = False) -> int:
    """Copy every payment to another journal. From then on the source refuses every change.

    First stop the programs that use the source: while a live run works on a payment, nothing is copied. If the copy is
    interrupted, run it again.

    Args:
        source: The old journal.
        target: The new journal.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        async with opened_journal(source) as old, opened_journal(target) as new:
            place = shown_url(target)
            count = await copy_journal(old, new, place=place)
        output.say(f"Copied {count} payments to {place}. {shown_url(source)} now refuses every change.", copied=count)
    return output.code


@journal.command
async def close(
    reference: str,
    *,
    as_: Annotated[str, Parameter(name="--as")],
    reason: str,
    at: JournalOption = None,
    json: Flag = False,
) -> int:
    """Close a payment that stays open: decide by hand how it ended. Its outcome is handed out once, with your reason.

    Do this only with proof from outside, such as a statement of the operator.

    Args:
        reference: The payment's reference.
        as_: How it ended: COMPLETED, FAILED or NOT_RUN.
        reason: How you know it. The journal keeps this text.
        at: The journal; by default the environment variable DOLLR_JOURNAL.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        fields.reference(reference)
        verdict(as_.upper(), reason)
        async with opened_journal(at) as opened:
            await close_payment(opened, reference, as_=as_.upper(), reason=reason)
        output.say(f"Payment {reference} is closed as {as_.upper()}.", reference_id=reference, status=as_.upper())
    return output.code


@journal.command
async def purge(
    *,
    handled_before: str,
    at: JournalOption = None,
    json: Flag = False,
) -> int:
    """Delete the payments whose outcomes were handled before a date. What is open or not handled is never deleted.

    Args:
        handled_before: A date such as 2026-01-31, or a time such as 2026-01-31T18:00+00:00. Without a timezone it is
            UTC.
        at: The journal; by default the environment variable DOLLR_JOURNAL.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        before = _time(handled_before)
        async with opened_journal(at) as opened:
            count = await purge_journal(opened, handled_before=before)
        output.say(f"Deleted {count} handled payments.", deleted=count)
    return output.code


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        sentence = f"{text!r} is not a date: write it as in 2026-01-31 or 2026-01-31T18:00+00:00"
        raise InvalidInputError(sentence) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
