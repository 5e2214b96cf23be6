"""Work on a whole journal, for those who run it: open it by a URL, copy it to another place, delete what is old."""

from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from dollr_async.base import fields
from dollr_async.base.errors import InvalidInputError
from dollr_async.journal.moving import MovableJournal
from dollr_async.journal.outcome_protocol import OutcomeJournal, check_verdict, verdict
from dollr_async.journal.sqlite.journal import SQLiteJournal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from dollr_async.journal.postgres.journal import PostgresJournal

_PAGE = 250
"""Payments that are copied or deleted at a time."""

_FORMS = "a path, sqlite:///absolute/path or postgresql://user@host/database"


def open_journal(url: str, *, lease: float = 15.0) -> SQLiteJournal | PostgresJournal:
    """Return the journal at a URL; close it when you are done.

    Args:
        url: a path, `sqlite:///absolute/path`, or `postgresql://user@host/database` (`postgresql:///database` for the
            server of this host). With `?schema=payments` at its end the journal's tables are in that schema of the
            database.
        lease: seconds without a renewal after which another run may take a payment over.

    Raises:
        InvalidInputError: the URL has another form.
        ConfigurationError: the extra for this kind of journal is not installed.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are no IPv6 address; the URL is not shown, since it may have a password
        raise InvalidInputError(f"the journal's URL cannot be read: write {_FORMS}") from None
    if parts.scheme in ("postgresql", "postgres"):
        from dollr_async.journal.postgres.journal import PostgresJournal  # noqa: PLC0415 - psycopg loads only when it is named

        # Not put together by geturl(), which writes postgresql:///database with one slash.
        place, _, query = url.partition("?")
        terms = parse_qs(query, keep_blank_values=True)
        (schema,) = terms.pop("schema", ["public"])[-1:]
        # PostgreSQL reads a space that is written as %20, and no plus.
        rest = urlencode(terms, doseq=True, quote_via=quote)
        return PostgresJournal(f"{place}?{rest}" if rest else place, lease=lease, schema=schema)
    if parts.scheme == "sqlite" and not parts.netloc and parts.path.startswith("/"):
        return SQLiteJournal(path_of(parts.path), lease=lease)
    if "://" in url or not url.strip():
        raise InvalidInputError(f"{shown_url(url)!r} is not the URL of a journal: write {_FORMS}")
    return SQLiteJournal(Path(url), lease=lease)


def path_of(url_path: str, platform: str = sys.platform) -> str:
    """Return the file that the path of a URL names; on Windows `/C:/payments.sqlite3` is on a drive."""
    path = unquote(url_path)
    return path[1:] if platform == "win32" and path[2:3] == ":" else path


def shown_url(url: str) -> str:
    """Return a URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@", 1)).geturl()


async def copy_journal(
    source: MovableJournal, target: MovableJournal, *, place: str, copied: Callable[[int], None] | None = None
) -> int:
    """Copy every payment to another journal, and return how many were copied. The source refuses changes from then on.

    If it is interrupted, call it again. It copies from the beginning, and replaces what was copied before.

    Args:
        source: the old journal.
        target: the new journal.
        place: how errors of the source name the target, such as its URL without the password.
        copied: called with the number of payments so far, after each part.

    Raises:
        InvalidInputError: one of the two cannot be copied.
        JournalError: a live run works on a payment of the source, or one of the two failed. Nothing is lost.
    """
    for journal in (source, target):
        if not isinstance(journal, MovableJournal):
            raise InvalidInputError(f"{journal!r} cannot be copied: give a SQLiteJournal or a PostgresJournal")
    await source.move_to(place)
    count, after = 0, None
    while page := await source.export_page(after, limit=_PAGE):
        await target.import_page(page)
        count, after = count + len(page), page[-1].entry.reference_id
        if copied is not None:
            copied(count)
    return count


async def close_payment(journal: OutcomeJournal, reference_id: UUID | str, *, as_: str, reason: str) -> None:
    """Close a payment that stays open for ever: decide by hand how it ended, as `DollrClient.close_payment` does.

    Raises:
        InvalidInputError: the reference, the outcome or the reason is not valid, or the journal hands no outcomes out.
        JournalError: the payment is unknown, has ended already, or a live run works on it. Nothing was changed.
    """
    if not isinstance(journal, OutcomeJournal):
        raise InvalidInputError(f"{journal!r} does not hand out outcomes, so no payment in it can be closed")
    reference = fields.reference(reference_id)
    outcome, words = verdict(as_, reason)
    check_verdict(await journal.read(reference), outcome)
    await journal.close_payment(reference, outcome, words)


async def purge_journal(journal: OutcomeJournal, *, handled_before: datetime) -> int:
    """Delete the payments whose outcomes were handled before a time, and return how many were deleted.

    A payment that is open or not handled is never deleted. A reference that was deleted is unknown to the journal. So
    before the client uses it, it checks with the API whether it names a payment.

    Raises:
        InvalidInputError: the time has no timezone, or the journal hands no outcomes out.
        JournalError: the journal failed. Some may be deleted already.
    """
    if not isinstance(journal, OutcomeJournal):
        raise InvalidInputError(f"{journal!r} does not keep what was handled, so nothing can be purged")
    if handled_before.tzinfo is None:
        raise InvalidInputError("handled_before must have a timezone, as in datetime(2026, 1, 31, tzinfo=UTC)")
    total = 0
    while deleted := await journal.purge(handled_before=handled_before.astimezone(UTC), limit=_PAGE):
        total += deleted
    return total
