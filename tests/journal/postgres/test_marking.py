"""The mark in the caller's own transaction: it commits or rolls back with the caller's changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from dollr_async.base.errors import AlreadyHandledError, InvalidInputError, JournalError
from dollr_async.journal import PostgresJournal
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from tests.journal.postgres.store import query
from tests.support.postgres import CONNINFO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.journal import EndedPayment

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


@pytest.fixture
async def journal(schema: str) -> AsyncIterator[PostgresJournal]:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await executed(journal, outcome="COMPLETED")
        query(schema, "CREATE TABLE {schema}.orders (payment uuid)")
        yield journal


async def order(connection: AsyncConnection[Any], schema: str, ended: EndedPayment) -> None:
    await connection.execute(
        SQL("INSERT INTO {} VALUES (%s)").format(Identifier(schema, "orders")),
        (ended.entry.reference_id,),
    )


def kept(schema: str) -> tuple[int, int]:
    """Return how many orders there are, and how many marks."""
    ((orders,),) = query(schema, "SELECT count(*) FROM {schema}.orders")
    ((marks,),) = query(schema, "SELECT count(*) FROM {payments} WHERE handled_at IS NOT NULL")
    return orders, marks


async def test_the_mark_commits_with_the_order(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO, row_factory=dict_row) as connection:
        await order(connection, schema, ended)
        await journal.mark_handled(ended, connection)
        assert kept(schema) == (0, 0)
    assert kept(schema) == (1, 1)
    with pytest.raises(AlreadyHandledError):
        await journal.mark_handled(ended)


async def test_the_mark_rolls_back_with_the_order(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with (
        await AsyncConnection.connect(CONNINFO, autocommit=True) as connection,
        connection.transaction(force_rollback=True),
    ):
        await order(connection, schema, ended)
        await journal.mark_handled(ended, connection)
    assert kept(schema) == (0, 0)
    await journal.give_back(ended.entry.reference_id, ended.number)
    assert (await handed_out(journal)).number == 2


async def test_a_mark_alone_begins_the_callers_transaction(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO) as connection:
        await journal.mark_handled(ended, connection)
        await connection.rollback()
        assert kept(schema) == (0, 0)
        await journal.mark_handled(ended, connection)
    assert kept(schema) == (0, 1)


async def test_of_two_at_once_the_second_waits_and_is_rolled_back(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)

    async def second() -> None:
        async with await AsyncConnection.connect(CONNINFO) as connection:
            await order(connection, schema, ended)
            await journal.mark_handled(ended, connection)

    async with await AsyncConnection.connect(CONNINFO) as connection:
        await order(connection, schema, ended)
        await journal.mark_handled(ended, connection)
        other = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        assert not other.done()
    with pytest.raises(AlreadyHandledError, match="roll your transaction back"):
        await other
    assert kept(schema) == (1, 1)


async def test_the_second_marks_when_the_first_is_rolled_back(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO) as connection:
        await journal.mark_handled(ended, connection)
        other = asyncio.create_task(journal.mark_handled(ended))
        await asyncio.sleep(0.2)
        assert not other.done()
        await connection.rollback()
        await other
    assert kept(schema) == (0, 1)


async def test_a_payment_that_a_transaction_marks_is_not_handed_out_meanwhile(journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    await journal.give_back(ended.entry.reference_id, ended.number)
    async with await AsyncConnection.connect(CONNINFO) as connection:
        await journal.mark_handled(ended, connection)
        assert await journal.hand_out(lease=9.0) is None
        await connection.rollback()
    assert await journal.hand_out(lease=9.0) is not None


async def test_a_strict_transaction_that_comes_second_is_told_to_roll_back(journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO) as connection:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.execute("SELECT 1")
        await journal.mark_handled(ended)
        with pytest.raises(JournalError, match="at the same time: roll your transaction back"):
            await journal.mark_handled(ended, connection)
        await connection.rollback()


async def test_the_callers_transaction_keeps_its_settings(journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO, options="-c synchronous_commit=local") as connection:
        before = await (await connection.execute("SELECT name, setting FROM pg_settings ORDER BY 1")).fetchall()
        await journal.mark_handled(ended, connection)
        assert await (await connection.execute("SELECT name, setting FROM pg_settings ORDER BY 1")).fetchall() == before


async def test_a_connection_outside_of_a_transaction_is_refused(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO, autocommit=True) as connection:
        with pytest.raises(
            InvalidInputError, match=r"in autocommit and in no transaction.*connection\.transaction\(\)"
        ):
            await journal.mark_handled(ended, connection)
    with pytest.raises(InvalidInputError, match="is closed"):
        await journal.mark_handled(ended, connection)
    assert kept(schema) == (0, 0)


async def test_a_transaction_that_has_failed_is_refused(journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with await AsyncConnection.connect(CONNINFO) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.execute("SELECT 1 / 0")
        with pytest.raises(InvalidInputError, match="has failed: roll it back"):
            await journal.mark_handled(ended, connection)
        await connection.rollback()


async def test_a_connection_to_another_database_is_refused_and_goes_on(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    other = psycopg.conninfo.make_conninfo(CONNINFO, dbname="postgres")
    async with await AsyncConnection.connect(other) as connection:
        with pytest.raises(InvalidInputError, match="is to another database than that of this journal"):
            await journal.mark_handled(ended, connection)
        await connection.execute("SELECT 1")
    query(schema, "DROP TABLE {identity}")
    query(
        schema,
        "CREATE TABLE {identity} AS SELECT gen_random_uuid() AS identity, 1 AS version, NULL::text AS moved_to",
    )
    async with await AsyncConnection.connect(CONNINFO) as connection:
        with pytest.raises(InvalidInputError, match="is to another database than that of this journal"):
            await journal.mark_handled(ended, connection)
    assert kept(schema) == (0, 0)


@pytest.mark.parametrize("wrong", [object(), 7, "connection", True])
async def test_something_that_is_no_connection_is_refused(journal: PostgresJournal, wrong: object) -> None:
    with pytest.raises(InvalidInputError, match=r"takes a psycopg\.AsyncConnection that is in a transaction of yours"):
        await journal.mark_handled(await handed_out(journal), wrong)


async def test_a_sync_connection_is_refused(journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    with (
        psycopg.connect(CONNINFO) as connection,
        pytest.raises(InvalidInputError, match=r"takes a psycopg\.AsyncConnection.*not a psycopg\.Connection"),
    ):
        await journal.mark_handled(ended, connection)


async def test_a_connection_that_is_lost_is_an_error(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    connection = await AsyncConnection.connect(CONNINFO)
    await connection.execute("SELECT 1")
    query(schema, "SELECT pg_terminate_backend(%(pid)s)", pid=connection.info.backend_pid)
    with pytest.raises(JournalError, match="cannot be reached"):
        await journal.mark_handled(ended, connection)
    await connection.close()
    assert kept(schema) == (0, 0)


async def test_a_journal_marks_in_its_first_use(schema: str, journal: PostgresJournal) -> None:
    ended = await handed_out(journal)
    async with (
        PostgresJournal(CONNINFO, schema=schema) as fresh,
        await AsyncConnection.connect(CONNINFO) as connection,
    ):
        await fresh.mark_handled(ended, connection)
    assert kept(schema) == (0, 1)
