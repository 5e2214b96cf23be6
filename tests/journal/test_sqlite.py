"""The SQLite journal: what it refuses, its file, its leases, and the effects of cancelling and closing."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

import attrs
import pytest

from dollr_async.base.errors import AlreadyHandledError, InvalidInputError, JournalError
from dollr_async.journal import Entry, LeaseLostError, SQLiteJournal, as_row, from_row
from dollr_async.journal.rows import COLUMNS
from dollr_async.journal.sqlite.change_queue import Change, ChangeQueue
from dollr_async.journal.sqlite.database import Database, as_journal_errors
from dollr_async.journal.sqlite.lease_owner import is_alive
from dollr_async.journal.sqlite.schema import APPLICATION, MIGRATIONS, use_write_ahead_log
from dollr_async.testing.outcome_journal_contract import executed
from dollr_async.testing.support import a_full_entry, an_entry
from tests.journal.stores import SetClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

T = TypeVar("T")


class Impatient(SQLiteJournal):
    """A journal that waits only shortly for another process."""

    _busy_timeout = 0.02


class Watched(SQLiteJournal):
    """A journal with an event that is set when its thread starts to work."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.begun = threading.Event()

    def _work(self, work: Callable[[], T]) -> T:
        self.begun.set()
        return super()._work(work)


class CancelledLate(SQLiteJournal):
    """A journal whose changes are made, and whose callers are cancelled before they get the result."""

    async def _change(self, make: Callable[[Database], T], *, is_durable: bool = False) -> T:
        done = await super()._change(make, is_durable=is_durable)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        return done


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payments.db"


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def locked(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"BEGIN {how}")
        yield
        connection.execute("ROLLBACK")


async def pragma(journal: SQLiteJournal, words: str) -> object:
    def ask(database: Database) -> object:
        return next(iter((database._connection.execute(f"PRAGMA {words}").fetchone() or {"": None}).values()))

    return await journal._query(ask)


def directory_missing(path: Path) -> Path:
    return path / "payments.db"


def a_directory(path: Path) -> Path:
    path.mkdir()
    return path


def garbage(path: Path) -> Path:
    path.write_bytes(b"no database at all" * 500)
    return path


def another_program(path: Path) -> Path:
    run_sql(path, "CREATE TABLE orders (id)")
    return path


def move_away(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def newer(path: Path) -> Path:
    run_sql(path, *MIGRATIONS, f"PRAGMA application_id = {APPLICATION}", "PRAGMA user_version = 99")
    return path


def damaged(path: Path) -> Path:
    asyncio.run(claim_one(path))
    content = bytearray(path.read_bytes())
    content[200:] = b"\xff" * (len(content) - 200)
    path.write_bytes(content)
    return path


async def claim_one(path: Path) -> Entry:
    async with SQLiteJournal(path) as journal:
        return (await journal.claim(an_entry())).entry


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (directory_missing, "make its directory first"),
        (a_directory, "cannot be opened: name a file, in a directory that this user may write to"),
        (garbage, "is damaged, or is not a SQLite file"),
        (damaged, "is damaged, or is not a SQLite file"),
        (another_program, "is the database of another program: give the journal a file of its own"),
        (newer, r"was written by a newer dollr_async \(schema 99, this one knows 22\): update dollr_async here"),
    ],
)
def test_a_file_that_cannot_be_a_journal_is_refused_with_what_to_do(
    path: Path, broken: Callable[[Path], Path], message: str
) -> None:
    place = broken(path)
    before = place.read_bytes() if place.is_file() else None
    with pytest.raises(JournalError, match=message) as caught:
        asyncio.run(claim_one(place))
    assert str(place) in str(caught.value)
    assert (place.read_bytes() if place.is_file() else None) == before
    assert list(path.parent.glob("*-owner-*")) == []


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Give up the rights of the superuser, who may write to every directory."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such users")
async def test_a_directory_that_may_not_be_written_is_refused(path: Path, request: pytest.FixtureRequest) -> None:
    path.parent.chmod(0o500)
    request.getfixturevalue("unprivileged")
    with pytest.raises(
        JournalError, match="put it in a directory that this user may write to, on a local disk with free space"
    ):
        await claim_one(path)


async def test_a_path_in_memory_is_refused_with_the_memory_journal_as_advice() -> None:
    with pytest.raises(InvalidInputError, match=r"use MemoryJournal\(\)"):
        SQLiteJournal(":memory:")


async def test_opening_that_failed_is_tried_again_at_the_next_use(path: Path) -> None:
    async with SQLiteJournal(path / "payments.db") as journal:
        with pytest.raises(JournalError, match="make its directory first"):
            await journal.unfinished()
        a_directory(path)
        assert await journal.unfinished() == []


async def test_a_full_disk_is_an_error_and_changes_nothing(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        await pragma(journal, "max_page_count = 1")
        with pytest.raises(
            JournalError, match="cannot be written, because its disk is full: free some space"
        ) as caught:
            await asyncio.gather(*(journal.claim(attrs.evolve(an_entry(), step="x" * 10_000)) for _ in range(20)))
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
        assert await without_leases(path) == [entry]
        assert await journal.read(entry.reference_id) == entry
        await pragma(journal, "max_page_count = 1000000")
        assert (await journal.claim(an_entry())).is_mine


async def test_a_file_that_became_read_only_is_an_error(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        await pragma(journal, "query_only = ON")
        with pytest.raises(JournalError, match="cannot be written: put it in a directory that this user may write to"):
            await journal.claim(an_entry())


async def test_a_file_that_stays_locked_is_an_error_and_works_again_once_it_is_unlocked(path: Path) -> None:
    async with Impatient(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        with locked(path):
            began = time.monotonic()
            with pytest.raises(JournalError, match="was locked by another program for too long"):
                await journal.write(attrs.evolve(entry, sends=1), 1)
            assert time.monotonic() - began < SQLiteJournal._busy_timeout
            assert await journal.read(entry.reference_id) == entry
        await journal.write(attrs.evolve(entry, sends=1), 1)


async def test_a_file_that_is_locked_while_it_is_opened_is_an_error(path: Path) -> None:
    run_sql(path)
    async with Impatient(path) as journal:
        with locked(path, "EXCLUSIVE"), pytest.raises(JournalError, match="was locked by another program for too long"):
            await journal.unfinished()


async def test_a_journal_that_was_locked_while_it_was_opened_is_opened_by_the_next_use(path: Path) -> None:
    entry = await claim_one(path)
    async with Impatient(path) as journal:
        with locked(path), pytest.raises(JournalError, match="was locked by another program for too long"):
            await journal.unfinished()
        assert await journal.unfinished() == [entry]


def test_the_write_ahead_log_waits_while_another_process_writes(path: Path) -> None:
    run_sql(path, "CREATE TABLE orders (id)")
    connection = sqlite3.connect(path, timeout=0)
    with closing(connection), locked(path), pytest.raises(sqlite3.OperationalError, match="locked"):
        use_write_ahead_log(connection, path, timeout=0.02)


@pytest.mark.real_time  # the operating system locks between two connections
def test_the_write_ahead_log_is_on_once_the_other_process_has_written(path: Path) -> None:
    run_sql(path, "CREATE TABLE orders (id)")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.1, other.execute, ["ROLLBACK"])
    ending.start()
    with closing(other), closing(sqlite3.connect(path, timeout=0)) as connection:
        use_write_ahead_log(connection, path, timeout=10.0)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        ending.join()


def test_an_error_that_is_not_a_lock_is_raised_at_once(path: Path) -> None:
    garbage(path)
    began = time.monotonic()
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        use_write_ahead_log(connection, path, timeout=5.0)
    assert time.monotonic() - began < 5.0


def test_a_file_without_a_write_ahead_log_is_refused(path: Path) -> None:
    connection, message = sqlite3.connect(":memory:"), r"SQLite gave 'memory'\): put the journal on a local disk"
    with closing(connection), pytest.raises(JournalError, match=message):
        use_write_ahead_log(connection, path, timeout=0)


async def test_a_file_that_was_moved_or_replaced_takes_no_more_payments(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        await journal.claim(an_entry())
        move_away(path)
        with pytest.raises(JournalError, match="do not move the file while it is open"):
            await journal.claim(an_entry())
        another_program(path)
        with pytest.raises(JournalError, match="was replaced while it was open: put the file back, and open it again"):
            await journal.claim(an_entry())


@pytest.mark.parametrize("use", ["read", "unfinished", "claim"])
async def test_every_error_of_a_file_names_the_file(path: Path, use: str) -> None:
    entry = an_entry()
    async with SQLiteJournal(path) as journal:
        await journal.claim(entry)
        run_sql(path, "DROP TABLE payments")
        uses: dict[str, Callable[[], Awaitable[object]]] = {
            "read": lambda: journal.read(entry.reference_id),
            "unfinished": journal.unfinished,
            "claim": lambda: journal.claim(entry),
        }
        with pytest.raises(JournalError, match="could not be read or written: check the file and its disk") as bad:
            await uses[use]()
    assert str(bad.value).startswith(f"the journal {path} could not")


async def test_a_row_with_an_invalid_value_is_an_error_with_its_reference(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        run_sql(path, "UPDATE payments SET terms_amount = 'much'")
        with pytest.raises(JournalError, match=f"row of payment {entry.reference_id} cannot be read"):
            await journal.read(entry.reference_id)


@pytest.mark.parametrize("values", [{"source_id": 2**70}, {"status": "\ud800"}], ids=["integer", "text"])
async def test_a_value_that_sqlite_cannot_hold_is_an_error_and_changes_nothing(
    path: Path, values: dict[str, object]
) -> None:
    async with SQLiteJournal(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        with pytest.raises(JournalError, match="cannot hold a value of this payment"):
            await journal.write(attrs.evolve(entry, **values), 1)  # type: ignore[arg-type] # fields of an entry
        assert await journal.read(entry.reference_id) == entry


async def test_a_change_that_violates_a_constraint_is_rolled_back(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        kindless = attrs.evolve(an_entry(), kind=None)  # type: ignore[arg-type] # the point
        with pytest.raises(JournalError, match="NOT NULL constraint failed"):
            await journal.claim(kindless)
        assert await journal.read(kindless.reference_id) is None
        await journal.write(entry, 1)


def test_an_error_of_sqlite_without_a_code_has_advice_too(path: Path) -> None:
    message = "could not be read or written: check the file and its disk"
    with pytest.raises(JournalError, match=message), as_journal_errors(path):
        raise sqlite3.ProgrammingError("closed")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
async def test_only_the_user_may_read_what_is_written(path: Path) -> None:
    before = os.umask(0)
    try:
        async with SQLiteJournal(path) as journal:
            await journal.claim(an_entry())
            modes = {
                found.name.partition("-owner-")[0]: found.stat().st_mode & 0o777 for found in path.parent.iterdir()
            }
            owners = [found.stat().st_mode & 0o777 for found in path.parent.glob("*-owner-*")]
    finally:
        os.umask(before)
    assert modes == {"payments.db": 0o600, "payments.db-wal": 0o600, "payments.db-shm": 0o600}
    assert owners == [0o600]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.touch(mode=0o644)
    asyncio.run(claim_one(path))
    assert path.stat().st_mode & 0o777 == 0o600
    asyncio.run(claim_one(path))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_a_directory_in_its_place_is_left_as_open_as_it_is(path: Path) -> None:
    a_directory(path).chmod(0o755)
    with pytest.raises(JournalError):
        asyncio.run(claim_one(path))
    assert path.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
async def test_the_files_beside_the_journal_are_private_too(path: Path) -> None:
    beside = [path.with_name(f"payments.db{ending}") for ending in ("", "-wal", "-shm")]
    async with SQLiteJournal(path) as first:
        await first.claim(an_entry())
        for found in beside:
            found.chmod(0o664)
        async with SQLiteJournal(path) as journal:
            await journal.unfinished()
            assert [found.stat().st_mode & 0o777 for found in beside] == [0o600] * 3


@pytest.mark.skipif(sys.platform == "win32", reason="links need special rights on Windows")
async def test_two_names_of_one_file_are_one_journal(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    link = path.parent / "elsewhere" / "link.db"
    link.symlink_to(path)
    entry = an_entry()
    async with SQLiteJournal(link) as one, SQLiteJournal(path) as other:
        assert (await one.claim(entry)).is_mine
        assert not (await other.claim(entry)).is_mine
        assert len(list(path.parent.glob("payments.db-owner-*"))) == 2
        assert list(link.parent.iterdir()) == [link]


async def test_the_file_has_a_write_ahead_log_and_syncs_reach_the_disk(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        assert await pragma(journal, "journal_mode") == "wal"
        assert await pragma(journal, "fullfsync") == 1
        before = path.with_name("payments.db-wal").stat().st_size
        await journal.claim(an_entry())
        assert path.with_name("payments.db-wal").stat().st_size > before


async def test_simultaneous_writes_share_one_commit_and_a_refused_one_does_not_affect_the_others(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        entries = [(await journal.claim(an_entry())).entry for _ in range(20)]
        statements: list[str] = []
        released = threading.Event()

        def listen(database: Database) -> None:
            database._connection.set_trace_callback(statements.append)
            released.wait()

        busy = asyncio.create_task(journal._query(listen))
        await asyncio.sleep(0)
        writes = [asyncio.create_task(journal.write(attrs.evolve(entry, sends=1), 1)) for entry in entries]
        writes[1:1] = [asyncio.create_task(journal.write(entries[0], 99))]
        await asyncio.sleep(0)
        released.set()
        first, second, *others = await asyncio.gather(*writes, return_exceptions=True)
        await busy
        assert isinstance(second, LeaseLostError)
        assert [first, *others] == [None] * len(entries)
        assert statements.count("COMMIT") == 1
        assert [entry.sends for entry in await without_leases(path)] == [1] * len(entries)


async def without_leases(path: Path) -> list[Entry]:
    async with SetClock(path) as later:
        SetClock.time += 10**9
        return await later.unfinished()


async def test_a_file_of_the_first_schema_is_brought_up_to_date(path: Path) -> None:
    entry = a_full_entry(an_entry().reference_id)
    run_sql(path, MIGRATIONS[0], f"PRAGMA application_id = {APPLICATION}", "PRAGMA user_version = 1")
    with closing(sqlite3.connect(path)) as connection, connection:
        row = as_row(entry) | {"lease_number": 4}
        del row["is_contested"]
        places = ", ".join(f":{column}" for column in row)
        connection.execute(f"INSERT INTO payments ({', '.join(row)}) VALUES ({places})", row)  # noqa: S608 - columns
    async with SQLiteJournal(path) as journal:
        assert await pragma(journal, "user_version") == len(MIGRATIONS)
        claim = await journal.claim(entry)
    assert (claim.number, claim.entry) == (5, attrs.evolve(entry, is_contested=False))


def test_the_full_entry_has_no_default_values() -> None:
    full, fresh = a_full_entry(an_entry().reference_id), an_entry()
    defaults = [field for field in attrs.fields(Entry) if field.default is not attrs.NOTHING]
    assert [field.name for field in defaults if getattr(full, field.name) == field.default] == []
    assert set(as_row(full)) == set(as_row(fresh)) == set(COLUMNS)


@pytest.fixture
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time to two hours ahead of UTC."""
    monkeypatch.setenv("TZ", "AWAY-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no time.tzset")
@pytest.mark.usefixtures("_far_from_utc")
def test_a_row_has_plain_values_that_sort_correctly() -> None:
    east = timezone(timedelta(hours=2))
    entry = attrs.evolve(an_entry(began_at=datetime(2026, 7, 31, 14, tzinfo=east)), in_doubt=True, source_id=310)
    row = as_row(entry)
    assert (row["began_at"], row["session_expires_at"]) == ("2026-07-31T12:00:00.000000+00:00", None)
    assert (row["reference_id"], row["terms_amount"]) == (str(entry.reference_id), "250.10")
    assert [(row[name], type(row[name])) for name in ("in_doubt", "is_renewed", "source_id")] == [
        (1, int),
        (0, int),
        (310, int),
    ]


def test_a_row_that_cannot_be_read_is_an_error_with_its_reference_and_what_to_do() -> None:
    row = as_row(an_entry())
    message = f"the journal's row of payment {row['reference_id']} cannot be read: .*. Restore it from a backup"
    with pytest.raises(JournalError, match=message):
        from_row(row | {"began_at": "yesterday"})


def test_a_row_without_a_column_is_an_error() -> None:
    row = as_row(an_entry())
    del row["terms_digest"]
    with pytest.raises(JournalError, match="terms_digest"):
        from_row(row)


async def test_closing_frees_every_lease_at_once(path: Path) -> None:
    entry = an_entry()
    async with SQLiteJournal(path) as other:
        async with SQLiteJournal(path) as journal:
            await journal.claim(entry)
            assert not (await other.claim(entry)).is_mine
        assert (await other.claim(entry)).number == 2
        assert len(list(path.parent.glob("*-owner-*"))) == 1


async def test_the_lock_files_of_dead_owners_are_removed_and_nothing_else(path: Path) -> None:
    names = ["payments.db-owner-dead", "payments.db-owner-", "other.db-owner-dead", "payments.db-backup"]
    dead, nameless, *others = (path.with_name(name) for name in names)
    for found in (dead, nameless, *others):
        found.touch()
    await claim_one(path)
    assert sorted(path.parent.iterdir()) == sorted([path, *others])


async def test_a_lock_file_that_was_removed_does_no_harm(path: Path) -> None:
    async with SQLiteJournal(path) as journal:
        await journal.claim(an_entry())
        (owner,) = path.parent.glob("*-owner-*")
        owner.unlink()
    assert list(path.parent.iterdir()) == [path]


async def test_an_owner_that_cannot_be_checked_counts_as_alive_until_its_lease_expires(path: Path) -> None:
    path.with_name("payments.db-owner-odd").mkdir()
    assert is_alive(path, "odd")
    entry = await claim_one(path)
    run_sql(path, "UPDATE payments SET lease_owner = 'odd', lease_until = 2000")
    async with SetClock(path) as journal:
        SetClock.time = 1999
        assert not (await journal.claim(entry)).is_mine
        SetClock.time = 2000
        assert (await journal.claim(entry)).number == 2


async def test_two_tasks_of_one_journal_exclude_each_other_until_the_lease_expires(path: Path) -> None:
    entry = an_entry()
    async with SetClock(path) as journal:
        first = await journal.claim(entry)
        assert not (await journal.claim(entry)).is_mine
        SetClock.time += journal.lease
        assert (await journal.claim(entry)).number == 2
        assert first.number is not None
        with pytest.raises(LeaseLostError, match=f"this run no longer works on payment {entry.reference_id}"):
            await journal.write(entry, first.number)


async def test_a_run_whose_lease_expired_continues_when_no_other_run_took_it(path: Path) -> None:
    async with SetClock(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        SetClock.time += 1000
        await journal.write(attrs.evolve(entry, sends=1), 1)
        assert await journal.unfinished() == []


async def test_closing_twice_is_fine_and_a_later_use_is_an_error(path: Path) -> None:
    unopened, journal = SQLiteJournal(path), SQLiteJournal(path)
    await journal.claim(an_entry())
    await asyncio.gather(unopened.close(), journal.close(), journal.close())
    for closed in (unopened, journal):
        with pytest.raises(JournalError, match=r"payments\.db is closed: make a new SQLiteJournal for it"):
            await closed.unfinished()
    assert [found.name for found in path.parent.iterdir()] == ["payments.db"]


async def test_a_cancelled_close_still_closes(path: Path) -> None:
    journal = SQLiteJournal(path)
    await journal.claim(an_entry())
    thread = thread_of(journal)
    closing_it = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    closing_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_it
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert [found.name for found in path.parent.iterdir()] == ["payments.db"]


def thread_of(journal: SQLiteJournal) -> threading.Thread:
    assert journal._executor is not None
    (thread,) = journal._executor._threads
    assert isinstance(thread, threading.Thread)
    return thread


async def test_a_journal_that_was_not_closed_is_closed_when_it_is_garbage_collected(path: Path) -> None:
    journal = SQLiteJournal(path)
    await journal.claim(an_entry())
    thread = thread_of(journal)
    del journal
    gc.collect()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert [found.name for found in path.parent.iterdir()] == ["payments.db"]


@pytest.mark.real_time  # the test needs the moment at which the thread works
async def test_a_claim_that_is_cancelled_while_it_is_made_holds_no_lease(path: Path) -> None:
    entry = an_entry()
    async with Watched(path) as journal:
        await journal.unfinished()
        journal.begun.clear()
        with locked(path):
            claiming = asyncio.create_task(journal.claim(entry))
            await asyncio.to_thread(journal.begun.wait)
            claiming.cancel()
            with pytest.raises(asyncio.CancelledError):
                await claiming
        # The thread took the lease with the first number, and gave it back.
        assert await journal.unfinished() == [entry]
        assert (await journal.claim(entry)).number == 2


async def test_a_claim_that_is_cancelled_while_it_waits_is_never_made(path: Path) -> None:
    entry, released = an_entry(), threading.Event()
    async with SQLiteJournal(path) as journal:
        busy = asyncio.create_task(journal._query(lambda database: released.wait()))
        claiming = asyncio.create_task(journal.claim(entry))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        claiming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claiming
        released.set()
        await busy
        assert await journal.read(entry.reference_id) is None


def test_a_withdrawn_change_is_not_made(path: Path) -> None:
    entry, changes = an_entry(), ChangeQueue()
    withdrawn: Change[object] = Change(lambda database: database.claim(entry))
    with closing(Database(path, lease=15.0, busy_timeout=1.0, now=lambda: 0.0)) as database:
        changes.add(withdrawn)
        withdrawn.is_withdrawn = True
        with pytest.raises(JournalError, match="withdrawn before it was made"):
            changes.make(withdrawn, lambda: database)
        assert database.read(entry.reference_id) is None


async def test_a_claim_that_is_cancelled_after_it_was_made_holds_no_lease(path: Path) -> None:
    entry = an_entry()
    async with CancelledLate(path) as cancelled, SQLiteJournal(path) as journal:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cancelled.claim(entry))
        await cancelled.close()
        assert await journal.unfinished() == [entry]
        assert (await journal.claim(entry)).number == 2


async def test_a_cancelled_claim_leaves_the_lease_of_another_run_alone(path: Path) -> None:
    entry = an_entry()
    async with CancelledLate(path) as cancelled, SQLiteJournal(path) as journal:
        assert (await journal.claim(entry)).is_mine
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cancelled.claim(entry))
        await cancelled.close()
        await journal.write(entry, 1)


@pytest.mark.real_time  # the test needs the moment at which the thread works
async def test_a_claim_that_is_cancelled_while_the_journal_closes_holds_no_lease(path: Path) -> None:
    entry, journal = an_entry(), Watched(path)
    await journal.unfinished()
    journal.begun.clear()
    with locked(path):
        claiming = asyncio.create_task(journal.claim(entry))
        await asyncio.to_thread(journal.begun.wait)
        closing_it = asyncio.create_task(journal.close())
        await asyncio.sleep(0)
        claiming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claiming
    await closing_it
    async with SQLiteJournal(path) as other:
        assert (await other.claim(entry)).number == 2


@pytest.mark.real_time  # the test needs the moment at which the thread works
async def test_a_cancelled_write_is_complete_and_the_journal_continues(path: Path) -> None:
    async with Watched(path) as journal:
        entry = (await journal.claim(an_entry())).entry
        full = a_full_entry(entry.reference_id)
        journal.begun.clear()
        with locked(path):
            writing = asyncio.create_task(journal.write(full, 1))
            await asyncio.to_thread(journal.begun.wait)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert await journal.read(entry.reference_id) == full
        await journal.write(entry, 1)


@pytest.mark.real_time  # several real event loops at the same time
def test_event_loops_in_several_threads_share_a_journal(path: Path) -> None:
    entries, numbers = [an_entry() for _ in range(10)], []
    journal = SQLiteJournal(path)

    async def claim_all() -> None:
        claims = await asyncio.gather(*(journal.claim(entry) for entry in entries))
        numbers.extend([claim.number for claim in claims])

    threads = [threading.Thread(target=asyncio.run, args=[claim_all()]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(journal.close())
    assert numbers.count(1) == len(entries)
    assert numbers.count(None) == 2 * len(entries)


async def test_a_virtual_clock_waits_for_the_journal(path: Path) -> None:
    async with asyncio.timeout(60), SQLiteJournal(path) as journal:
        for _ in range(20):
            await journal.claim(an_entry())
        assert len(await journal.unfinished()) == 0


async def test_a_verdict_that_is_refused_names_the_payment(tmp_path: Path) -> None:
    unknown = an_entry()
    async with SQLiteJournal(tmp_path / "payments.db") as journal:
        with pytest.raises(JournalError, match=f"payment {unknown.reference_id} is not in this journal"):
            await journal.close_payment(unknown.reference_id, "FAILED", "not on the bill")


async def test_a_second_mark_names_the_payment(tmp_path: Path) -> None:
    async with SQLiteJournal(tmp_path / "payments.db") as journal:
        entry = await executed(journal, outcome="COMPLETED")
        ended = await journal.hand_out(lease=60.0)
        assert ended is not None
        await journal.mark_handled(ended)
        with pytest.raises(AlreadyHandledError, match=str(entry.reference_id)):
            await journal.mark_handled(ended)
