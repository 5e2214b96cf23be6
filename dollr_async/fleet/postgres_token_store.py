"""`PostgresTokenStore`: one token for all processes that reach one database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dollr_async.base.postgres import PostgresDatabase, ddl
from dollr_async.base.sharing import LOCK_HELD_AT_MOST, StoredToken
from dollr_async.fleet.leased_lock import LeasedLock

if TYPE_CHECKING:
    from dollr_async.base.postgres import Pool, Relations

_TIMEOUT = 2.0

_RELATIONS: Relations = {
    "dollr_tokens": """
CREATE TABLE IF NOT EXISTS {schema}.dollr_tokens (
    key text PRIMARY KEY,
    secret text,
    expires_at timestamptz,
    lock_holder text,
    locked_until timestamptz
)""",
}
_READ = "SELECT secret, expires_at FROM {schema}.dollr_tokens WHERE key = %s AND secret IS NOT NULL"
_WRITE = (
    "INSERT INTO {schema}.dollr_tokens AS kept (key, secret, expires_at) VALUES (%s, %s, %s) "
    "ON CONFLICT (key) DO UPDATE SET secret = excluded.secret, expires_at = excluded.expires_at"
)
# The key of a token is never used again when the client secret has changed.
_FORGET = "DELETE FROM {schema}.dollr_tokens WHERE expires_at < clock_timestamp() - interval '1 day' AND key <> %s"
_DISCARD = "UPDATE {schema}.dollr_tokens SET secret = NULL, expires_at = NULL WHERE key = %s AND secret = %s"
_LOCK = (
    "INSERT INTO {schema}.dollr_tokens AS kept (key, lock_holder, locked_until) "
    "VALUES (%(key)s, %(holder)s, clock_timestamp() + %(held)s * interval '1 second') "
    "ON CONFLICT (key) DO UPDATE SET lock_holder = excluded.lock_holder, locked_until = excluded.locked_until "
    "WHERE kept.locked_until IS NULL OR kept.locked_until <= clock_timestamp() OR kept.lock_holder = %(holder)s"
)
_UNLOCK = "UPDATE {schema}.dollr_tokens SET lock_holder = NULL, locked_until = NULL WHERE key = %s AND lock_holder = %s"


class PostgresTokenStore(LeasedLock):
    """One token for all processes that reach one database, in the table `dollr_tokens`.

    Whoever may read that table can use the token until it expires. Needs the extra `[postgres]`. A pool that was made
    from a connection string is closed by the client's `close()` too; a later use opens it again.
    """

    def __init__(self, conninfo_or_pool: str | Pool, *, schema: str = "public", migrate: bool = True) -> None:
        """Take a connection string, or a `psycopg_pool.AsyncConnectionPool` of your own, which stays open.

        Args:
            conninfo_or_pool: a connection string or URL, or an open pool.
            schema: the schema of the table.
            migrate: whether to make the schema and the table at the first use, if they are missing. False is for roles
                that may not; `ddl()` is the SQL for them.

        Raises:
            InvalidInputError: an argument has the wrong form.
        """
        super().__init__()
        self._database = PostgresDatabase(
            conninfo_or_pool, schema=schema, migrate=migrate, relations=_RELATIONS, most_connections=2, timeout=_TIMEOUT
        )

    @staticmethod
    def ddl(schema: str = "public") -> str:
        """Return the SQL that makes the schema and the table."""
        return ddl(schema, _RELATIONS)

    @property
    def closes_with_client(self) -> bool:
        """Whether a client's `close()` closes the store too."""
        return self._database.owns_pool

    async def read(self, key: str) -> StoredToken | None:
        """Return the token, or None."""
        async with self._database.transaction() as cursor:
            await cursor.execute(self._database.statement(_READ), (key,))
            row = await cursor.fetchone()
        return None if row is None else StoredToken(row[0], _utc(row[1]))

    async def write(self, key: str, token: StoredToken) -> None:
        """Keep a token in place of the one before."""
        async with self._database.transaction() as cursor:
            await cursor.execute(self._database.statement(_WRITE), (key, token.secret, token.expires_at))
            await cursor.execute(self._database.statement(_FORGET), (key,))

    async def discard(self, key: str, token: StoredToken) -> None:
        """Remove a token, if that very token is still there."""
        async with self._database.transaction() as cursor:
            await cursor.execute(self._database.statement(_DISCARD), (key, token.secret))

    async def _try_lock(self, key: str, holder: str) -> bool:
        values = {"key": key, "holder": holder, "held": LOCK_HELD_AT_MOST}
        async with self._database.transaction() as cursor:
            await cursor.execute(self._database.statement(_LOCK), values)
            return cursor.rowcount > 0

    async def _unlock(self, key: str, holder: str) -> None:
        async with self._database.transaction() as cursor:
            await cursor.execute(self._database.statement(_UNLOCK), (key, holder))

    async def _close(self) -> None:
        await self._database.close()


def _utc(at: datetime) -> datetime:
    # It comes in the time zone of the connection.
    return at.astimezone(UTC)
