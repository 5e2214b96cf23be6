"""What a journal keeps when processes are killed, race, are forked, or do not close it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING
from uuid import UUID, uuid4

import attrs
import pytest

from dollr_async.journal import SQLiteJournal
from dollr_async.testing.support import an_entry
from tests.journal import child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real_time  # other processes take real time


@contextmanager
def children(path: Path, reference_id: UUID, *, how_many: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that wait for a line of input, and kill them at the end of the block."""
    command = [sys.executable, "-m", child.__name__, str(path), str(reference_id)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(how_many)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def start(process: subprocess.Popen[str]) -> None:
    pipe(process.stdin).write("go\n")
    pipe(process.stdin).flush()


def files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def pipe(end: IO[str] | None) -> IO[str]:
    assert end is not None
    return end


async def test_a_killed_process_is_replaced_at_once_and_its_durable_writes_are_there(tmp_path: Path) -> None:
    entry = an_entry()
    with children(tmp_path / "payments.db", entry.reference_id, how_many=1) as (process,):
        start(process)
        lines = [int(pipe(process.stdout).readline()) for _ in range(50)]
        async with SQLiteJournal(tmp_path / "payments.db") as journal:
            assert not (await journal.claim(entry)).is_mine
            assert await journal.unfinished() == []
            process.send_signal(signal.SIGKILL)
            acknowledged = [int(line) for line in pipe(process.stdout).read().splitlines() if line]
            process.wait()
            (open_entry,) = await journal.unfinished()
            claim = await journal.claim(entry)
    assert lines == [1, *range(1, 50)]
    assert claim.number == 2
    assert claim.entry == open_entry
    # The last write may be durable and not printed.
    assert claim.entry.sends - max([*lines, *acknowledged]) in {0, 1}
    assert files(tmp_path) == ["payments.db"]


async def test_processes_that_race_for_a_new_file_and_one_reference_have_one_winner(tmp_path: Path) -> None:
    reference_id = uuid4()
    with children(tmp_path / "payments.db", reference_id, how_many=3) as racing:
        for process in racing:
            start(process)
        numbers = [pipe(process.stdout).readline().strip() for process in racing]
    assert sorted(numbers) == ["1", "None", "None"]
    async with SQLiteJournal(tmp_path / "payments.db") as journal:
        claim = await journal.claim(attrs.evolve(an_entry(), reference_id=reference_id))
    assert claim.number == 2


def run(program: str, path: Path, *options: str) -> str:
    command = [sys.executable, *options, "-c", program, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_journal_that_was_never_closed_is_closed_at_exit_without_a_warning(tmp_path: Path) -> None:
    program = """if True:
        import asyncio, sys
        from dollr_async.journal import SQLiteJournal
        from dollr_async.testing.support import an_entry
        journal = SQLiteJournal(sys.argv[1])
        print(asyncio.run(journal.claim(an_entry())).number)
    """
    assert run(program, tmp_path / "payments.db", "-X", "dev", "-W", "error") == "1\n"
    assert files(tmp_path) == ["payments.db"]


def test_the_package_is_imported_without_sqlite() -> None:
    # Coverage measurement would load it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    program = "import sys, dollr_async.journal, dollr_async.testing; sys.exit('sqlite3' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_process_is_refused_with_what_to_do_and_leaves_its_parents_journal_alone(tmp_path: Path) -> None:
    program = """if True:
        import asyncio, os, pathlib, sys
        from dollr_async import JournalError
        from dollr_async.journal import SQLiteJournal
        from dollr_async.testing.support import an_entry
        journal, entry = SQLiteJournal(sys.argv[1]), an_entry()
        number = asyncio.run(journal.claim(entry)).number
        if (child := os.fork()) == 0:
            try:
                asyncio.run(journal.read(entry.reference_id))
            except JournalError as error:
                print(error, flush=True)
            sys.exit()
        os.waitpid(child, 0)
        async def again():
            async with SQLiteJournal(sys.argv[1]) as other:
                print((await other.claim(entry)).number)
            await journal.write(entry, number)
            await journal.close()
        asyncio.run(again())
    """
    # Python itself warns of a fork beside threads, and of the connection that the child inherits.
    refusal, claimed = run(program, tmp_path / "payments.db", "-W", "ignore").splitlines()
    assert "was used before this process was forked: make a SQLiteJournal in each process" in refusal
    assert claimed == "None"
