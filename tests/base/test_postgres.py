"""PostgreSQL: the pool, the tables that are made once, and names and connection strings that are refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.postgres import PostgresDatabase, ddl
from tests.support.postgres import CONNINFO, own_schema, pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.base.postgres import Relations

pytestmark = pytest.mark.real_time  # a server in another process does not wait for a virtual clock

RELATIONS: Relations = {
    "things": "CREATE TABLE IF NOT EXISTS {schema}.things (name text PRIMARY KEY, size integer)",
    "big_things": "CREATE INDEX IF NOT EXISTS big_things ON {schema}.things (size) WHERE size > 9",
}


@pytest.fixture
def schema() -> Iterator[str]:
    with own_schema() as name:
        yield name


def a_database(
    schema: object, source: object = CONNINFO, *, migrate: bool = True, timeout: float = 5.0
) -> PostgresDatabase:
    give: Any = PostgresDatabase  # wrong arguments are tried too
    database: PostgresDatabase = give(source, schema=schema, migrate=migrate, relations=RELATIONS, timeout=timeout)
    return database


async def insert(database: PostgresDatabase, name: str) -> None:
    async with database.transaction() as cursor:
        await cursor.execute(database.statement("INSERT INTO {schema}.things VALUES (%s, 1)"), (name,))


async def delete_all_and_fail(database: PostgresDatabase) -> None:
    async with database.transaction() as cursor:
        await cursor.execute(database.statement("DELETE FROM {schema}.things"))
        await cursor.execute("SELECT 1 / 0")


async def names(database: PostgresDatabase) -> list[str]:
    async with database.transaction() as cursor:
        await cursor.execute(database.statement("SELECT name FROM {schema}.things ORDER BY name"))
        return [name for (name,) in await cursor.fetchall()]


async def test_a_missing_schema_and_its_tables_are_made_at_the_first_use(schema: str) -> None:
    database = a_database(schema)
    await insert(database, "a")
    await database.close()
    assert await names(database) == ["a"]  # a use after close opens another pool
    await database.close()
    await database.close()


async def test_a_failed_transaction_leaves_nothing(schema: str) -> None:
    database = a_database(schema)
    await insert(database, "a")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await delete_all_and_fail(database)
    assert await names(database) == ["a"]
    await database.close()


async def test_first_uses_at_once_do_not_race(schema: str) -> None:
    databases = [a_database(schema) for _ in range(8)]
    await asyncio.gather(*(insert(database, str(number)) for number, database in enumerate(databases)))
    assert len(await names(databases[0])) == 8
    many = [insert(databases[0], f"again {number}") for number in range(20)]
    await asyncio.gather(*many)
    await asyncio.gather(*(database.close() for database in databases))


async def test_without_migrate_nothing_is_made_and_ddl_makes_the_same(schema: str) -> None:
    database = a_database(schema, migrate=False)
    with pytest.raises(psycopg.errors.UndefinedTable):
        await insert(database, "a")
    for _ in range(2):
        with psycopg.connect(CONNINFO, autocommit=True) as connection:
            connection.execute(SQL(ddl(schema, RELATIONS)))
    await insert(database, "a")
    await database.close()


async def test_tables_that_are_gone_later_are_not_made_again(schema: str) -> None:
    database = a_database(schema)
    await insert(database, "a")
    with psycopg.connect(CONNINFO, autocommit=True) as connection:
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))
    await database.close()
    with pytest.raises(psycopg.errors.UndefinedTable):
        await insert(database, "b")
    await database.close()


async def test_a_role_without_the_right_to_make_tables_uses_those_that_exist(schema: str) -> None:
    maker = a_database(schema)
    await insert(maker, "a")
    await maker.close()
    role = f"{schema}_role"
    with psycopg.connect(CONNINFO, autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(role)))
        connection.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(schema), Identifier(role)))
        grant = SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}")
        connection.execute(grant.format(Identifier(schema), Identifier(role)))
    try:
        user = a_database(schema, psycopg.conninfo.make_conninfo(CONNINFO, user=role))
        assert await names(user) == ["a"]
        await user.close()
    finally:
        with psycopg.connect(CONNINFO, autocommit=True) as connection:
            connection.execute(SQL("DROP OWNED BY {}").format(Identifier(role)))
            connection.execute(SQL("DROP ROLE {}").format(Identifier(role)))


@pytest.mark.parametrize("autocommit", [True, False])
async def test_the_callers_own_pool_is_used_and_stays_open(schema: str, *, autocommit: bool) -> None:
    settings: dict[str, Any] = {"autocommit": autocommit, "row_factory": dict_row}
    async with AsyncConnectionPool(CONNINFO, min_size=1, max_size=1, open=False, kwargs=settings) as pool:
        database = a_database(schema, pool)
        assert not database.owns_pool
        await insert(database, "a")
        await database.close()
        assert await names(database) == ["a"]


async def test_after_the_server_ended_every_connection_the_next_use_does_not_wait(schema: str) -> None:
    database = a_database(schema)
    await insert(database, "first")
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(database.connection()) for _ in range(4)]
        processes = [connection.info.backend_pid for connection in opened]
    with psycopg.connect(CONNINFO, autocommit=True) as other:
        for process in processes:
            other.execute("SELECT pg_terminate_backend(%s)", (process,))
    await asyncio.sleep(0.1)
    began = asyncio.get_running_loop().time()
    await insert(database, "a")
    assert asyncio.get_running_loop().time() - began < 0.9
    await database.close()


async def test_it_works_through_a_pooler_that_gives_a_connection_for_one_transaction(schema: str) -> None:
    with TemporaryDirectory() as directory, pgbouncer(Path(directory)) as source:
        databases = [a_database(schema, source) for _ in range(3)]
        for turn in range(8):
            await asyncio.gather(*(insert(one, f"{turn} {number}") for number, one in enumerate(databases)))
        assert len(await names(databases[0])) == 24
        await asyncio.gather(*(database.close() for database in databases))


async def test_an_unreachable_server_is_an_error_after_the_timeout() -> None:
    database = a_database("public", "host=127.0.0.1 port=1 user=nobody", timeout=0.3)
    with pytest.raises(PoolTimeout):
        await insert(database, "a")
    await database.close()


def test_a_second_event_loop_is_refused(schema: str) -> None:
    database = a_database(schema)

    async def use_in_both() -> None:
        await insert(database, "a")

        def use_elsewhere() -> None:
            with pytest.raises(ConfigurationError, match="another event loop"):
                asyncio.run(names(database))

        await asyncio.to_thread(use_elsewhere)
        await database.close()

    asyncio.run(use_in_both())


@pytest.mark.parametrize("schema", ["", "a" * 64, "pg_mine", "with\nbreak", "nul\0", 7])
def test_a_schema_that_cannot_be_is_refused(schema: object) -> None:
    with pytest.raises(InvalidInputError, match="is not the name of a schema"):
        a_database(schema)
    with pytest.raises(InvalidInputError, match="is not the name of a schema"):
        ddl(cast("str", schema), RELATIONS)


def test_a_schema_is_quoted() -> None:
    assert '"a""; DROP"."things"' not in ddl('a"; DROP', RELATIONS)
    assert '"a""; DROP".things' in ddl('a"; DROP', RELATIONS)


@pytest.mark.parametrize("source", ["password=hunter2 nonsense", "postgresql://me:hunter2@[host"])
def test_a_connection_string_that_cannot_be_read_is_not_repeated(source: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        a_database("public", source)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_something_else_is_refused_and_the_password_is_not_shown() -> None:
    with pytest.raises(InvalidInputError, match="AsyncConnectionPool, not a int"):
        a_database("public", 5432)
    assert "hunter2" not in repr(a_database("public", "password=hunter2 host=127.0.0.1"))


@pytest.mark.parametrize("missing", ["psycopg", "psycopg_pool"])
def test_without_psycopg_the_error_says_what_to_install(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import dollr_async.base.postgres"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"ConfigurationError: {missing} is not installed: pip install 'dollr-async[postgres]'" in ended.stderr
