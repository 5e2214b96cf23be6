"""`SQLiteTokenStore`: one token for all processes of one host, in a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.sharing import LOCK_HELD_AT_MOST, StoredToken
from dollr_async.fleet.leased_lock import LeasedLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_APPLICATION = int.from_bytes(b"DOLT")
"""The `application_id` by which a file is recognised as a token store."""

_BUSY_TIMEOUT = 2.0
_RETRY_PAUSE = 0.01
_FORGET_AFTER = 86_400.0
"""Seconds after its end for which a token is kept: its key is never used again when the client secret has changed."""

_TABLE = """
CREATE TABLE IF NOT EXISTS tokens (
    key TEXT NOT NULL PRIMARY KEY, secret TEXT, expires_at REAL, lock_holder TEXT, locked_until REAL
)
"""
_READ = "SELECT secret, expires_at FROM tokens WHERE key = ? AND secret IS NOT NULL"
_WRITE = (
    "INSERT INTO tokens (key, secret, expires_at) VALUES (?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET secret = excluded.secret, expires_at = excluded.expires_at"
)
_FORGET = "DELETE FROM tokens WHERE expires_at < ? AND key != ?"
_DISCARD = "UPDATE tokens SET secret = NULL, expires_at = NULL WHERE key = ? AND secret = ?"
# A lock that ends too far in the future was taken before the clock was set back: it is free.
_FREE = "(locked_until IS NULL OR locked_until <= :now OR locked_until > :until + 1.0 OR lock_holder = :holder)"
_IS_HELD = f"SELECT 1 FROM tokens WHERE key = :key AND NOT {_FREE}"  # noqa: S608 - a constant of this module
_LOCK = (
    "INSERT INTO tokens (key, lock_holder, locked_until) VALUES (:key, :holder, :until) "  # noqa: S608 - as above
    f"ON CONFLICT (key) DO UPDATE SET lock_holder = :holder, locked_until = :until WHERE {_FREE}"
)
_UNLOCK = "UPDATE tokens SET lock_holder = NULL, locked_until = NULL WHERE key = ? AND lock_holder = ?"


class SQLiteTokenStore(LeasedLock):
    """One token for all processes of one host, in a file that only its owner can read.

    The file is made at the first use, on a local disk. Give it a name of its own: not the journal's. The client closes
    the store at its end; a later use opens it again. Any event loop and any thread may use a store.
    """

    _now = staticmethod(time.time)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Take the path of the file; nothing is opened yet.

        Raises:
            InvalidInputError: the path is `:memory:`, which no other process could share.
        """
        super().__init__()
        if str(path) == ":memory:":
            raise InvalidInputError("a token store needs a file, and not ':memory:', so that processes can share it")
        self._path = Path(path).resolve()
        self._mutex = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._process = 0
        self._connection: sqlite3.Connection | None = None

    @property
    def closes_with_client(self) -> bool:
        """Whether a client's `close()` closes the store too."""
        return True

    async def read(self, key: str) -> StoredToken | None:
        """Return the token, or None."""
        row = await self._run(lambda connection: connection.execute(_READ, (key,)).fetchone())
        return None if row is None else StoredToken(row[0], datetime.fromtimestamp(row[1], UTC))

    async def write(self, key: str, token: StoredToken) -> None:
        """Keep a token in place of the one before."""

        def write(connection: sqlite3.Connection) -> None:
            with _writing(connection):
                connection.execute(_WRITE, (key, token.secret, token.expires_at.timestamp()))
                connection.execute(_FORGET, (self._now() - _FORGET_AFTER, key))

        await self._run(write)

    async def discard(self, key: str, token: StoredToken) -> None:
        """Remove a token, if that very token is still there."""

        def discard(connection: sqlite3.Connection) -> None:
            with _writing(connection):
                connection.execute(_DISCARD, (key, token.secret))

        await self._run(discard)

    async def _try_lock(self, key: str, holder: str) -> bool:
        def values() -> dict[str, str | float]:
            # Asked anew in the transaction: another process may have held it for a while.
            now = self._now()
            return {"key": key, "holder": holder, "now": now, "until": now + LOCK_HELD_AT_MOST}

        def try_lock(connection: sqlite3.Connection) -> bool:
            # A process that waits reads first, so that it does not keep the others from writing.
            if connection.execute(_IS_HELD, values()).fetchone():
                return False
            with _writing(connection):
                return connection.execute(_LOCK, values()).rowcount > 0

        return await self._run(try_lock)

    async def _unlock(self, key: str, holder: str) -> None:
        def unlock(connection: sqlite3.Connection) -> None:
            with _writing(connection):
                connection.execute(_UNLOCK, (key, holder))

        await self._run(unlock)

    async def _close(self) -> None:
        with self._mutex:
            executor, self._executor = self._executor, None
            if executor is None or self._process != os.getpid():
                return
            closing = asyncio.get_running_loop().run_in_executor(executor, self._close_file)
            # The thread still does what is queued, then ends by itself.
            executor.shutdown(wait=False)
        await asyncio.shield(closing)

    def _close_file(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._mutex:
            if self._process != os.getpid():
                # A forked child has its parent's attributes, and neither its thread nor a right to its connection.
                self._executor = self._connection = None
                self._process = os.getpid()
            if self._executor is None:
                self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dollr-tokens")
            running = asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(self._opened()))
        return await running

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open(self._path)
        return self._connection


def _open(path: Path) -> sqlite3.Connection:
    _make_private(path)
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        # A removed token is not left in the file's free pages.
        connection.execute("PRAGMA secure_delete = ON")
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if not _is_ours(connection, path):
        with _writing(connection):
            if not _is_ours(connection, path):  # another process may have made it meanwhile
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(_TABLE)
    last_try = time.monotonic() + _BUSY_TIMEOUT
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            # While another process turns it on too, SQLite answers "locked" at once.
            if time.monotonic() > last_try:
                raise
            time.sleep(_RETRY_PAUSE)
    # What a loss of power takes is fetched again, so no write waits for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is a token store, or False for an empty one."""
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        return False
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise ConfigurationError(f"{path} is the database of another program: give the token store its own file")
    return True


def _make_private(path: Path) -> None:
    # SQLite gives the files that it makes beside this one the same mode.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            # Another process may remove it at this moment, or another user may own it, who decides about its mode.
            with contextlib.suppress(OSError):
                if file.stat().st_mode & 0o077:
                    file.chmod(0o600)


@contextlib.contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
