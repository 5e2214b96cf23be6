"""Work on a whole journal: URLs, copies that lose nothing, and what a purge leaves."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.journal import (
    LeaseLostError,
    MemoryJournal,
    SQLiteJournal,
    copy_journal,
    open_journal,
    purge_journal,
)
from dollr_async.journal.entry import REFUSED
from dollr_async.journal.maintenance import path_of, shown_url
from dollr_async.journal.rows import as_row
from dollr_async.journal.sqlite.schema import APPLICATION, MIGRATIONS
from dollr_async.testing.outcome_journal_contract import executed, handed_out
from dollr_async.testing.support import a_full_entry, an_entry, claimed
from tests.support.journals import PlainJournal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["{}", "sqlite://{}"])
async def test_a_path_and_a_sqlite_url_name_the_same_file(form: str, tmp_path: Path) -> None:
    async with open_journal(form.format(tmp_path / "payments.db"), lease=7.0) as journal:
        assert journal.lease == 7.0
        await journal.claim(an_entry())
    assert (tmp_path / "payments.db").exists()


def test_a_space_in_a_url_is_written_as_percent_20(tmp_path: Path) -> None:
    journal = open_journal(f"sqlite://{tmp_path}/the%20shop.db")
    assert isinstance(journal, SQLiteJournal)
    assert journal._file.path.name == "the shop.db"


@pytest.mark.parametrize(
    ("platform", "path", "file"),
    [
        ("win32", "/C:/my%20shop/payments.db", "C:/my shop/payments.db"),
        ("win32", "/srv/payments.db", "/srv/payments.db"),
        ("linux", "/C:/payments.db", "/C:/payments.db"),
    ],
)
def test_a_url_names_a_drive_of_windows(platform: str, path: str, file: str) -> None:
    assert path_of(path, platform) == file


def test_a_postgresql_url_names_a_schema_and_keeps_its_other_parts() -> None:
    journal = open_journal("postgresql://shop@host/db?schema=payments&options=-c%20work_mem%3D1MB", lease=7.0)
    assert repr(journal).count("payments")
    assert journal.lease == 7.0
    conninfo = journal._database.conninfo  # type: ignore[union-attr] # it is PostgreSQL's
    assert conninfo is not None
    assert "user=shop dbname=db host=host options='-c work_mem=1MB'" in conninfo


@pytest.mark.parametrize("end", ["", "?schema=payments"])
def test_a_postgresql_url_without_a_host_names_the_server_of_this_host(end: str) -> None:
    journal = open_journal(f"postgresql:///shop{end}")
    conninfo = journal._database.conninfo  # type: ignore[union-attr] # it is PostgreSQL's
    assert conninfo is not None
    assert "dbname=shop" in conninfo.split()
    assert "host=" not in conninfo


@pytest.mark.parametrize("url", ["", "redis://host/0", "sqlite://host/payments.db", "sqlite://payments.db"])
def test_a_url_that_is_no_journals_is_refused_with_the_right_forms(url: str) -> None:
    with pytest.raises(InvalidInputError, match=r"write a path, sqlite:///absolute/path or postgresql://"):
        open_journal(url)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(InvalidInputError) as refused:
        open_journal("mysql://shop:s3cret@host/payments")
    assert "s3cret" not in str(refused.value)
    assert shown_url("postgresql://shop:s3cret@host/payments") == "postgresql://shop:***@host/payments"
    assert shown_url("payments.db") == "payments.db"


async def test_a_copy_has_every_payment_and_the_source_takes_no_more(tmp_path: Path) -> None:
    counts: list[int] = []
    async with SQLiteJournal(tmp_path / "old.db") as old, SQLiteJournal(tmp_path / "new.db") as new:
        entries = [await executed(old) for _ in range(300)]
        full = a_full_entry(entries[0].reference_id)
        number = await claimed(old, full)
        await old.write(attrs.evolve(full, outcome=None), number)
        await old.release(full.reference_id, number)
        await old.settle(entries[1].reference_id, "COMPLETED", "COMPLETED")
        await old.mark_handled(await handed_out(old))
        await old.close_payment(entries[2].reference_id, REFUSED, "not on the bill")
        assert await copy_journal(old, new, place="the new file", copied=counts.append) == 300
        assert counts == [250, 300]
        for entry in entries:
            assert await new.read(entry.reference_id) == await old.read(entry.reference_id)
        assert await new.read(full.reference_id) == attrs.evolve(full, outcome=None)
        ended = await handed_out(new)
        assert (ended.entry.reference_id, ended.reason) == (entries[2].reference_id, "not on the bill")
        assert await new.hand_out(lease=1.0) is None, "what was handled stays handled"
        assert (await new.claim(full)).number == number + 1
        for change in (
            old.claim(an_entry()),
            old.settle(entries[5].reference_id, "COMPLETED", "COMPLETED"),
            old.hand_out(lease=1.0),
            old.follow("worker", limit=1, lease=1.0),
        ):
            with pytest.raises(JournalError, match="was moved to the new file: use that journal"):
                await change
        with pytest.raises(JournalError, match="was moved to the new file"):
            await copy_journal(old, new, place="another file")


async def test_a_copy_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    async with SQLiteJournal(tmp_path / "old.db") as old, SQLiteJournal(tmp_path / "new.db") as new:
        entries = [await executed(old) for _ in range(300)]
        with pytest.raises(KeyboardInterrupt):
            await copy_journal(old, new, place="the new file", copied=stop)
        assert await copy_journal(old, new, place="the new file") == 300
        assert {entry.reference_id for entry in await new.unfinished()} == {entry.reference_id for entry in entries}


async def test_a_journal_is_not_moved_while_a_run_is_live_and_a_run_that_lost_its_lease_writes_no_more(
    tmp_path: Path,
) -> None:
    async with SQLiteJournal(tmp_path / "old.db", lease=0.05) as old, SQLiteJournal(tmp_path / "new.db") as new:
        entry = an_entry()
        number = await claimed(old, entry)
        with pytest.raises(JournalError, match=r"while live runs work on payments \(1 now\)"):
            await copy_journal(old, new, place="the new file")
        await old.write(entry, number)
        await old.release(entry.reference_id, number)
        await copy_journal(old, new, place="the new file")
        with pytest.raises((JournalError, LeaseLostError)):
            await old.write(entry, number)


async def test_what_cannot_be_copied_or_purged_is_refused(tmp_path: Path) -> None:
    plain: Any = PlainJournal()
    async with SQLiteJournal(tmp_path / "old.db") as old:
        with pytest.raises(InvalidInputError, match="cannot be copied"):
            await copy_journal(old, plain, place="nowhere")
        with pytest.raises(InvalidInputError, match="nothing can be purged"):
            await purge_journal(plain, handled_before=datetime.now(UTC))
        with pytest.raises(InvalidInputError, match="must have a timezone"):
            await purge_journal(old, handled_before=datetime(2026, 1, 31))  # noqa: DTZ001 - the point
        await old.claim(an_entry())


async def test_a_purge_deletes_all_that_was_handled_and_nothing_else() -> None:
    journal = MemoryJournal()
    for _ in range(600):
        await executed(journal, outcome="COMPLETED")
        await journal.mark_handled(await handed_out(journal))
    unhandled, opened = await executed(journal, outcome="FAILED"), await executed(journal)
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert await purge_journal(journal, handled_before=later) == 600
    assert set(journal._stored) == {unhandled.reference_id, opened.reference_id}


async def test_what_ended_before_there_were_marks_counts_as_handled(tmp_path: Path) -> None:
    path = tmp_path / "payments.db"
    ended, opened = a_full_entry(an_entry().reference_id), attrs.evolve(an_entry(), sends=1)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in MIGRATIONS[:3]:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 3")
        for entry in (ended, opened):
            row = as_row(entry) | {"lease_number": 1}
            names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO payments ({names}) VALUES ({marks})", row)  # noqa: S608 - our own names
    async with SQLiteJournal(path) as journal:
        assert await journal.hand_out(lease=1.0) is None
        (found,) = await journal.follow("worker", limit=9, lease=1.0)
        assert found.entry == opened
        await journal.settle(opened.reference_id, "COMPLETED", "COMPLETED")
        assert (await handed_out(journal)).entry.reference_id == opened.reference_id
