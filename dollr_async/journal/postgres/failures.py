"""What the user reads when PostgreSQL fails, and whether to try again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from dollr_async.base.errors import ConfigurationError, JournalError

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from psycopg import AsyncConnection

_ROLLED_BACK = (errors.SerializationFailure, errors.DeadlockDetected, errors.ReadOnlySqlTransaction)
"""Errors after which the same statement may succeed: nothing of it was done."""

_LOST = ("08", "57P")
"""How the codes of errors begin by which a server or a pooler ends a connection."""

_MISSING = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName)
_NOTHING_CHANGED = "Nothing was changed"


class ReplicaError(Exception):
    """The server is a read-only replica. It may become the primary server soon."""


def is_lost(connection: AsyncConnection[Any] | None, error: Exception) -> bool:
    """Return whether the error is that a connection was lost, or that there was none."""
    if connection is None:
        return isinstance(error, psycopg.OperationalError) and not isinstance(error, PoolClosed)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return connection.closed or (state or "").startswith(_LOST)


def may_pass(error: Exception, *, is_lost: bool) -> bool:
    """Return whether another attempt may succeed."""
    return is_lost or isinstance(error, (ReplicaError, *_ROLLED_BACK))


def explained(error: Exception, *, schema: str, is_open: bool, may_have_changed: bool) -> JournalError:
    """Return the error for the user.

    Args:
        error: what psycopg or its pool raised.
        schema: the schema of the journal.
        is_open: whether this program has used this journal before.
        may_have_changed: whether a change was sent whose answer was lost.
    """
    if isinstance(error, JournalError):
        return error
    end = "it is not known whether the last change was written, so read it again" if may_have_changed else None
    sentence = _sentence(error, schema=schema, is_open=is_open)
    return JournalError(f"the PostgreSQL journal in schema {schema!r} {sentence}. {end or _NOTHING_CHANGED}")


def _sentence(error: Exception, *, schema: str, is_open: bool) -> str:
    if isinstance(error, ConfigurationError):
        return (
            "was opened in another event loop, or before this process was forked: make a PostgresJournal in each event "
            "loop and in each process"
        )
    if isinstance(error, _MISSING):
        return _missing(error, schema, is_open=is_open)
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            f"refuses this role ({_text(error)}): grant it SELECT, INSERT, UPDATE and DELETE on the tables, and where "
            f"they are still missing, make them as their owner with the SQL of PostgresJournal.ddl({schema!r})"
        )
    if isinstance(error, (ReplicaError, errors.ReadOnlySqlTransaction)):
        return "is on a server that is read-only, as a replica is: connect to the primary server"
    if isinstance(error, (psycopg.DataError, UnicodeError, OverflowError)):
        return f"cannot hold a value of this payment ({_text(error)})"
    return _unavailable(error)


def _unavailable(error: Exception) -> str:
    if isinstance(error, PoolClosed):
        return f"has no connections: its pool is closed, or not open yet ({error}). Open it, and keep it open"
    if isinstance(error, TooManyRequests):
        return f"has too few connections ({error}): let the pool be larger"
    if isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        return f"was too slow ({_text(error)}): find what holds a lock on its rows, then try again"
    if isinstance(error, PoolTimeout | psycopg.OperationalError | psycopg.InterfaceError):
        return (
            f"cannot be reached ({_text(error)}): check that the server runs, that its address, user and database are "
            "right, and that a connection is free, then try again"
        )
    return f"failed ({type(error).__name__}: {_text(error)}): fix the cause, then try again"


def _missing(error: Exception, schema: str, *, is_open: bool) -> str:
    if is_open:
        return (
            f"is not in this database any more ({_text(error)}): the address may lead to an empty replica or to "
            "another database. Connect to the server that has the journal"
        )
    return (
        f"has no tables in this database, or those of another version ({_text(error)}): check the database and the "
        f"schema, or make the tables once with the SQL of PostgresJournal.ddl({schema!r})"
    )


def another_journal(schema: str, found: UUID | None) -> JournalError:
    """Return the error for a database that has not this journal, but another one, or tables without a journal."""
    what = "an unfinished one" if found is None else f"another one ({found})"
    sentence = (
        f"the PostgreSQL journal in schema {schema!r} is not the one that was opened: the database now has {what}, so "
        "the address may lead to another server or database. Connect to the one that has the journal. Nothing was "
        "changed"
    )
    return JournalError(sentence)


def newer_version(schema: str, found: int, known: int) -> JournalError:
    """Return the error for tables that a newer program has made."""
    sentence = (
        f"the PostgreSQL journal in schema {schema!r} was made by a newer dollr_async (version {found} of its tables, "
        f"this one knows {known}): update dollr_async here"
    )
    return JournalError(sentence)


def no_answer(schema: str, seconds: float) -> JournalError:
    """Return the error for a server that does not answer."""
    sentence = (
        f"the PostgreSQL journal in schema {schema!r} did not answer within {seconds:g} seconds, so it is not known "
        "whether the last change was written: check that the server runs and that nothing holds a lock on its rows, "
        "then read the payment again"
    )
    return JournalError(sentence)


def _text(error: Exception) -> str:
    # The server's own sentence. What may follow it shows values.
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((primary or str(error)).split())
