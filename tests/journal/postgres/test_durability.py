"""A server that crashes, stops or is replaced: what must be durable is there, and a run goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs
import psycopg
import pytest

from dollr_async.base.errors import AlreadyHandledError, JournalError
from dollr_async.journal import PostgresJournal
from dollr_async.journal.entry import REFUSED
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from dollr_async.testing.support import an_entry, claimed
from tests.support.postgres_server import flushed, postgres_server
from tests.support.tcp_proxy import TCPProxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.support.postgres_server import PostgresServer

    Use = Callable[[PostgresJournal], Awaitable[Awaitable[object]]]

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def schema() -> str:
    return f"test_{uuid4().hex[:12]}"


class Impatient(PostgresJournal):
    """It waits for a moment only."""

    _patience = 0.5


async def _claim(journal: PostgresJournal) -> Awaitable[object]:
    return journal.claim(an_entry())


async def _takeover(journal: PostgresJournal) -> Awaitable[object]:
    return journal.claim(await executed(journal))


async def _write_before_an_execution(journal: PostgresJournal) -> Awaitable[object]:
    entry = an_entry()
    return journal.write(attrs.evolve(entry, sends=1, in_doubt=True), await claimed(journal, entry))


async def _refusal(journal: PostgresJournal) -> Awaitable[object]:
    entry = an_entry()
    return journal.write(attrs.evolve(entry, sends=1, outcome=REFUSED), await claimed(journal, entry))


async def _mark(journal: PostgresJournal) -> Awaitable[object]:
    await executed(journal, outcome="COMPLETED")
    return journal.mark_handled(await handed_out(journal))


async def _verdict(journal: PostgresJournal) -> Awaitable[object]:
    return journal.close_payment((await executed(journal)).reference_id, "FAILED", "no trace of it")


async def _step(journal: PostgresJournal) -> Awaitable[object]:
    entry = an_entry()
    return journal.write(attrs.evolve(entry, step="party"), await claimed(journal, entry))


async def _status(journal: PostgresJournal) -> Awaitable[object]:
    return journal.settle((await executed(journal)).reference_id, "COMPLETED", "COMPLETED")


async def _renewal(journal: PostgresJournal) -> Awaitable[object]:
    entry = an_entry()
    return journal.renew(entry.reference_id, await claimed(journal, entry))


async def _following(journal: PostgresJournal) -> Awaitable[object]:
    await executed(journal)
    return journal.follow("worker", limit=9, lease=9.0)


async def _hand_out(journal: PostgresJournal) -> Awaitable[object]:
    await executed(journal, outcome="COMPLETED")
    return journal.hand_out(lease=9.0)


@pytest.mark.parametrize("use", [_claim, _takeover, _write_before_an_execution, _refusal, _mark, _verdict])
async def test_these_are_synced_before_they_return(server: PostgresServer, schema: str, use: Use) -> None:
    weak = psycopg.conninfo.make_conninfo(server.conninfo, options="-c synchronous_commit=off")
    for conninfo in (server.conninfo, weak):
        async with PostgresJournal(conninfo, schema=schema) as journal:
            call = await use(journal)
            before = flushed(server)
            await call
            assert flushed(server) > before


@pytest.mark.parametrize("use", [_step, _status, _renewal, _following, _hand_out])
async def test_these_are_not_synced_at_once(server: PostgresServer, schema: str, use: Use) -> None:
    async with PostgresJournal(server.conninfo, schema=schema) as journal:
        await journal.unfinished()
        # Once in ten seconds the server syncs by itself.
        for _ in range(2):
            call = await use(journal)
            before = flushed(server)
            await call
            if flushed(server) == before:
                return
    raise AssertionError("synced twice")


async def test_what_must_be_durable_outlives_a_crash_of_the_server(server: PostgresServer, schema: str) -> None:
    entries = {name: an_entry() for name in ("claimed", "before an execution", "refused", "handled", "closed")}
    async with PostgresJournal(server.conninfo, schema=schema) as journal:
        numbers = {name: await claimed(journal, entry) for name, entry in entries.items()}

        async def write(name: str, **changes: object) -> None:
            entries[name] = attrs.evolve(entries[name], **changes)  # type: ignore[arg-type] # by name
            await journal.write(entries[name], numbers[name])

        for name in ("handled", "closed"):
            await write(name, sends=1)
            await journal.release(entries[name].reference_id, numbers[name])
        await journal.settle(entries["handled"].reference_id, "COMPLETED", "COMPLETED")
        ended = await handed_out(journal)
        await journal.mark_handled(ended)
        await journal.close_payment(entries["closed"].reference_id, "FAILED", "no trace of it")
        await write("refused", sends=1, outcome=REFUSED)
        await write("before an execution", sends=1, in_doubt=True)
        await write("claimed", step="party", party_id=11)  # not synced

        server.stop("immediate")
        server.start()

        found = {name: await journal.read(entry.reference_id) for name, entry in entries.items()}
        assert found["before an execution"] == entries["before an execution"]
        assert found["refused"] == entries["refused"]
        assert [one and one.outcome for one in found.values()] == [None, None, REFUSED, "COMPLETED", "FAILED"]
        assert not (await journal.claim(entries["claimed"])).is_mine
        with pytest.raises(AlreadyHandledError):
            await journal.mark_handled(ended)
        # A run whose last step was lost goes on, and its next write brings the step back.
        await write("claimed", sends=1, in_doubt=True)
        assert await journal.read(entries["claimed"].reference_id) == entries["claimed"]


async def test_a_step_that_was_not_synced_is_lost_in_a_crash_and_only_the_step(
    server: PostgresServer, schema: str
) -> None:
    async with PostgresJournal(server.conninfo, schema=schema) as journal:
        lost = []
        for _ in range(2):  # once in ten seconds the server syncs by itself
            entry = an_entry()
            number = await claimed(journal, entry)
            await journal.write(attrs.evolve(entry, step="party", party_id=11), number)
            server.stop("immediate")
            server.start()
            lost.append(await journal.read(entry.reference_id) == entry)
        assert any(lost)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_changes_wait_for_a_server_that_restarts(server: PostgresServer, schema: str, mode: str) -> None:
    async with PostgresJournal(server.conninfo, schema=schema) as journal:
        entries = [an_entry() for _ in range(20)]
        numbers = await asyncio.gather(*(claimed(journal, entry) for entry in entries))
        server.stop(mode)
        wanted = [attrs.evolve(entry, sends=1, in_doubt=True) for entry in entries]
        writes = [asyncio.create_task(journal.write(*pair)) for pair in zip(wanted, numbers, strict=True)]
        new = asyncio.create_task(journal.claim(an_entry()))
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in [*writes, new])
        server.start()
        await asyncio.gather(*writes)
        assert (await new).number == 1
        assert [await journal.read(entry.reference_id) for entry in entries] == wanted


async def test_a_replica_is_no_journal_until_it_is_the_primary_server(server: PostgresServer, schema: str) -> None:
    async with TCPProxy("127.0.0.1", server.port) as proxy:
        conninfo = psycopg.conninfo.make_conninfo(server.conninfo, port=proxy.port)
        async with Impatient(conninfo, schema=schema) as journal:
            entry = an_entry()
            await claimed(journal, entry)
            with server.replica() as replica:
                proxy.target = ("127.0.0.1", replica.port)
                proxy.cut_all()
                for call in (journal.read(entry.reference_id), journal.read(uuid4()), journal.claim(an_entry())):
                    with pytest.raises(JournalError, match="read-only, as a replica is: connect to the primary server"):
                        await call
                with psycopg.connect(replica.conninfo, autocommit=True) as connection:
                    connection.execute("SELECT pg_promote()")
                assert await journal.read(entry.reference_id) == entry
                assert (await journal.claim(an_entry())).is_new
                proxy.target = ("127.0.0.1", server.port)
                proxy.cut_all()


async def test_an_empty_server_behind_the_same_address_is_an_error(server: PostgresServer, schema: str) -> None:
    async with TCPProxy("127.0.0.1", server.port) as proxy:
        conninfo = psycopg.conninfo.make_conninfo(server.conninfo, port=proxy.port)
        with postgres_server() as empty:
            async with PostgresJournal(conninfo, schema=schema) as journal:
                entry = an_entry()
                await claimed(journal, entry)
                proxy.target = ("127.0.0.1", empty.port)
                proxy.cut_all()
                for call in (journal.read(entry.reference_id), journal.claim(an_entry()), journal.unfinished()):
                    with pytest.raises(JournalError, match="may lead to an empty replica or to another database"):
                        await call
                proxy.target = ("127.0.0.1", server.port)
                proxy.cut_all()
                assert await journal.read(entry.reference_id) == entry
