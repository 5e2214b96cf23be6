"""`SQLiteJournal`: a journal in one file on the local disk, with the SQLite that comes with Python."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from dollr_async.base import fields
from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.journal.sqlite.change_queue import Change, ChangeQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from uuid import UUID

    from dollr_async.journal.entry import Entry
    from dollr_async.journal.protocol import Claim
    from dollr_async.journal.sqlite.database import Database

T = TypeVar("T")


class SQLiteJournal:
    """A durable journal in one file, for all processes of one host.

    Once a method has returned, what it wrote survives a crash of the process and a loss of power. The file is opened at
    the first use. Its directory must exist, on a local disk. Beside the file SQLite keeps a `-wal` and a `-shm` file,
    and each open journal an `-owner-` file, by which other processes see at once that its process has died: do not
    touch them. Only the user who runs the program may read the files. Any event loop and any thread may use a journal.
    A process that was forked after the first use may not.

    Close it with `async with` or `close()`. Then its leases are free, and any later use is a `JournalError`. A journal
    that was never closed is closed when it is garbage-collected.
    """

    _busy_timeout = 5.0
    """Seconds to wait for another process that is writing."""

    _now = staticmethod(time.monotonic)
    """A clock that all processes of the host share and that nobody can set."""

    def __init__(self, path: str | os.PathLike[str], *, lease: float = 15.0) -> None:
        """Take the path of the file. Nothing is opened yet.

        Args:
            path: the journal's own file; it is made if it does not exist.
            lease: seconds without a renewal after which another run may take a payment over. When a process has died,
                its payments can be taken over at once.

        Raises:
            InvalidInputError: the lease is not a positive, finite number, or the path is `:memory:`.
        """
        if str(path) == ":memory:":
            raise InvalidInputError("a SQLite journal needs a file, and not ':memory:': for tests use MemoryJournal()")
        self._lease = fields.seconds("lease", lease)
        # Symbolic links are resolved, so that all processes agree on the files beside it.
        self._file = _File(Path(path).resolve(), lease=self._lease, busy_timeout=self._busy_timeout, now=self._now)
        self._mutex = threading.Lock()
        self._queue = ChangeQueue()
        self._executor: ThreadPoolExecutor | None = None
        self._is_closed = False
        weakref.finalize(self, self._file.close)

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        return self._lease

    async def __aenter__(self) -> Self:
        """Return the journal. Its file is opened at the first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the journal."""
        await self.close()

    async def close(self) -> None:
        """Finish the calls that were begun and close the file. Closing twice is fine."""
        with self._mutex:
            executor, self._executor, self._is_closed = self._executor, None, True
            if executor is None:
                return
            closing = asyncio.get_running_loop().run_in_executor(executor, self._file.close)
            # The thread still does what is queued, then ends by itself.
            executor.shutdown(wait=False)
        await asyncio.shield(closing)

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it.

        A cancelled claim holds no lease.
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
            # The thread may have taken the lease nevertheless. What is queued now is done after that.
            self._change_later(Change(give_back))
            raise

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease.

        When the call is cancelled, the entry is replaced as a whole or not at all.
        """
        await self._change(lambda database: database.write(entry, number))

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await self._change(lambda database: database.renew(reference_id, number))

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        await self._change(lambda database: database.release(reference_id, number))

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""
        await self._change(lambda database: database.settle(reference_id, status, outcome))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await self._query(lambda database: database.read(reference_id))

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first; `with_live` adds the others."""
        return await self._query(lambda database: database.unfinished(with_live=with_live))

    async def _change(self, make: Callable[[Database], T]) -> T:
        change = Change(make)
        with self._mutex:
            executor = self._usable_executor()
            self._queue.add(change)
            changing = self._start(executor, lambda: self._queue.make(change, self._file.opened))
        try:
            return await changing
        except asyncio.CancelledError:
            change.is_withdrawn = True
            raise

    def _change_later(self, change: Change[None]) -> None:
        with self._mutex:
            if not self._is_closed:
                executor = self._usable_executor()
                self._queue.add(change)
                executor.submit(self._queue.make, change, self._file.opened)

    async def _query(self, query: Callable[[Database], T]) -> T:
        with self._mutex:
            executor = self._usable_executor()
            querying = self._start(executor, lambda: query(self._file.opened()))
        return await querying

    def _start(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
        # By the loop's own method, since a loop with a virtual clock then lets real time pass.
        return asyncio.get_running_loop().run_in_executor(executor, self._work, work)

    def _work(self, work: Callable[[], T]) -> T:
        return work()

    def _usable_executor(self) -> ThreadPoolExecutor:
        if self._is_closed:
            raise JournalError(f"the journal {self._file.path} is closed: make a new SQLiteJournal for it")
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dollr-journal")
            self._file.process = os.getpid()
        if self._file.process != os.getpid():
            sentence = (
                f"the journal {self._file.path} was used before this process was forked: make a SQLiteJournal in each "
                "process"
            )
            raise JournalError(sentence)
        return self._executor


class _File:
    """The journal's file, opened when it is first needed. It outlives a journal that was never closed, to close it."""

    def __init__(self, path: Path, *, lease: float, busy_timeout: float, now: Callable[[], float]) -> None:
        self.path = path
        self.process: int | None = None
        self._lease, self._busy_timeout, self._now = lease, busy_timeout, now
        self._database: Database | None = None

    def opened(self) -> Database:
        """Return the open file. A failure is not kept, so the next use tries again."""
        if self._database is None:
            # A program without a SQLite journal does not load SQLite.
            from dollr_async.journal.sqlite.database import Database  # noqa: PLC0415 - see above

            self._database = Database(self.path, lease=self._lease, busy_timeout=self._busy_timeout, now=self._now)
        return self._database

    def close(self) -> None:
        """Close the file if it is open. A forked child leaves its parent's file alone."""
        database, self._database = self._database, None
        if database is not None and self.process == os.getpid():
            database.close()
