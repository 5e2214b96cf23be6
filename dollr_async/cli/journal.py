"""`dollr journal`: copy a journal to another place, close a payment by hand, and delete what was handled long ago."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import msgspec
from cyclopts import App, Parameter

from dollr_async.base import fields
from dollr_async.base.errors import ConfigurationError, DollrError, InvalidInputError, JournalError
from dollr_async.journal.maintenance import close_payment, copy_journal, open_journal, purge_journal, shown_url
from dollr_async.journal.outcome_protocol import verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.journal import PostgresJournal, SQLiteJournal

journal = App(
    name="journal",
    help="Work on a journal: a path, sqlite:///absolute/path or postgresql://user@host/database.",
)

_Flag = Annotated[bool, Parameter(negative="", show_default=False)]
_FAILED, _NOTHING_TRIED = 1, 2


@journal.command
async def copy(source: str, target: str, *, json: _Flag = False) -> int:
    """Copy every payment to another journal. The source takes no more changes from then on.

    Stop the programs that use the source first: while a live run works on a payment, nothing is copied. When the copy
    is cut short, run it again.

    Args:
        source: The journal that is given up.
        target: The journal that takes its place.
        json: Print one JSON object per line.
    """
    async with _errors(json=json) as result:
        async with _opened(source) as old, _opened(target) as new:
            place = shown_url(target)
            count = await copy_journal(old, new, place=place)
        result.say(f"Copied {count} payments to {place}. {shown_url(source)} takes no more changes.", copied=count)
    return result.code


@journal.command
async def close(
    reference: str,
    *,
    as_: Annotated[str, Parameter(name="--as")],
    reason: str,
    at: Annotated[str | None, Parameter(name="--journal")] = None,
    json: _Flag = False,
) -> int:
    """Decide how a payment ended that stays open for ever. Its outcome is handed out once, with your reason.

    Do this only with proof from outside, such as a statement of the operator.

    Args:
        reference: The payment's reference.
        as_: How it ended: COMPLETED, FAILED or NOT_RUN.
        reason: Why you know. It is kept in the journal.
        at: The journal; by default the environment variable DOLLR_JOURNAL.
        json: Print one JSON object per line.
    """
    async with _errors(json=json) as result:
        fields.reference(reference)
        verdict(as_.upper(), reason)
        async with _opened(at) as opened:
            await close_payment(opened, reference, as_=as_.upper(), reason=reason)
        result.say(f"Payment {reference} is closed as {as_.upper()}.", reference_id=reference, status=as_.upper())
    return result.code


@journal.command
async def purge(
    *,
    handled_before: str,
    at: Annotated[str | None, Parameter(name="--journal")] = None,
    json: _Flag = False,
) -> int:
    """Delete the payments whose outcomes were handled before a date. What is open or not handled is never deleted.

    Args:
        handled_before: A date such as 2026-01-31, or a time such as 2026-01-31T18:00+00:00. Without a timezone it is
            UTC.
        at: The journal; by default the environment variable DOLLR_JOURNAL.
        json: Print one JSON object per line.
    """
    async with _errors(json=json) as result:
        before = _time(handled_before)
        async with _opened(at) as opened:
            count = await purge_journal(opened, handled_before=before)
        result.say(f"Deleted {count} handled payments.", deleted=count)
    return result.code


class _CannotOpenError(JournalError):
    """A journal cannot be read at all, so nothing was tried."""


class _Result:
    """What a command prints at its end, and its exit code."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self.code = 0

    def say(self, words: str, **facts: object) -> None:
        sys.stdout.write(f"{msgspec.json.encode(facts).decode() if self._json else words}\n")

    def fail(self, error: DollrError) -> None:
        is_untried = isinstance(error, InvalidInputError | ConfigurationError | _CannotOpenError)
        self.code = _NOTHING_TRIED if is_untried else _FAILED
        if self._json:
            self.say(
                "",
                error="JournalError" if isinstance(error, JournalError) else type(error).__name__,
                message=str(error),
            )
        else:
            sys.stderr.write(f"{error}\n")


@asynccontextmanager
async def _errors(*, json: bool) -> AsyncIterator[_Result]:
    result = _Result(json=json)
    try:
        yield result
    except DollrError as error:
        result.fail(error)


@asynccontextmanager
async def _opened(url: str | None) -> AsyncIterator[SQLiteJournal | PostgresJournal]:
    url = url or os.environ.get("DOLLR_JOURNAL")
    if not url:
        sentence = "no journal is named: pass --journal URL, or set the environment variable DOLLR_JOURNAL"
        raise InvalidInputError(sentence)
    async with open_journal(url) as opened:
        try:
            await opened.read(uuid4())
        except JournalError as error:
            raise _CannotOpenError(str(error)) from error
        yield opened


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        sentence = f"{text!r} is no date: write it as in 2026-01-31 or 2026-01-31T18:00+00:00"
        raise InvalidInputError(sentence) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
