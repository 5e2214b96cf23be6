"""A journal in one file on the local disk, by the SQLite that comes with Python."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.journal.leases import checked_lease
from dollr_async.journal.sqlite.changes import Change, Changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from uuid import UUID

    from dollr_async.journal.entry import Claim, Entry
    from dollr_async.journal.sqlite.database import Database

T = TypeVar("T")


class SQLiteJournal:
    """A durable journal in one file, for all processes of one host.

    What a method has written survives a crash of the process and a loss of power once it has returned. The file opens
    at the first use; its directory has to exist, on a local disk. Beside it SQLite keeps `-wal` and `-shm`, and each
    open journal an `-owner-` file, by which the others see at once that its process has died: leave all of them alone.
    Only the user who runs the program may read them. Any event loop and any thread may use a journal, but no process
    that was forked after its first use.

    Close it with `async with` or `close`: its leases are free then, and any later use is a `JournalError`. A journal
    that was forgotten is closed when it is collected.
    """

    _busy_timeout = 5.0
    """Seconds to wait for another process that is writing."""

    _now = staticmethod(time.monotonic)
    """A clock that all processes of the host share, and that nobody can set."""

    def __init__(self, path: str | os.PathLike[str], *, lease: float = 15.0) -> None:
        """Take the path of the file; nothing is opened yet.

        Args:
            path: the journal's own file; it is made when it is absent.
            lease: seconds that a run may be silent, while its process lives, before another one takes its payment over.

        Raises:
            InvalidInputError: the lease is not a positive, finite number, or the path is SQLite's word for memory.
        """
        if str(path) == ":memory:":
            raise InvalidInputError("a journal in memory is forgotten with its process; for tests use MemoryJournal()")
        self._lease = checked_lease(lease)
        # Symbolic links are followed now, so that all processes agree on the files beside it.
        self._file = _File(Path(path).resolve(), lease=self._lease, busy_timeout=self._busy_timeout, now=self._now)
        self._mutex = threading.Lock()
        self._changes = Changes()
        self._executor: ThreadPoolExecutor | None = None
        self._is_closed = False
        weakref.finalize(self, self._file.close)

    @property
    def lease(self) -> float:
        """Seconds that a lease lives without being renewed."""
        return self._lease

    async def __aenter__(self) -> Self:
        """Return the journal; it opens at its first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Finish what was begun and close the file; closing twice is fine."""
        with self._mutex:
            executor, self._executor, self._is_closed = self._executor, None, True
            if executor is None:
                return
            closing = asyncio.get_running_loop().run_in_executor(executor, self._file.close)
            # What is queued is still done; then the thread ends of its own accord.
            executor.shutdown(wait=False)
        await asyncio.shield(closing)

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run has it.

        A claim that is cancelled holds nothing.
        """
        taken: list[Claim] = []

        def claim(database: Database) -> Claim:
            taken.append(database.claim(entry))
            return taken[0]

        def give_back(database: Database) -> None:
            for claimed in taken:
                if claimed.number is not None:
                    database.release(entry.reference_id, claimed.number)

        try:
            return await self._change(claim)
        except asyncio.CancelledError:
            # The thread may have taken the lease all the same; what is queued now comes after that.
            self._queue(Change(give_back))
            raise

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry under a lease that is still this run's, and renew the lease.

        When it is cancelled the entry is there as a whole, or as it was.
        """
        await self._change(lambda database: database.write(entry, number))

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await self._change(lambda database: database.renew(reference_id, number))

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back; one that is another run's by now is left alone."""
        await self._change(lambda database: database.release(reference_id, number))

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Note a status that was seen by following, unless the payment has its outcome already."""
        await self._change(lambda database: database.settle(reference_id, status, outcome))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await self._run(lambda database: database.read(reference_id))

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run is working on, the oldest first; `with_live` adds the others."""
        return await self._run(lambda database: database.unfinished(with_live=with_live))

    async def _change(self, make: Callable[[Database], T]) -> T:
        change = Change(make)
        with self._mutex:
            executor = self._usable()
            self._changes.add(change)
            changing = self._start(executor, lambda: self._changes.turn(change, self._file.opened))
        try:
            return await changing
        except asyncio.CancelledError:
            change.is_withdrawn = True
            raise

    def _queue(self, change: Change[None]) -> None:
        with self._mutex:
            if not self._is_closed:
                executor = self._usable()
                self._changes.add(change)
                executor.submit(self._changes.turn, change, self._file.opened)

    async def _run(self, look: Callable[[Database], T]) -> T:
        with self._mutex:
            executor = self._usable()
            looking = self._start(executor, lambda: look(self._file.opened()))
        return await looking

    def _start(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
        # The loop's own way, since a loop with a virtual clock lets real time pass for it.
        return asyncio.get_running_loop().run_in_executor(executor, self._work, work)

    def _work(self, work: Callable[[], T]) -> T:
        return work()

    def _usable(self) -> ThreadPoolExecutor:
        if self._is_closed:
            raise JournalError(f"the journal {self._file.path} is closed: make a new SQLiteJournal for it")
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dollr-journal")
            self._file.process = os.getpid()
        if self._file.process != os.getpid():
            sentence = (
                f"the journal {self._file.path} was used before this process was forked: make one in each process"
            )
            raise JournalError(sentence)
        return self._executor


class _File:
    """The journal's file, opened when it is first needed; it outlives a journal that was forgotten, to be closed."""

    def __init__(self, path: Path, *, lease: float, busy_timeout: float, now: Callable[[], float]) -> None:
        self.path = path
        self.process: int | None = None
        self._lease, self._busy_timeout, self._now = lease, busy_timeout, now
        self._database: Database | None = None

    def opened(self) -> Database:
        """Return the open file; a failure is not remembered, so that the next use tries again."""
        if self._database is None:
            # A program that has no journal on disk does not load SQLite.
            from dollr_async.journal.sqlite.database import Database  # noqa: PLC0415 - see above

            self._database = Database(self.path, lease=self._lease, busy_timeout=self._busy_timeout, now=self._now)
        return self._database

    def close(self) -> None:
        """Close it, if it is open; a forked child leaves its parent's alone."""
        database, self._database = self._database, None
        if database is not None and self.process == os.getpid():
            database.close()
