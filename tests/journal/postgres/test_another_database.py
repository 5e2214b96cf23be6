"""Another database behind the same address is never taken for the journal, and what is missing is said."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.journal import PostgresJournal
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from dollr_async.testing.support import BEGAN, an_entry, claimed
from tests.journal.postgres.store import query
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Use = Callable[[PostgresJournal], Awaitable[object]]

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")

USES: dict[str, Use] = {
    "claim": lambda journal: journal.claim(an_entry()),
    "read": lambda journal: journal.read(uuid4()),
    "settle": lambda journal: journal.settle(uuid4(), "COMPLETED", "COMPLETED"),
    "unfinished": lambda journal: journal.unfinished(),
    "of_source": lambda journal: journal.unfinished_of_source("INVOICE", 1),
    "is_live": lambda journal: journal.is_live(uuid4()),
    "follow": lambda journal: journal.follow("worker", limit=1, lease=9.0),
    "stop_following": lambda journal: journal.stop_following("worker", uuid4()),
    "hand_out": lambda journal: journal.hand_out(lease=9.0),
    "close_payment": lambda journal: journal.close_payment(uuid4(), "FAILED", "no"),
    "has_work": lambda journal: journal.has_work(since=BEGAN),
    "purge": lambda journal: journal.purge(handled_before=BEGAN, limit=9),
}


class Impatient(PostgresJournal):
    """It waits for a moment only."""

    _patience = 0.3


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_an_empty_database_is_an_error_and_no_new_journal(schema: str, use: Use) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await journal.unfinished()
        query(schema, "DROP SCHEMA {schema} CASCADE")
        with pytest.raises(JournalError, match=r"is not in this database any more .*Connect to the server that has"):
            await use(journal)
        assert query(schema, "SELECT 1 FROM pg_namespace WHERE nspname = %(name)s", name=schema) == []


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_another_journal_is_an_error_and_is_left_alone(schema: str, use: Use) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await journal.unfinished()
        query(schema, "UPDATE {identity} SET identity = gen_random_uuid()")
        with pytest.raises(JournalError, match="is not the one that was opened: the database now has another one"):
            await use(journal)
        assert (
            query(schema, "SELECT count(*) FROM {payments}")
            == query(schema, "SELECT count(*) FROM {workers}")
            == [(0,)]
        )


async def test_what_a_run_holds_is_not_written_into_another_journal(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        entry = await executed(journal, outcome="COMPLETED")
        ended = await handed_out(journal)
        number = await claimed(journal, entry)
        query(schema, "UPDATE {identity} SET identity = gen_random_uuid()")
        for call in (
            journal.write(entry, number),
            journal.renew(entry.reference_id, number),
            journal.mark_handled(ended),
            journal.renew_hand_out(entry.reference_id, ended.number, lease=9.0),
            journal.release(entry.reference_id, number),
        ):
            with pytest.raises(JournalError, match="is not the one that was opened"):
                await call
        assert query(schema, "SELECT lease_token IS NULL, handled_at FROM {payments}") == [(False, None)]


async def test_tables_without_a_journal_are_an_error(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await journal.unfinished()
    query(schema, "DELETE FROM {identity}")
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        with pytest.raises(JournalError, match="the database now has an unfinished one"):
            await journal.claim(an_entry())


async def test_tables_of_a_newer_version_are_an_error(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await journal.unfinished()
    query(schema, "UPDATE {identity} SET version = 2")
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        with pytest.raises(
            JournalError, match=r"made by a newer dollr_async \(version 2 of its tables, this one knows 1"
        ):
            await journal.claim(an_entry())


async def test_without_migrate_missing_tables_are_an_error_that_names_the_sql(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema, migrate=False) as journal:
        with pytest.raises(JournalError, match=rf"has no tables in this database.*PostgresJournal\.ddl\('{schema}'\)"):
            await journal.claim(an_entry())
        for _ in range(2):
            with psycopg.connect(CONNINFO, autocommit=True) as connection:
                connection.execute(PostgresJournal.ddl(schema).encode())
        assert (await journal.claim(an_entry())).is_new


async def test_a_role_without_rights_is_an_error_that_says_which(schema: str) -> None:
    role = f"{schema}_role"
    query(schema, "CREATE ROLE {role} LOGIN".replace("{role}", role))
    try:
        mine = psycopg.conninfo.make_conninfo(CONNINFO, user=role)
        async with PostgresJournal(mine, schema=schema) as journal:
            with pytest.raises(JournalError, match=r"refuses this role .*: grant it SELECT, INSERT, UPDATE and DELETE"):
                await journal.claim(an_entry())
        async with PostgresJournal(CONNINFO, schema=schema) as journal:
            await journal.unfinished()
        query(schema, f"GRANT USAGE ON SCHEMA {{schema}} TO {role}")
        query(
            schema,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {{identity}}, {{payments}}, {{workers}} TO {role}",
        )
        async with PostgresJournal(mine, schema=schema) as journal:
            assert (await journal.claim(an_entry())).is_new
    finally:
        query(schema, f"DROP OWNED BY {role}")
        query(schema, f"DROP ROLE {role}")


async def test_a_server_that_is_read_only_is_an_error(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await journal.unfinished()
    read_only = psycopg.conninfo.make_conninfo(CONNINFO, options="-c default_transaction_read_only=on")
    async with Impatient(read_only, schema=schema) as journal:
        with pytest.raises(
            JournalError, match="is on a server that is read-only, as a replica is: connect to the primary"
        ):
            await journal.claim(an_entry())


async def test_two_schemas_know_nothing_of_each_other(schema: str) -> None:
    with own_schema() as another, own_schema() as odd:
        names = (schema, another, f'50% "{odd}" {{x}}')
        journals = [PostgresJournal(CONNINFO, schema=name) for name in names]
        entry = an_entry()
        try:
            assert [(await journal.claim(entry)).is_new for journal in journals] == [True, True, True]
        finally:
            await asyncio.gather(*(journal.close() for journal in journals))
            query(names[2], "DROP SCHEMA {schema} CASCADE")


async def test_first_uses_at_once_make_one_journal(schema: str) -> None:
    journals = [PostgresJournal(CONNINFO, schema=schema) for _ in range(6)]
    claims = await asyncio.gather(*(journal.claim(an_entry()) for journal in journals))
    assert all(claim.is_new for claim in claims)
    assert len(query(schema, "SELECT 1 FROM {identity}")) == 1
    await asyncio.gather(*(journal.close() for journal in journals))


@pytest.mark.parametrize("value", ["nul\0", "\udc80"])
async def test_a_value_that_cannot_be_held_is_an_error(schema: str, value: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        with pytest.raises(JournalError, match="cannot hold a value of this payment"):
            await journal.settle(uuid4(), value, None)
        for number in (2**63, 10**400):
            with pytest.raises(JournalError, match="cannot hold a value of this payment"):
                await journal.claim(attrs.evolve(an_entry(), party_id=number))


async def test_a_row_that_was_changed_by_something_else_is_an_error(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        entry = an_entry()
        await claimed(journal, entry)
        query(schema, "UPDATE {payments} SET terms_amount = 'much'")
        with pytest.raises(JournalError, match=f"the journal's row of payment {entry.reference_id} cannot be read"):
            await journal.read(entry.reference_id)


@pytest.mark.parametrize("source", [None, 7, b"postgresql://"])
def test_something_that_is_no_connection_string_is_refused(source: str) -> None:
    with pytest.raises(InvalidInputError, match="give a connection string"):
        PostgresJournal(source)


@pytest.mark.parametrize("source", ["password=hunter2 nonsense", "postgresql://me:hunter2@[host"])
def test_a_connection_string_that_cannot_be_read_is_not_shown(source: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        PostgresJournal(source)
    assert "hunter2" not in repr(caught.value)


async def test_any_word_is_no_outcome(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        with pytest.raises(InvalidInputError, match="outcome must be one of COMPLETED, FAILED, REFUSED, not 'PAID'"):
            await journal.close_payment(uuid4(), "PAID", "no")


def test_a_schema_is_quoted_in_the_sql() -> None:
    assert SQL("{}").format(Identifier('a"b')).as_string(None) + ".dollr_journal_payments" in PostgresJournal.ddl('a"b')
