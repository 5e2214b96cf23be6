"""A connection that is lost in the midst of a change: the change is made once, and its answer is that of one call."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import psycopg
import pytest

from dollr_async.base.errors import AlreadyHandledError, JournalError
from dollr_async.journal import LeaseLostError, PostgresJournal
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from dollr_async.testing.support import an_entry, claimed
from tests.journal.postgres.store import query, until
from tests.support.postgres import CONNINFO
from tests.support.tcp_proxy import TCPProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")

BOTH = pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])


class Impatient(PostgresJournal):
    """It waits for one second only."""

    _patience = 1.0


@asynccontextmanager
async def through_a_proxy(schema: str) -> AsyncIterator[tuple[TCPProxy, PostgresJournal]]:
    server = psycopg.conninfo.conninfo_to_dict(CONNINFO)
    async with TCPProxy(str(server["host"]), int(server["port"] or 5432)) as proxy:
        conninfo = psycopg.conninfo.make_conninfo(CONNINFO, host="127.0.0.1", port=proxy.port)
        async with PostgresJournal(conninfo, schema=schema) as journal:
            await journal.unfinished()
            yield proxy, journal
            assert proxy.cuts == 1


def row(schema: str, column: str) -> object:
    ((found,),) = query(schema, "SELECT to_jsonb(p) FROM {payments} p")
    return found[column]


@BOTH
async def test_a_new_payment_is_claimed_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = an_entry()
        proxy.cut(b"INSERT INTO", after=after)
        claim = await journal.claim(entry)
        assert (claim.number, claim.is_new, claim.entry) == (1, True, entry)
        assert row(schema, "lease_number") == 1
        await journal.write(attrs.evolve(entry, step="party"), 1)


@BOTH
async def test_a_lease_is_taken_over_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = an_entry()
        await journal.release(entry.reference_id, await claimed(journal, entry))
        proxy.cut(b"lease_number = lease_number + 1", after=after)
        claim = await journal.claim(entry)
        assert (claim.number, claim.is_new) == (2, False)
        assert row(schema, "lease_number") == 2


@BOTH
async def test_an_entry_is_replaced_once_and_keeps_what_was_settled_since(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = an_entry()
        number = await claimed(journal, entry)
        proxy.cut(b"lease_writes = $", after=after)
        writing = asyncio.create_task(journal.write(attrs.evolve(entry, step="execution", sends=1), number))
        await until(lambda: proxy.cuts == 1)
        await writing
        await journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")
        found = await journal.read(entry.reference_id)
        assert found is not None
        assert (found.step, found.outcome) == ("execution", "COMPLETED")
        assert row(schema, "lease_writes") == 1


async def test_a_write_whose_answer_was_lost_is_not_repeated_over_a_later_outcome(schema: str) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = an_entry()
        number = await claimed(journal, entry)
        proxy.cut(b"lease_writes = $", after=True)
        writing = asyncio.create_task(journal.write(attrs.evolve(entry, sends=1), number))
        await until(lambda: proxy.cuts == 1)
        proxy.is_down = True
        await until(lambda: row(schema, "sends") == 1)
        query(schema, "UPDATE {payments} SET outcome = 'COMPLETED', ended_at = now()")
        proxy.is_down = False
        await writing
        assert row(schema, "outcome") == "COMPLETED"


@BOTH
async def test_other_changes_are_made_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = await executed(journal)
        number = await claimed(journal, entry)
        proxy.cut(b"pg_notify", after=after)
        await journal.release(entry.reference_id, number)
        assert not await journal.is_live(entry.reference_id)


@BOTH
async def test_a_status_is_settled_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = await executed(journal)
        proxy.cut(b"status = $", after=after)
        await journal.settle(entry.reference_id, "FAILED", "FAILED")
        assert (row(schema, "outcome"), row(schema, "handled_at")) == ("FAILED", None)


@BOTH
async def test_payments_are_followed_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entries = {(await executed(journal)).reference_id for _ in range(3)}
        proxy.cut(b"follow_token = $", after=after)
        found = await journal.follow("worker", limit=10, lease=60.0)
        assert {one.entry.reference_id for one in found} == entries


@BOTH
async def test_an_outcome_is_handed_out_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = await executed(journal, outcome="COMPLETED")
        proxy.cut(b"hand_out_number = p.hand_out_number + 1", after=after)
        ended = await handed_out(journal)
        assert (ended.entry.reference_id, ended.number) == (entry.reference_id, 1)


@BOTH
async def test_an_outcome_is_marked_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        await executed(journal, outcome="COMPLETED")
        ended = await handed_out(journal)
        proxy.cut(b"handled_token = $", after=after)
        await journal.mark_handled(ended)
        with pytest.raises(AlreadyHandledError):
            await journal.mark_handled(ended)


@BOTH
async def test_a_payment_is_closed_once(schema: str, *, after: bool) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = await executed(journal)
        proxy.cut(b"reason = $", after=after)
        await journal.close_payment(entry.reference_id, "REFUSED", "no trace of it")
        assert (row(schema, "outcome"), row(schema, "reason")) == ("REFUSED", "no trace of it")
        with pytest.raises(JournalError, match="has ended as NOT_RUN already"):
            await journal.close_payment(entry.reference_id, "REFUSED", "no trace of it")


async def test_connections_that_the_server_ends_are_replaced(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        entries = [an_entry() for _ in range(40)]
        claims = [asyncio.create_task(journal.claim(entry)) for entry in entries]
        with psycopg.connect(CONNINFO, autocommit=True) as other:
            for _ in range(10):
                await asyncio.sleep(0.01)
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s AND pid <> "
                    "pg_backend_pid()",
                    (f"%{schema}%",),
                )
        assert [claim.number for claim in await asyncio.gather(*claims)] == [1] * 40


async def test_a_server_that_cannot_be_reached_is_an_error_that_says_why(schema: str) -> None:
    conninfo = "postgresql://postgres:hunter2@127.0.0.1:1/test"
    async with Impatient(conninfo, schema=schema) as journal:
        with pytest.raises(
            JournalError, match=r"cannot be reached \(.*refused.*\): check that the server runs"
        ) as caught:
            await journal.claim(an_entry())
    assert "Nothing was changed" in str(caught.value)
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r} {journal!r}"


async def test_a_change_whose_answer_never_comes_is_an_error_that_says_so(schema: str) -> None:
    server = psycopg.conninfo.conninfo_to_dict(CONNINFO)
    async with TCPProxy(str(server["host"]), int(server["port"] or 5432)) as proxy:
        conninfo = psycopg.conninfo.make_conninfo(CONNINFO, host="127.0.0.1", port=proxy.port)
        async with Impatient(conninfo, schema=schema) as journal:
            entry = an_entry()
            number = await claimed(journal, entry)
            proxy.cut(b"lease_writes = $", after=True)
            writing = asyncio.create_task(journal.write(attrs.evolve(entry, sends=1), number))
            await until(lambda: proxy.cuts == 1)
            proxy.is_down = True
            with pytest.raises(JournalError, match="it is not known whether the last change was written"):
                await writing
            proxy.is_down = False
            await journal.write(attrs.evolve(entry, sends=2), number)
            assert row(schema, "sends") == 2


async def test_a_row_that_another_program_locks_is_an_error_after_a_time(schema: str) -> None:
    async with Impatient(CONNINFO, schema=schema) as journal:
        entry = an_entry()
        number = await claimed(journal, entry)
        with psycopg.connect(CONNINFO) as other:
            other.execute(f'SELECT FROM "{schema}".dollr_journal_payments FOR UPDATE')
            with pytest.raises(JournalError, match="did not answer within 4 seconds, so it is not known"):
                await journal.write(attrs.evolve(entry, step="party"), number)


async def test_a_lease_that_another_run_took_while_the_connection_was_lost_is_lost(schema: str) -> None:
    async with through_a_proxy(schema) as (proxy, journal):
        entry = an_entry()
        number = await claimed(journal, entry)
        proxy.cut(b"lease_writes = $", after=False)
        writing = asyncio.create_task(journal.write(attrs.evolve(entry, sends=1), number))
        await until(lambda: proxy.cuts == 1)
        query(schema, "UPDATE {payments} SET lease_number = 2, lease_token = gen_random_uuid()")
        with pytest.raises(LeaseLostError):
            await writing
        assert row(schema, "sends") == 0
