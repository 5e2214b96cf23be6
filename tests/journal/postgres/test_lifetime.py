"""Opening, closing, event loops, forks and cancellation of a journal in PostgreSQL."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import attrs
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.journal import IndexedJournal, LeaseLostError, OutcomeJournal, PostgresJournal
from dollr_async.testing.outcome_journal_contract import executed
from dollr_async.testing.support import an_entry, claimed
from tests.journal.postgres.store import query, until
from tests.support.postgres import CONNINFO

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


def test_it_is_made_without_an_event_loop_and_shows_no_password() -> None:
    journal = PostgresJournal("postgresql://me:hunter2@db.example/shop", lease=3, schema="payments")
    assert repr(journal) == "<PostgresJournal schema='payments'>"
    assert journal.lease == 3.0
    assert isinstance(journal, OutcomeJournal)
    assert isinstance(journal, IndexedJournal)
    asyncio.run(journal.close())


@pytest.mark.parametrize("lease", [0, -1.0, float("inf"), float("nan"), True, "15"])
def test_a_lease_that_is_not_a_number_of_seconds_is_refused(lease: float) -> None:
    with pytest.raises(InvalidInputError, match="lease must be a number of seconds above 0"):
        PostgresJournal(CONNINFO, lease=lease)


async def test_closing_gives_the_leases_back_and_ends_every_use(schema: str) -> None:
    journal = PostgresJournal(CONNINFO, schema=schema)
    entries = [an_entry() for _ in range(3)]
    for entry in entries:
        await claimed(journal, entry)
    await asyncio.gather(journal.close(), journal.close())
    await journal.close()
    for call in (journal.claim(an_entry()), journal.read(entries[0].reference_id), journal.unfinished()):
        with pytest.raises(JournalError, match="is closed: make a new PostgresJournal"):
            await call
    assert query(schema, "SELECT count(lease_until) FROM {payments}") == [(0,)]
    ((left,),) = query(schema, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %(part)s", part=f"%{schema}%")
    assert left <= 1  # that query itself


async def test_closing_finishes_what_was_begun(schema: str) -> None:
    journal = PostgresJournal(CONNINFO, schema=schema)
    entry = an_entry()
    number = await claimed(journal, entry)
    writing = asyncio.create_task(journal.write(attrs.evolve(entry, sends=1), number))
    await asyncio.sleep(0)
    await journal.close()
    await writing
    assert query(schema, "SELECT sends FROM {payments}") == [(1,)]


async def test_a_cancelled_close_closes_all_the_same(schema: str) -> None:
    journal = PostgresJournal(CONNINFO, schema=schema)
    entry = an_entry()
    number = await claimed(journal, entry)
    writing = asyncio.create_task(journal.write(attrs.evolve(entry, sends=1), number))
    closing = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing, writing])
    await journal.close()
    assert query(schema, "SELECT sends, lease_until FROM {payments}") == [(1, None)]


async def test_a_callers_pool_is_left_open(schema: str) -> None:
    async with AsyncConnectionPool(CONNINFO, min_size=1, max_size=2, open=False) as pool:
        async with PostgresJournal(pool, schema=schema) as journal:
            await claimed(journal, an_entry())
        async with pool.connection() as connection:
            await connection.execute("SELECT 1")


async def test_a_callers_pool_that_is_not_open_is_an_error(schema: str) -> None:
    pool = AsyncConnectionPool(CONNINFO, min_size=1, open=False)
    async with PostgresJournal(pool, schema=schema) as journal:
        with pytest.raises(JournalError, match="its pool is closed, or not open yet"):
            await journal.claim(an_entry())


async def test_a_callers_pool_that_is_busy_is_an_error(schema: str) -> None:
    class Impatient(PostgresJournal):
        _patience = 0.3

    async with (
        AsyncConnectionPool(CONNINFO, min_size=1, max_size=1, open=False) as pool,
        pool.connection(),
        Impatient(pool, schema=schema) as journal,
    ):
        with pytest.raises(JournalError, match="that a connection is free, then try again"):
            await journal.claim(an_entry())


async def test_a_second_event_loop_is_refused(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await journal.unfinished()
        errors: list[str] = []

        def use_elsewhere() -> None:
            try:
                asyncio.run(journal.claim(an_entry()))
            except JournalError as error:
                errors.append(str(error))

        thread = threading.Thread(target=use_elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert (
            "was opened in another event loop, or before this process was forked: make a PostgresJournal" in errors[0]
        )
        assert await journal.unfinished() == []


def _use_in_a_child(journal: PostgresJournal, answer: Connection) -> None:
    try:
        asyncio.run(journal.unfinished())
    except JournalError as error:
        answer.send(str(error))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_refused(schema: str) -> None:
    async def use() -> str:
        async with PostgresJournal(CONNINFO, schema=schema) as journal:
            await journal.unfinished()
            ours, theirs = multiprocessing.Pipe()
            # Not in a thread: an event loop that runs cannot be used in the child.
            child = multiprocessing.get_context("fork").Process(target=_in_a_thread, args=(journal, theirs))
            child.start()
            answer = await asyncio.to_thread(ours.recv)
            child.join()
            assert await journal.unfinished() == []
            return str(answer)

    assert "before this process was forked" in asyncio.run(use())


def _in_a_thread(journal: PostgresJournal, answer: Connection) -> None:
    thread = threading.Thread(target=_use_in_a_child, args=(journal, answer))
    thread.start()
    thread.join()


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.002, 0.004, 0.008])
async def test_a_cancelled_claim_holds_no_lease(schema: str, pause: float) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal, PostgresJournal(CONNINFO, schema=schema) as other:
        await journal.unfinished()
        entry = an_entry()
        claim = asyncio.create_task(journal.claim(entry))
        await asyncio.sleep(pause)
        claim.cancel()
        await asyncio.wait([claim])
        await until(lambda: not journal._database._tasks)
        if claim.cancelled():
            assert (await other.claim(entry)).is_mine


async def test_a_claim_that_is_cancelled_while_it_waits_for_a_lock_holds_no_lease(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        entry = await executed(journal)
        with psycopg.connect(CONNINFO) as locker:
            locker.execute(f'SELECT FROM "{schema}".dollr_journal_payments FOR UPDATE')
            claim = asyncio.create_task(journal.claim(entry))
            await asyncio.sleep(0.2)
            claim.cancel()
            with pytest.raises(asyncio.CancelledError):
                await claim
        await until(lambda: not journal._database._tasks)
        assert query(schema, "SELECT lease_number, lease_until FROM {payments}") == [(2, None)]


async def test_a_cancelled_hand_out_is_given_back(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await executed(journal, outcome="COMPLETED")
        for _ in range(3):
            hand_out = asyncio.create_task(journal.hand_out(lease=60.0))
            await asyncio.sleep(0)
            hand_out.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hand_out
        await until(lambda: not journal._database._tasks)
        assert await journal.hand_out(lease=60.0) is not None


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.002, 0.004])
async def test_a_cancelled_write_replaces_all_or_nothing(schema: str, pause: float) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        entry = an_entry()
        number = await claimed(journal, entry)
        wanted = attrs.evolve(entry, step="execution", sends=1, in_doubt=True)
        write = asyncio.create_task(journal.write(wanted, number))
        await asyncio.sleep(pause)
        write.cancel()
        await asyncio.wait([write])
        await until(lambda: not journal._database._tasks)
        assert await journal.read(entry.reference_id) in (entry, wanted)


async def test_a_write_that_comes_late_never_replaces_a_later_one(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        entry = an_entry()
        number = await claimed(journal, entry)
        with psycopg.connect(CONNINFO) as locker:
            locker.execute(f'SELECT FROM "{schema}".dollr_journal_payments FOR UPDATE')
            writes = [
                asyncio.create_task(journal.write(attrs.evolve(entry, session_id=number_of_write), number))
                for number_of_write in range(1, 6)
            ]
            await asyncio.sleep(0.3)
        await asyncio.gather(*writes)
        assert query(schema, "SELECT session_id, lease_writes FROM {payments}") == [(5, 5)]


async def test_another_journal_cannot_write_under_a_number_that_it_does_not_hold(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal, PostgresJournal(CONNINFO, schema=schema) as other:
        entry = an_entry()
        number = await claimed(journal, entry)
        with pytest.raises(LeaseLostError):
            await other.write(attrs.evolve(entry, sends=1), number)
        await other.release(entry.reference_id, number)
        await journal.write(attrs.evolve(entry, sends=2), number)


async def test_a_lease_runs_out_by_the_servers_clock(schema: str) -> None:
    async with (
        PostgresJournal(CONNINFO, schema=schema, lease=1.5) as journal,
        PostgresJournal(CONNINFO, schema=schema) as other,
    ):
        await other.unfinished()
        entry = an_entry()
        await claimed(journal, entry)
        assert not (await other.claim(entry)).is_mine
        await asyncio.sleep(1.6)
        assert (await other.claim(entry)).number == 2


def test_psycopg_is_imported_when_the_journal_is_named() -> None:
    program = (
        "import sys, dollr_async, dollr_async.journal; print('psycopg' in sys.modules); "
        "from dollr_async.journal import PostgresJournal; print('psycopg' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "True"]


def test_without_psycopg_the_error_says_what_to_install() -> None:
    program = "import sys; sys.modules['psycopg'] = None; from dollr_async.journal import PostgresJournal"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ConfigurationError: psycopg is not installed: pip install 'dollr-async[postgres]'" in ended.stderr


def test_the_journal_has_no_other_name() -> None:
    program = "import dollr_async.journal; dollr_async.journal.MongoJournal"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "has no attribute 'MongoJournal'" in ended.stderr
