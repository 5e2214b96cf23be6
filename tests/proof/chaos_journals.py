"""The journals of a chaos: a file, or PostgreSQL whose connections are cut all the time."""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg

from dollr_async.journal import PostgresJournal, SQLiteJournal
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.journal import Journal

_PAUSES = (0.05, 0.5)
_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s "
    "ORDER BY state <> 'active', random() LIMIT 1"
)


@asynccontextmanager
async def file_journal() -> AsyncIterator[Journal]:
    """Make a journal in a file."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        async with SQLiteJournal(f"{directory}/payments.db") as journal:
            yield journal


@asynccontextmanager
async def cut_journal() -> AsyncIterator[Journal]:
    """Make a journal in PostgreSQL, cut its connections, and print how many were cut."""
    with own_schema() as schema:
        async with PostgresJournal(f"{CONNINFO}?application_name={schema}", schema=schema) as journal:
            cuts: list[int] = []
            cutting = asyncio.create_task(_cut(schema, cuts))
            try:
                yield journal
            finally:
                cutting.cancel()
                await asyncio.gather(cutting, return_exceptions=True)
                print(f"{'connections cut':45} {sum(cuts):8}")  # noqa: T201 - the program prints figures


async def _cut(application: str, cuts: list[int]) -> None:
    async with await psycopg.AsyncConnection.connect(CONNINFO, autocommit=True) as connection:
        while True:
            await asyncio.sleep(random.uniform(*_PAUSES))  # noqa: S311 - no secret
            found = await connection.execute(_CUT, (application,))
            cuts.append(len(await found.fetchall()))
