"""Runs the statements of a journal, again where a connection was lost, and only in the database of that journal."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import conninfo
from psycopg.rows import dict_row
from psycopg_pool import PoolTimeout

from dollr_async.base.errors import ConfigurationError, JournalError
from dollr_async.base.postgres import PostgresDatabase
from dollr_async.journal.moving import moved
from dollr_async.journal.postgres import failures
from dollr_async.journal.postgres.schema import RELATIONS, VERSION
from dollr_async.journal.postgres.statements import CHANGES, statements

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from uuid import UUID

    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    Row = dict[str, Any]
    Operation = Callable[["Attempt"], Awaitable["T"]]

T = TypeVar("T")

_MORE_TIME = 3.0
"""Seconds beyond the patience after which an operation that has no answer fails."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_CONNECTIONS = 8
_IN_TURN = 4
"""Operations at once, of those that are run in turn: half of the pool at most, and one at least."""

_SETTINGS = {
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""Settings of a connection: text is Unicode, and a server that has vanished is noticed. The user's own string wins."""


class Attempt:
    """One attempt of an operation, on one connection.

    `is_repeat` says that an earlier attempt may have been carried out, and its answer was lost.
    """

    def __init__(self, connection: AsyncConnection[Any], database: Database, *, is_repeat: bool) -> None:
        """Use this connection."""
        self._connection, self._database = connection, database
        self.is_repeat = is_repeat
        self._is_together = False

    async def rows(self, statement: str, **values: object) -> list[Row]:
        """Run a statement as one transaction, and return what it found."""
        async with self._connection.cursor(row_factory=dict_row, binary=True) as cursor:
            values["identity"] = self._database.identity
            await cursor.execute(self._database.statements[statement], values, prepare=False)
            found = await cursor.fetchall()
        if not self._connection.autocommit and not self._is_together:
            await self._connection.commit()
        return self._database.checked(found, is_change=statement in CHANGES)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Run several statements in one transaction."""
        async with self._connection.transaction():
            self._is_together = True
            try:
                yield
            finally:
                self._is_together = False

    async def lock(self) -> None:
        """Keep all others from changing payments until the transaction ends."""
        await self._connection.execute(self._database.statements["lock"], prepare=False)

    async def row(self, statement: str, **values: object) -> Row | None:
        """Run a statement that finds one row at most, and return it."""
        rows = await self.rows(statement, **values)
        return rows[0] if rows else None


class Database:
    """The database of one journal. It belongs to the event loop that first uses it."""

    def __init__(
        self, conninfo_or_pool: str | AsyncConnectionPool[Any], *, schema: str, migrate: bool, patience: float
    ) -> None:
        """Take the settings; nothing is opened yet.

        For `patience` seconds an operation is tried again while the server cannot be reached.

        Raises:
            InvalidInputError: an argument has the wrong form.
        """
        source = _with_settings(conninfo_or_pool) if isinstance(conninfo_or_pool, str) else conninfo_or_pool
        self._postgres = PostgresDatabase(
            source,
            schema=schema,
            migrate=migrate,
            relations=RELATIONS,
            most_connections=_CONNECTIONS,
            timeout=patience,
            is_checked=False,  # a lost connection is dealt with below, so the round trip would be for nothing
        )
        self.conninfo = source if isinstance(source, str) else None
        self.schema = self._postgres.schema
        self.statements = statements(self.schema)
        self.identity: UUID | None = None
        self.is_closed = False
        self._patience, self._longest = patience, patience + _MORE_TIME
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing: asyncio.Task[None] | None = None
        most = _CONNECTIONS if isinstance(source, str) else source.max_size
        self._turns = asyncio.Semaphore(max(1, min(_IN_TURN, most // 2)))

    def hold(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something in a task that no cancelled caller ends; `close` waits for it."""
        task = asyncio.create_task(work, name="dollr_async journal")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def check_usable(self) -> None:
        """Raise a `JournalError` if the journal is closed."""
        if self.is_closed:
            raise JournalError(f"{self.name} is closed: make a new PostgresJournal")

    async def run(self, operation: Operation[T], *, undo: Operation[object] | None = None, in_turn: bool = False) -> T:
        """Run an operation, and again where its connection is lost, as long as that makes sense.

        It is finished even if the caller is cancelled; then `undo` is run after it. Of the operations
        that are `in_turn` only some run at once, so that any number of them leaves connections to the others.

        Raises:
            JournalError: it failed. The message says why, and what to do.
        """
        self.check_usable()
        task = self.hold(self._repeated_in_turn(operation) if in_turn else self._repeated(operation))
        done: set[asyncio.Task[T]] = set()
        try:
            done, _ = await asyncio.wait({task}, timeout=self._longest)
        finally:
            if not done and undo is not None:
                self.hold(self._undone(task, undo))
        if not done:
            task.cancel()
            raise failures.no_answer(self.schema, self._longest)
        return task.result()

    @property
    def name(self) -> str:
        """What an error calls this journal."""
        return f"the PostgreSQL journal in schema {self.schema!r}"

    def checked(self, rows: list[Row], *, is_change: bool) -> list[Row]:
        """Return what a statement found, if it ran in the database of this journal."""
        found = rows[0]["identity"] if rows else None
        if rows and rows[0]["is_replica"]:
            raise failures.ReplicaError
        if found is None or found != (self.identity or found):
            raise failures.another_journal(self.schema, found)
        if is_change and rows[0]["moved_to"] is not None:
            raise moved(self.name, rows[0]["moved_to"])
        return [row for row in rows if row["found"]]

    async def known_identity(self) -> UUID:
        """Return the identity of this journal, which is read at the first use."""
        self.check_usable()
        if self.identity is None:
            await self.run(_nothing)
        if self.identity is None:
            raise AssertionError
        return self.identity

    async def close(self, *, last: Operation[object] | None = None) -> None:
        """Finish what was begun and the `last` operation, then close the pool if it was made here."""
        loop = asyncio.get_running_loop()
        if not self.is_closed:
            self.is_closed = True
            if last is not None and self._loop is loop:
                self.hold(self._repeated(last))
            self._closing = asyncio.create_task(self._close(), name="dollr_async journal")
        if self._closing is not None and self._closing.get_loop() is loop:
            await asyncio.shield(self._closing)

    async def _close(self) -> None:
        loop = asyncio.get_running_loop()
        late: set[asyncio.Task[Any]] = set()
        while tasks := {task for task in self._tasks if task.get_loop() is loop} - late:
            _, found = await asyncio.wait(tasks, timeout=self._longest)
            late |= found
            for task in found:
                task.cancel()
        await self._postgres.close()

    async def _repeated_in_turn(self, operation: Operation[T]) -> T:
        async with self._turns:
            return await self._repeated(operation)

    async def _repeated(self, operation: Operation[T]) -> T:
        loop = asyncio.get_running_loop()
        last_try, pause, is_repeat = loop.time() + self._patience, _FIRST_PAUSE, False
        while True:
            connection: AsyncConnection[Any] | None = None
            try:
                async with self._postgres.connection() as connection:
                    await self._open(Attempt(connection, self, is_repeat=False))
                    return await operation(Attempt(connection, self, is_repeat=is_repeat))
            except (psycopg.Error, ConfigurationError, failures.ReplicaError, UnicodeError, OverflowError) as error:
                is_lost = failures.is_lost(connection, error)
                is_repeat = is_repeat or (is_lost and connection is not None)
                if not failures.may_pass(error, is_lost=is_lost) or loop.time() + pause > last_try:
                    raise await self._explained(error, may_have_changed=is_repeat) from error
            if is_lost and connection is not None:
                await self._postgres.replace_dead()  # after a restart of the server all the others are dead too
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _open(self, attempt: Attempt) -> None:
        if self.identity is not None:
            return
        row = await attempt.row("open")
        if row is None:
            raise AssertionError
        if row["version"] > VERSION:
            raise failures.newer_version(self.schema, row["version"], VERSION)
        self.identity, self._loop = row["identity"], asyncio.get_running_loop()

    async def _explained(self, error: Exception, *, may_have_changed: bool) -> JournalError:
        if isinstance(error, PoolTimeout) and self.conninfo is not None:
            error = await _why_unreachable(self.conninfo) or error
        is_open = self.identity is not None
        return failures.explained(error, schema=self.schema, is_open=is_open, may_have_changed=may_have_changed)

    async def _undone(self, task: asyncio.Task[Any], undo: Operation[object]) -> None:
        await asyncio.wait({task})
        with contextlib.suppress(JournalError):
            # What could not be undone ends with its lease.
            await self._repeated(undo)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # A caller who was cancelled does not read it.
            task.exception()


async def _nothing(_: Attempt) -> None:
    """Only open the journal."""


def _with_settings(text: str) -> str:
    try:
        return conninfo.make_conninfo(text, **(_SETTINGS | conninfo.conninfo_to_dict(text)))
    except psycopg.Error:
        # It is refused where it is used.
        return text


async def _why_unreachable(text: str) -> psycopg.Error | None:
    try:
        connection = await psycopg.AsyncConnection.connect(text, connect_timeout=2)
    except psycopg.Error as error:
        return error
    await connection.close()
    return None
