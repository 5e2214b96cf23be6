"""`PostgresPollBudget`: one ceiling on the polls of all processes that reach one database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dollr_async.base.postgres import PostgresDatabase, ddl
from dollr_async.fleet.ceiling import CEILING_KEPT_FOR, Ceiling

if TYPE_CHECKING:
    from types import TracebackType

    from dollr_async.base.postgres import Pool, Relations

_TIMEOUT = 2.0

_RELATIONS: Relations = {
    "dollr_poll_budgets": """
CREATE TABLE IF NOT EXISTS {schema}.dollr_poll_budgets (
    key text PRIMARY KEY,
    next_at double precision NOT NULL DEFAULT 0,
    paused_until double precision NOT NULL DEFAULT 0,
    per_second double precision NOT NULL DEFAULT 'infinity',
    per_second_at double precision NOT NULL DEFAULT 0
)""",
}
# All times are seconds since 1970 by the server's clock.
_MAKE = "INSERT INTO {schema}.dollr_poll_budgets (key) VALUES (%(key)s) ON CONFLICT DO NOTHING"
_RESERVE = """
WITH kept AS MATERIALIZED (
    SELECT next_at, per_second, per_second_at FROM {schema}.dollr_poll_budgets WHERE key = %(key)s FOR UPDATE
), at AS MATERIALIZED (
    SELECT kept.*, extract(epoch FROM clock_timestamp())::double precision AS now FROM kept
), ceiling AS (
    SELECT now, greatest(next_at, now) AS begins_at,
        %(asked)s::double precision <= per_second OR now - per_second_at > %(kept_for)s AS is_ours,
        per_second, per_second_at
    FROM at
)
UPDATE {schema}.dollr_poll_budgets AS budget SET
    per_second = CASE WHEN is_ours THEN %(asked)s ELSE ceiling.per_second END,
    per_second_at = CASE WHEN is_ours THEN now ELSE ceiling.per_second_at END,
    next_at = begins_at + %(n)s::double precision / CASE WHEN is_ours THEN %(asked)s ELSE ceiling.per_second END
FROM ceiling WHERE key = %(key)s
RETURNING begins_at - now, budget.per_second
"""
_PAUSE = """
INSERT INTO {schema}.dollr_poll_budgets AS budget (key, next_at, paused_until)
SELECT %(key)s, ends_at, ends_at
FROM (SELECT extract(epoch FROM clock_timestamp())::double precision + %(seconds)s AS ends_at) AS pause
ON CONFLICT (key) DO UPDATE SET
    next_at = greatest(budget.next_at, excluded.next_at),
    paused_until = greatest(budget.paused_until, excluded.paused_until)
"""
_PAUSED_FOR = (
    "SELECT paused_until - extract(epoch FROM clock_timestamp())::double precision "
    "FROM {schema}.dollr_poll_budgets WHERE key = %s"
)


class PostgresPollBudget:
    """One ceiling on the polls of all processes that reach one database: one row of the table `dollr_poll_budgets`.

    Needs the extra `[postgres]`. A pool that was made from a connection string is closed by the client's `close()` too;
    a later use opens it again.
    """

    def __init__(
        self,
        conninfo_or_pool: str | Pool,
        *,
        per_second: float,
        schema: str = "public",
        migrate: bool = True,
        key: str = "polls",
    ) -> None:
        """Take the connection and the ceiling; nothing is opened yet.

        Args:
            conninfo_or_pool: a connection string or URL, or an open `psycopg_pool.AsyncConnectionPool` of your own.
            per_second: the most polls that all processes together make in a second. Where processes ask for different
                ceilings, the lowest rules, and the others log a warning.
            schema: the schema of the table.
            migrate: whether to make the schema and the table at the first use, if they are missing. False is for roles
                that may not; `ddl()` is the SQL for them.
            key: the name of the budget. Processes with the same name share it.

        Raises:
            InvalidInputError: an argument has the wrong form.
        """
        self._ceiling = Ceiling(per_second, key)
        self._database = PostgresDatabase(
            conninfo_or_pool, schema=schema, migrate=migrate, relations=_RELATIONS, most_connections=2, timeout=_TIMEOUT
        )

    @staticmethod
    def ddl(schema: str = "public") -> str:
        """Return the SQL that makes the schema and the table."""
        return ddl(schema, _RELATIONS)

    async def __aenter__(self) -> Self:
        """Return the budget. It opens at its first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the budget."""
        await self.close()

    async def close(self) -> None:
        """Close the pool if it was made here. Closing twice is fine; a later use opens it again."""
        await self._database.close()

    @property
    def closes_with_client(self) -> bool:
        """Whether a client's `close()` closes the budget too."""
        return self._database.owns_pool

    @property
    def per_second(self) -> float:
        """The polls in a second that are in force: the lowest that any process asks for."""
        return self._ceiling.in_force

    async def reserve(self, n: int) -> float:
        """Reserve the next `n` polls, and return the seconds until the first of them may begin."""
        values = {"key": self._ceiling.key, "n": n, "asked": self._ceiling.asked, "kept_for": CEILING_KEPT_FOR}
        async with self._database.transaction() as cursor:
            # The row almost always exists: it is made once, at the first reservation.
            await cursor.execute(self._database.statement(_RESERVE), values)
            row = await cursor.fetchone()
            if row is None:
                await cursor.execute(self._database.statement(_MAKE), values)
                await cursor.execute(self._database.statement(_RESERVE), values)
                row = await cursor.fetchone()
        if row is None:
            raise LookupError(f"the row of the poll budget {self._ceiling.key!r} was removed while it was used")
        wait, in_force = row
        self._ceiling.found(in_force)
        return float(wait)

    async def pause(self, seconds: float) -> None:
        """Let no process poll for so many seconds. A longer pause that is under way stays."""
        async with self._database.transaction() as cursor:
            statement = self._database.statement(_PAUSE)
            await cursor.execute(statement, {"key": self._ceiling.key, "seconds": float(seconds)})

    async def paused_for(self) -> float:
        """Return the seconds for which a pause still lasts; 0 if there is none."""
        async with self._database.transaction() as cursor:
            await cursor.execute(self._database.statement(_PAUSED_FOR), (self._ceiling.key,))
            row = await cursor.fetchone()
        return 0.0 if row is None else max(float(row[0]), 0.0)
