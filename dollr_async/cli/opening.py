"""What the commands work with: the client of the environment's credentials, and a journal."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.cli.exit_codes import CannotOpenError
from dollr_async.cli.prompts import ask_secret, has_terminal
from dollr_async.client import DollrClient
from dollr_async.following.policy import PollPolicy
from dollr_async.journal.maintenance import open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.journal import PostgresJournal, SQLiteJournal

_USUAL = PollPolicy()


def journal_url(url: str | None) -> str | None:
    """Return the journal's URL that was given, or that of the environment."""
    return url or os.environ.get("DOLLR_JOURNAL") or None


@asynccontextmanager
async def opened_journal(url: str | None) -> AsyncIterator[SQLiteJournal | PostgresJournal]:
    """Open the journal at a URL, or the environment's.

    Raises:
        InvalidInputError: no journal is named, or the URL has another form.
        CannotOpenError: it cannot be read.
    """
    place = journal_url(url)
    if place is None:
        sentence = "no journal is named: pass --journal URL, or set the environment variable DOLLR_JOURNAL"
        raise InvalidInputError(sentence)
    async with open_journal(place) as opened:
        try:
            await opened.read(uuid4())
        except JournalError as error:
            raise CannotOpenError(str(error)) from error
        yield opened


@asynccontextmanager
async def opened_client(*, journal: str | None = None, timeout: float | None = None) -> AsyncIterator[DollrClient]:  # noqa: ASYNC109 - it ends no await: it is how long payments are followed
    """Return a client of the environment's settings; on a terminal a credential that is missing is asked for.

    Args:
        journal: the URL of its journal; None is none.
        timeout: seconds for which a payment is followed; None is the usual.

    Raises:
        ConfigurationError: a credential is missing, or the base URL is not https.
    """
    polling = _USUAL if timeout is None else PollPolicy(timeout=timeout)
    identifier, secret = asked_credential("DOLLR_CLIENT_ID"), asked_credential("DOLLR_CLIENT_SECRET")
    if journal is None:
        async with DollrClient(identifier, secret, polling=polling) as dollr:
            yield dollr
        return
    async with (
        opened_journal(journal) as opened,
        DollrClient(identifier, secret, polling=polling, journal=opened) as dollr,
    ):
        yield dollr


def asked_credential(name: str) -> str | None:
    """Ask on a terminal for what the environment lacks. With None the environment decides."""
    if os.environ.get(name, "").strip() or not has_terminal():
        return None
    return ask_secret(f"{name}: ") or None
