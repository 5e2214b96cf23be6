"""Waiting for a lease: at once where the server can notify, at a modest pace elsewhere, and never a query for each."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from dollr_async.base.errors import JournalError
from dollr_async.journal import PostgresJournal
from dollr_async.testing.support import an_entry, claimed
from tests.journal.postgres.store import let_time_pass, query
from tests.support.postgres import CONNINFO, pgbouncer
from tests.support.tcp_proxy import TCPProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


@asynccontextmanager
async def two(schema: str, source: str | AsyncConnectionPool = CONNINFO) -> AsyncIterator[list[PostgresJournal]]:
    async with PostgresJournal(CONNINFO, schema=schema) as holder, PostgresJournal(source, schema=schema) as waiter:
        yield [holder, waiter]


async def seconds_until_released(holder: PostgresJournal, waiter: PostgresJournal, *, after: float) -> float:
    entry = an_entry()
    number = await claimed(holder, entry)
    waiting = asyncio.create_task(waiter.released(entry.reference_id, timeout=10.0))
    await asyncio.sleep(after)
    assert not waiting.done()
    released = time.monotonic()
    await holder.release(entry.reference_id, number)
    await waiting
    return time.monotonic() - released


def listening(schema: str) -> list[int]:
    """Return the processes of the server that listen for this journal."""
    rows = query(
        schema,
        "SELECT pid FROM pg_stat_activity, {identity} "
        "WHERE query = 'LISTEN \"dollr_' || replace(identity::text, '-', '') || '\"'",
    )
    return [pid for (pid,) in rows]


async def test_a_release_is_noticed_at_once_where_the_server_notifies(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        assert min([await seconds_until_released(holder, waiter, after=0.7) for _ in range(3)]) < 0.4


async def test_a_release_is_noticed_soon_through_a_pooler(schema: str) -> None:
    with TemporaryDirectory() as directory, pgbouncer(Path(directory)) as source:
        async with two(schema, source) as (holder, waiter):
            assert await seconds_until_released(holder, waiter, after=0.7) < 2.0
            assert await seconds_until_released(holder, waiter, after=0.1) < 2.0
            # Not even a test: a connection of the pooler would go on to listen, for whoever gets it next.
            assert listening(schema) == []


async def test_a_release_is_noticed_soon_with_a_callers_pool(schema: str) -> None:
    async with (
        AsyncConnectionPool(CONNINFO, min_size=1, max_size=2, open=False) as pool,
        two(schema, pool) as (
            holder,
            waiter,
        ),
    ):
        assert await seconds_until_released(holder, waiter, after=0.7) < 2.0


async def test_a_release_in_the_same_process_is_noticed_at_once(schema: str) -> None:
    async with (
        AsyncConnectionPool(CONNINFO, min_size=1, max_size=2, open=False) as pool,
        two(schema, pool) as (
            _,
            journal,
        ),
    ):
        assert await seconds_until_released(journal, journal, after=0.6) < 0.4


async def test_a_lease_that_runs_out_is_noticed(schema: str) -> None:
    async with (
        PostgresJournal(CONNINFO, schema=schema, lease=1.0) as holder,
        PostgresJournal(CONNINFO, schema=schema) as waiter,
    ):
        entry = an_entry()
        await claimed(holder, entry)
        began = time.monotonic()
        await waiter.released(entry.reference_id, timeout=10.0)
        assert 0.7 < time.monotonic() - began < 3.0


async def test_it_returns_at_once_where_no_live_run_works_on_the_payment(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        await holder.release(entry.reference_id, await claimed(holder, entry))
        for reference_id in (entry.reference_id, uuid4()):
            began = time.monotonic()
            await waiter.released(reference_id, timeout=10.0)
            assert time.monotonic() - began < 2.0


async def test_it_returns_after_the_timeout_and_leaves_nothing(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        await claimed(holder, entry)
        await waiter.released(entry.reference_id, timeout=0.8)
        assert await holder.is_live(entry.reference_id)
        await asyncio.sleep(0.2)
        assert not waiter._database._tasks
        assert listening(schema) == []


async def test_the_connection_that_listens_lives_while_somebody_waits(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        await claimed(holder, entry)
        waiting = [asyncio.create_task(waiter.released(entry.reference_id, timeout=30.0)) for _ in range(5)]
        await asyncio.sleep(0.6)
        assert len(listening(schema)) == 1
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await asyncio.sleep(0.3)
        assert listening(schema) == []


async def test_a_hundred_that_wait_share_two_queries_a_second(schema: str) -> None:
    server = psycopg.conninfo.conninfo_to_dict(CONNINFO)
    async with (
        TCPProxy(str(server["host"]), int(server["port"] or 5432)) as proxy,
        AsyncConnectionPool(
            psycopg.conninfo.make_conninfo(CONNINFO, host="127.0.0.1", port=proxy.port), min_size=1, open=False
        ) as pool,
        two(schema, pool) as (holder, waiter),
    ):
        entries = [an_entry() for _ in range(100)]
        await asyncio.gather(*(claimed(holder, entry) for entry in entries))
        await waiter.unfinished()
        proxy.count(b"lease_until - clock_timestamp")
        waits = [asyncio.create_task(waiter.released(entry.reference_id, timeout=2.2)) for entry in entries]
        await asyncio.wait(waits)
        assert 3 <= proxy.counted[b"lease_until - clock_timestamp"] <= 6


async def test_a_release_lets_a_few_go_and_the_others_follow(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        number = await claimed(holder, entry)
        waiting = {asyncio.create_task(waiter.released(entry.reference_id, timeout=30.0)) for _ in range(8)}
        await asyncio.sleep(0.6)
        await holder.release(entry.reference_id, number)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            # By the journal itself, by the notification and by a query.
            assert len(done) <= 3
            number = await claimed(waiter, entry)
            await waiter.release(entry.reference_id, number)


async def test_a_connection_that_listens_and_is_lost_does_no_harm(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        number = await claimed(holder, entry)
        waiting = asyncio.create_task(waiter.released(entry.reference_id, timeout=10.0))
        await asyncio.sleep(0.7)
        (process,) = listening(schema)
        query(schema, "SELECT pg_terminate_backend(%(process)s)", process=process)
        await asyncio.sleep(0.1)
        await holder.release(entry.reference_id, number)
        began = time.monotonic()
        await waiting
        assert time.monotonic() - began < 2.0


async def test_closing_lets_all_go(schema: str) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        await claimed(holder, entry)
        waiting = [asyncio.create_task(waiter.released(entry.reference_id, timeout=60.0)) for _ in range(3)]
        await asyncio.sleep(0.3)
        await waiter.close()
        await asyncio.wait_for(asyncio.gather(*waiting), 1.0)
        with pytest.raises(JournalError, match="is closed"):
            await waiter.released(entry.reference_id, timeout=1.0)


async def test_a_lost_database_does_not_end_the_waiting(schema: str, caplog: pytest.LogCaptureFixture) -> None:
    async with two(schema) as (holder, waiter):
        entry = an_entry()
        await claimed(holder, entry)
        waiting = asyncio.create_task(waiter.released(entry.reference_id, timeout=1.5))
        await asyncio.sleep(0.6)
        query(schema, "ALTER TABLE {payments} RENAME TO elsewhere")
        let_go = asyncio.create_task(waiter.released(uuid4(), timeout=1.0))
        await asyncio.gather(waiting, let_go)
        assert "leases in the journal cannot be watched" in caplog.text
        query(schema, 'ALTER TABLE {schema}."elsewhere" RENAME TO dollr_journal_payments')
        let_time_pass(schema, 60.0)
        await waiter.released(entry.reference_id, timeout=10.0)
