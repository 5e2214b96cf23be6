"""A journal is copied into PostgreSQL and out of it, and the old one takes no more changes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import attrs
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dollr_async.base.errors import AlreadyHandledError, JournalError
from dollr_async.journal import PostgresJournal, SQLiteJournal, copy_journal
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from dollr_async.testing.support import a_full_entry, an_entry, claimed
from tests.journal.postgres.store import let_time_pass
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from pathlib import Path

    from dollr_async.journal import EndedPayment, OutcomeJournal

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


async def fill(journal: OutcomeJournal) -> EndedPayment:
    """Keep payments in every state, and return one that is handled."""
    for _ in range(3):
        await executed(journal)
        await executed(journal, outcome="COMPLETED")
    await journal.mark_handled(ended := await handed_out(journal))
    closed = await executed(journal)
    await journal.close_payment(closed.reference_id, "REFUSED", "not on the bill")
    entry = an_entry()
    number = await claimed(journal, entry)
    await journal.write(attrs.evolve(a_full_entry(entry.reference_id), outcome=None), number)
    await journal.release(entry.reference_id, number)
    return ended


async def test_a_file_is_copied_into_postgresql_and_on_to_another_schema(schema: str, tmp_path: Path) -> None:
    with own_schema() as second:
        async with (
            SQLiteJournal(tmp_path / "payments.db") as file,
            PostgresJournal(CONNINFO, schema=schema) as first,
            AsyncConnectionPool(CONNINFO, min_size=1, max_size=2, open=False) as pool,
            PostgresJournal(pool, schema=second) as last,
        ):
            ended = await fill(file)
            kept = await file.export_page(None, limit=99)
            assert (
                await copy_journal(file, first, place="PostgreSQL") == await copy_journal(first, last, place="b") == 8
            )
            assert await first.export_page(None, limit=99) == await last.export_page(None, limit=99) == kept
            pages = [await last.export_page(None, limit=3), await last.export_page(kept[2].entry.reference_id, limit=9)]
            assert [*pages[0], *pages[1]] == kept
            with pytest.raises(AlreadyHandledError):
                await last.mark_handled(ended)
            reasons = {(await handed_out(last)).reason for _ in range(3)}
            assert reasons == {None, "not on the bill"}
            entry = kept[0].entry
            assert (await last.claim(entry)).number == kept[0].lease_number + 1
            await last.import_page(kept)  # once more replaces what is there
            assert await last.export_page(None, limit=99) == kept


async def test_a_journal_that_was_moved_takes_no_more_changes_but_can_be_read(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal, PostgresJournal(CONNINFO, schema=schema) as other:
        entry = await executed(journal)
        await executed(journal, outcome="COMPLETED")
        ended = await handed_out(journal)
        number = await claimed(journal, entry)
        let_time_pass(schema, 60.0)
        await other.move_to("the new place")
        await other.move_to("the new place")
        for call in (
            journal.claim(an_entry()),
            journal.claim(entry),
            journal.write(entry, number),
            journal.renew(entry.reference_id, number),
            journal.settle(uuid4(), "COMPLETED", "COMPLETED"),
            journal.hand_out(lease=9.0),
            journal.mark_handled(ended),
            journal.follow("worker", limit=1, lease=9.0),
            journal.close_payment(entry.reference_id, "FAILED", "no"),
            journal.import_page(await journal.export_page(None, limit=9)),
            journal.move_to("elsewhere"),
        ):
            with pytest.raises(JournalError, match="was moved to the new place: use that journal"):
                await call
        async with await AsyncConnection.connect(CONNINFO) as connection:
            with pytest.raises(JournalError, match="was moved to the new place"):
                await journal.mark_handled(ended, connection)
        assert await journal.read(entry.reference_id) == entry


async def test_a_journal_with_a_live_run_is_not_moved(schema: str) -> None:
    async with PostgresJournal(CONNINFO, schema=schema) as journal:
        await claimed(journal, an_entry())
        with pytest.raises(JournalError, match=r"cannot be moved while live runs work on payments \(1 now\)"):
            await journal.move_to("elsewhere")
        assert (await journal.claim(an_entry())).is_new
