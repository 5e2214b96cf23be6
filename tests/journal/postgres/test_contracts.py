"""The journal in PostgreSQL passes every contract test, also with a caller's own pool and through a pooler."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from psycopg_pool import AsyncConnectionPool

from dollr_async.journal import PostgresJournal
from dollr_async.testing import (
    IndexedJournalContract,
    JournalContract,
    OutcomeJournalContract,
    SearchableOutcomeJournalContract,
)
from tests.journal.postgres.store import PostgresStore
from tests.support.postgres import CONNINFO, pgbouncer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


class TestPostgresJournal(PostgresStore, JournalContract):
    """The entries and leases."""


class TestPostgresOutcomes(PostgresStore, OutcomeJournalContract):
    """The outcomes."""


class TestPostgresIndexes(PostgresStore, IndexedJournalContract):
    """The narrow questions."""


class TestPostgresSearch(PostgresStore, SearchableOutcomeJournalContract):
    """The outcomes that are found without a lease."""


class OwnPoolStore(PostgresStore):
    """A contract over a caller's own pool, whose connections are not in autocommit."""

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[PostgresJournal]:
        async with (
            AsyncConnectionPool(CONNINFO, min_size=1, max_size=4, open=False) as pool,
            PostgresJournal(pool, schema=self.schema) as journal,
        ):
            yield journal


class TestPostgresJournalWithAPool(OwnPoolStore, JournalContract):
    """The entries and leases."""


class TestPostgresOutcomesWithAPool(OwnPoolStore, OutcomeJournalContract):
    """The outcomes."""


class TestPostgresIndexesWithAPool(OwnPoolStore, IndexedJournalContract):
    """The narrow questions."""


class PoolerStore(PostgresStore):
    """A contract through a pooler that gives a connection for one transaction only."""

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def pooler(request: pytest.FixtureRequest) -> Iterator[None]:
        with TemporaryDirectory() as directory, pgbouncer(Path(directory)) as request.cls.conninfo:
            yield

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[PostgresJournal]:
        async with PostgresJournal(self.conninfo, schema=self.schema) as journal:
            yield journal

    @asynccontextmanager
    async def another(self, journal: object) -> AsyncIterator[PostgresJournal]:
        async with PostgresJournal(self.conninfo, schema=self.schema) as other:
            yield other

    conninfo: str


class TestPostgresJournalThroughAPooler(PoolerStore, JournalContract):
    """The entries and leases."""


class TestPostgresOutcomesThroughAPooler(PoolerStore, OutcomeJournalContract):
    """The outcomes."""


class TestPostgresIndexesThroughAPooler(PoolerStore, IndexedJournalContract):
    """The narrow questions."""
