"""The file of a SQLite journal: how it is opened or made, recognised, and brought up to date."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from dollr_async.base.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION = int.from_bytes(b"DOLR")
"""The `application_id` by which a file is recognised as a journal."""

_GROUP_AND_OTHERS = 0o077
_RETRY_PAUSE = 0.01

MIGRATIONS = (
    """
    CREATE TABLE payments (
        reference_id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        began_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        terms_key_id TEXT NOT NULL,
        terms_digest TEXT NOT NULL,
        terms_amount TEXT NOT NULL,
        terms_currency TEXT,
        terms_lines TEXT NOT NULL,
        step TEXT NOT NULL,
        source_type TEXT,
        source_id INTEGER,
        source_number TEXT,
        party_id INTEGER,
        counterparty_id INTEGER,
        payment_account_id INTEGER,
        session_id INTEGER,
        session_expires_at TEXT,
        payer_currency TEXT,
        sends INTEGER NOT NULL,
        session_sends INTEGER NOT NULL,
        is_renewed INTEGER NOT NULL,
        in_doubt INTEGER NOT NULL,
        status TEXT,
        outcome TEXT,
        lease_number INTEGER NOT NULL,
        lease_owner TEXT,
        lease_until REAL
    )
    """,
    "CREATE INDEX open_payments ON payments (began_at) WHERE outcome IS NULL",
    "ALTER TABLE payments ADD COLUMN is_contested INTEGER NOT NULL DEFAULT 0",
    # What follows is for outcomes. What ended before counts as handled.
    "CREATE TABLE workers (name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL)",
    "ALTER TABLE payments ADD COLUMN follower TEXT",
    "ALTER TABLE payments ADD COLUMN check_at REAL",
    "ALTER TABLE payments ADD COLUMN ended_at TEXT",
    "ALTER TABLE payments ADD COLUMN handled_at TEXT",
    "ALTER TABLE payments ADD COLUMN hand_out_number INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE payments ADD COLUMN hand_out_owner TEXT",
    "ALTER TABLE payments ADD COLUMN hand_out_until REAL",
    "ALTER TABLE payments ADD COLUMN hand_out_after REAL",
    "ALTER TABLE payments ADD COLUMN reason TEXT",
    "UPDATE payments SET ended_at = updated_at, handled_at = updated_at WHERE outcome IS NOT NULL",
    "DROP INDEX open_payments",
    "CREATE INDEX open_payments ON payments (began_at, reference_id) WHERE outcome IS NULL",
    "CREATE INDEX open_of_source ON payments (source_id, source_type) WHERE outcome IS NULL AND source_id IS NOT NULL",
    """
    CREATE INDEX not_followed ON payments (check_at, began_at)
    WHERE outcome IS NULL AND sends > 0 AND follower IS NULL
    """,
    "CREATE INDEX followed ON payments (follower) WHERE follower IS NOT NULL",
    "CREATE INDEX not_handled ON payments (ended_at) WHERE outcome IS NOT NULL AND handled_at IS NULL",
    "CREATE INDEX handled ON payments (handled_at) WHERE handled_at IS NOT NULL",
    "CREATE TABLE moved (place TEXT NOT NULL)",
)
"""The statements that bring a file from each schema version to the next, from an empty file on. Only append to them."""


def connect(path: Path, *, busy_timeout: float) -> sqlite3.Connection:
    """Open or make a journal's file, durable and readable by its owner alone. Its schema may still be an older one.

    Raises:
        JournalError: the file is no journal, or is of a newer version, or cannot have a write-ahead log.
        sqlite3.Error: SQLite could not open or read it.
        OSError: it could not be made.
    """
    _make_private(path)
    # One thread uses it at a time, but another one may close it.
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        _recognise(connection, path)
        use_write_ahead_log(connection, path, timeout=busy_timeout)
        make_durable(connection, is_durable=True)
        # On macOS an ordinary sync leaves the data in the drive's cache. Elsewhere this changes nothing.
        connection.execute("PRAGMA fullfsync = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def named(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row by the names of its columns."""
    # A sqlite3.Row takes 30 times as long to become a dictionary.
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. Call it inside a write transaction."""
    version = _number(connection, "user_version")
    for migration in MIGRATIONS[version:]:
        connection.execute(migration)
    if version < len(MIGRATIONS):
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def make_durable(connection: sqlite3.Connection, *, is_durable: bool) -> None:
    """Let the next transactions survive a loss of power, or only the end of the process. Call it outside of one."""
    # In a write-ahead log a commit under NORMAL is not synced: the next sync of the log makes it durable too.
    connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the file's write transaction: at the end, all of it is durable, or nothing of it was done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # After some failures SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def use_write_ahead_log(connection: sqlite3.Connection, path: Path, *, timeout: float) -> None:
    """Turn the write-ahead log on, waiting up to `timeout` seconds, or raise a `JournalError`."""
    # While another process turns it on too, SQLite answers "locked" at once, whatever its own timeout.
    last_try = time.monotonic() + timeout
    while True:
        try:
            granted = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > last_try:
                raise
            time.sleep(_RETRY_PAUSE)
    if granted != "wal":
        sentence = f"{path} cannot have a write-ahead log (SQLite gave {granted!r}): put the journal on a local disk"
        raise JournalError(sentence)


def _make_private(path: Path) -> None:
    # SQLite gives the files that it makes beside this one the same mode. A file that exists is not opened here: closing
    # it would drop the locks that another connection of this process holds on it.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            _close_to_others(path.with_name(name))


def _close_to_others(path: Path) -> None:
    # It may be absent, or belong to another user, who decides about its mode.
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if path.is_file() and mode & _GROUP_AND_OTHERS:
            path.chmod(mode & ~_GROUP_AND_OTHERS)


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    # All three are read in one transaction, since another process may be making the schema at this moment.
    connection.execute("BEGIN")
    mark, version = _number(connection, "application_id"), _number(connection, "user_version")
    is_empty = _number(connection, "schema_version") == 0
    connection.execute("COMMIT")
    if mark != APPLICATION and not is_empty:
        sentence = f"{path} is the database of another program: give the journal a file of its own"
        raise JournalError(sentence)
    if version > len(MIGRATIONS):
        sentence = (
            f"{path} was written by a newer dollr_async (schema {version}, this one knows {len(MIGRATIONS)}): "
            "update dollr_async here"
        )
        raise JournalError(sentence)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    number: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return number
