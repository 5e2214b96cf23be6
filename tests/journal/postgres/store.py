"""The schema of one test, and journals in it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from dollr_async.journal import PostgresJournal
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


def query(schema: str, statement: LiteralString, conninfo: str = CONNINFO, **values: object) -> list[tuple[Any, ...]]:
    """Run a statement as another program would, with `{payments}` and so on for the tables, and return its rows."""
    names = {name: Identifier(schema, f"dollr_journal_{name}") for name in ("identity", "payments", "workers")}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(SQL(statement).format(**names, schema=Identifier(schema)), values or None)
        return cursor.fetchall() if cursor.description else []


async def until(condition: Callable[[], bool]) -> None:
    """Wait in real time until something is so."""
    while not condition():  # noqa: ASYNC110 - what is waited for is in another process
        await asyncio.sleep(0.001)


def let_time_pass(schema: str, seconds: float) -> None:
    """Move every lease of a journal into the past."""
    gap = "- make_interval(secs => %(seconds)s)"
    query(
        schema,
        f"UPDATE {{payments}} SET lease_until = lease_until {gap}, check_at = check_at {gap}, "  # noqa: S608 - only names
        f"hand_out_until = hand_out_until {gap}",
        seconds=seconds,
    )
    query(
        schema,
        "UPDATE {workers} SET lease_until = lease_until - make_interval(secs => %(seconds)s)",
        seconds=seconds,
    )


class PostgresStore:
    """A contract over a schema of its own."""

    @pytest.fixture(autouse=True)
    def place(self) -> Iterator[None]:
        with own_schema() as self.schema:
            yield

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[PostgresJournal]:
        async with PostgresJournal(CONNINFO, schema=self.schema) as journal:
            yield journal

    @asynccontextmanager
    async def another(self, journal: object) -> AsyncIterator[PostgresJournal]:
        async with PostgresJournal(CONNINFO, schema=self.schema) as other:
            yield other

    async def pass_time(self, seconds: float) -> None:
        let_time_pass(self.schema, seconds)
