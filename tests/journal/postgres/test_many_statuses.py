"""Thousands of payments that settle at once do not hold up those that begin, nor the outcomes that are handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg_pool import AsyncConnectionPool

from dollr_async.journal import PostgresJournal
from tests.support.many_statuses import MANY, statuses_written_before_a_read
from tests.support.postgres import CONNINFO

if TYPE_CHECKING:
    import psycopg

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


async def test_status_writes_leave_connections_to_others(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        assert await statuses_written_before_a_read(journal) < MANY / 3


@pytest.mark.parametrize("connections", [1, 2])
async def test_status_writes_go_through_a_pool_of_the_caller_that_is_small(schema: str, connections: int) -> None:
    pool: AsyncConnectionPool[psycopg.AsyncConnection] = AsyncConnectionPool(
        CONNINFO, min_size=connections, max_size=connections, open=False
    )
    async with pool, PostgresJournal(pool, schema=schema) as journal:
        assert await statuses_written_before_a_read(journal) < MANY / 3
