"""PostgreSQL for all parts that keep something there: connections, a transaction, and tables that are made once.

- `PostgresDatabase(conninfo_or_pool, schema=..., migrate=..., relations=...)` owns a pool that it makes from a
  connection string, or uses the caller's. `async with database.transaction() as cursor` is one transaction.
- `relations` maps each table or index to the statement that makes it, with `{schema}` where the schema's name goes.
- `make_relations(cursor, schema, relations)` makes what is missing, for one process at a time.
- `qualified(statement, schema)` puts the quoted name of the schema into a statement.
- `ddl(schema, relations)` is the same SQL as text, for somebody who has the rights.

It works through poolers that give a connection for one transaction only, such as pgbouncer: nothing is prepared on the
server, and no session state, advisory lock of a session or LISTEN is used. With a libpq before 17, psycopg cancels a
statement by a call that holds up the whole process while the server hangs. `psycopg[binary]` has libpq 17 since 3.2.4.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.extras import extra

with extra("postgres"):
    from psycopg import Error, conninfo
    from psycopg.rows import tuple_row
    from psycopg.sql import SQL, Composed, Identifier
    from psycopg_pool import AsyncConnectionPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import LiteralString, TypeAlias

    from psycopg import AsyncConnection, AsyncCursor
    from psycopg.rows import TupleRow

    Cursor: TypeAlias = AsyncCursor[TupleRow]
    Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[Any]]
    Relations: TypeAlias = Mapping[str, LiteralString]

_MIGRATION_LOCK = int.from_bytes(b"dollr")
"""The advisory lock that a process holds while it makes tables."""

_LONGEST_NAME = 63
"""Bytes of a name; PostgreSQL silently cuts longer ones."""


_POOL_NAME = "dollr_async"


def _is_not_about_our_pools(record: logging.LogRecord) -> bool:
    return not (isinstance(record.args, tuple) and record.args[:1] == (_POOL_NAME,))


# A pool logs each try while a server is down. Whoever uses this module says it once, or raises an error.
logging.getLogger("psycopg.pool").addFilter(_is_not_about_our_pools)


class PostgresDatabase:
    """Connections to one database, and the schema in it. It belongs to the event loop that first uses it.

    A pool that was made here from a connection string is opened at the first use and closed by `close()`. A use after
    that opens another. A caller's own pool is used as it is, and is never opened or closed here.
    """

    def __init__(
        self,
        conninfo_or_pool: str | Pool,
        *,
        schema: str = "public",
        migrate: bool = True,
        relations: Relations,
        most_connections: int = 4,
        timeout: float = 30.0,
        is_checked: bool = True,
    ) -> None:
        """Take the settings; nothing is opened yet.

        Args:
            conninfo_or_pool: a connection string or URL, or a `psycopg_pool.AsyncConnectionPool` that you opened.
            schema: the schema of the tables.
            migrate: whether to make what is missing of schema and tables, at the first use.
            relations: each table or index, with the statement that makes it.
            most_connections: connections at most, of a pool that is made here.
            timeout: seconds to wait for a connection.
            is_checked: whether a connection is tried before it is lent, by one round trip. Without that, whoever finds
                a dead one calls `replace_dead`.

        Raises:
            InvalidInputError: an argument has the wrong form.
        """
        if isinstance(conninfo_or_pool, str):
            _check_conninfo(conninfo_or_pool)
        elif not isinstance(conninfo_or_pool, AsyncConnectionPool):
            sentence = (
                "give a connection string, as in 'postgresql://user@host/database', or a "
                f"psycopg_pool.AsyncConnectionPool, not a {type(conninfo_or_pool).__name__}"
            )
            raise InvalidInputError(sentence)
        self.schema = checked_schema(schema)
        self._source = conninfo_or_pool
        self._relations = relations
        self._must_migrate = migrate
        self._most_connections = most_connections
        self._timeout = timeout
        self._is_checked = is_checked
        self._pool: Pool | None = None
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        """Show the schema, and nothing of the connection string, which may have a password."""
        return f"<{type(self).__name__} schema={self.schema!r}>"

    @property
    def owns_pool(self) -> bool:
        """Whether the pool is made here, from a connection string."""
        return isinstance(self._source, str)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Borrow a connection; the first time, tables that are missing are made before.

        Raises:
            psycopg.Error: there is no connection (`psycopg_pool.PoolTimeout` too), or a statement failed.
            ConfigurationError: it was opened in another event loop or process.
        """
        pool = await self._ready()
        dead: Error | None = None
        # After a restart of the server every idle connection is dead. The pool's own check waits longer after each one.
        for _ in range(self._most_connections + 1):
            async with pool.connection(timeout=self._timeout) as connection:
                try:
                    await self._check(connection)
                except Error as error:
                    dead = error
                else:
                    yield connection
                    return
        raise dead or AssertionError

    async def _check(self, connection: AsyncConnection[Any]) -> None:
        if self.owns_pool and self._is_checked:
            await AsyncConnectionPool.check_connection(connection)

    async def replace_dead(self) -> None:
        """Replace every idle connection that is dead."""
        if self._pool is not None:
            await self._pool.check()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Cursor]:
        """Run one transaction on a cursor whose rows are tuples; it raises what `connection` raises."""
        async with (
            self.connection() as connection,
            connection.transaction(),
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            yield cursor

    def statement(self, statement: LiteralString) -> Composed:
        """Return a statement with the name of this schema in place of `{schema}`."""
        return qualified(statement, self.schema)

    async def close(self) -> None:
        """Close the pool if it was made here. Closing twice is fine."""
        pool, home, self._pool, self._home = self._pool, self._home, None, None
        if pool is not None and self.owns_pool and home == _here():
            await pool.close()

    async def _ready(self) -> Pool:
        """Return the open pool of a database that has its tables."""
        if self._home is None:
            self._home, self._opening = _here(), asyncio.Lock()
        elif self._home != _here():
            sentence = (
                "this connection to PostgreSQL was opened in another event loop or process: close it there first, or "
                "make one in each"
            )
            raise ConfigurationError(sentence)
        if self._pool is not None and not self._must_migrate:
            return self._pool
        async with self._opening:
            if self._pool is None:
                self._pool = await self._opened_pool()
            if self._must_migrate:
                await self._migrate(self._pool)
                # Never again: a replica that is empty must not silently become a new database.
                self._must_migrate = False
            return self._pool

    async def _opened_pool(self) -> Pool:
        if not isinstance(self._source, str):
            return self._source
        pool = self._new_pool(self._source)
        await pool.open(wait=False)
        return pool

    def _new_pool(self, source: str) -> Pool:
        return AsyncConnectionPool(
            source,
            # A connection that is not there must not fail the start, and an idle program needs none.
            min_size=0,
            max_size=self._most_connections,
            open=False,
            name=_POOL_NAME,
            reconnect_timeout=self._timeout,
            # Outside of a transaction() nothing stays open; statements that are prepared break behind pgbouncer.
            kwargs={"autocommit": True, "prepare_threshold": None},
        )

    async def _migrate(self, pool: Pool) -> None:
        async with (
            pool.connection(timeout=self._timeout) as connection,
            connection.transaction(),
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            await make_relations(cursor, self.schema, self._relations)


async def make_relations(cursor: Cursor, schema: str, relations: Relations) -> None:
    """Make the schema and those relations that are missing; call it inside a transaction.

    Processes that start together do it one after the other. Where nothing is missing, no right to make it is needed.

    Raises:
        psycopg.Error: this role may not make them.
    """
    missing = await _missing(cursor, schema, relations)
    if not missing:
        return
    await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
    await cursor.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", (schema,))
    if await cursor.fetchone() is None:
        await cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    for name in await _missing(cursor, schema, relations):
        await cursor.execute(qualified(relations[name], schema))


async def _missing(cursor: Cursor, schema: str, relations: Relations) -> list[str]:
    statement = (
        "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = ANY(%s)"
    )
    await cursor.execute(statement, (schema, list(relations)))
    found = {name for (name,) in await cursor.fetchall()}
    return [name for name in relations if name not in found]


def qualified(statement: LiteralString, schema: str) -> Composed:
    """Return a statement with the quoted name of the schema in place of `{schema}`."""
    return SQL(statement).format(schema=Identifier(schema))


def ddl(schema: str, relations: Relations) -> str:
    """Return the SQL that makes the schema and every relation, for a role that has the rights."""
    name = checked_schema(schema)
    statements = [SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name))]
    statements += [qualified(statement, name) for statement in relations.values()]
    return "".join(f"{statement.as_string(None)};\n" for statement in statements)


def checked_schema(schema: str) -> str:
    """Return the name of a schema.

    Raises:
        InvalidInputError: PostgreSQL could not have a schema of that name.
    """
    if (
        not isinstance(schema, str)
        or not schema.isprintable()
        or schema.startswith("pg_")
        or not 1 <= len(schema.encode()) <= _LONGEST_NAME
    ):
        sentence = f"schema {str(schema)[:80]!r} is not the name of a schema: write a short name, as in 'payments'"
        raise InvalidInputError(sentence)
    return schema


def _check_conninfo(text: str) -> None:
    try:
        conninfo.conninfo_to_dict(text)
    except Error:
        # Neither the text nor what libpq says about it is repeated: there may be a password in it.
        sentence = "this is not a PostgreSQL connection string: write one as in 'postgresql://user@host:5432/database'"
        raise InvalidInputError(sentence) from None


def _here() -> tuple[int, asyncio.AbstractEventLoop]:
    return os.getpid(), asyncio.get_running_loop()
