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
from dollr_async.journal.outcome_protocol import must_be_durable, no_transaction
from dollr_async.journal.sqlite.change_queue import Change, ChangeQueue
from dollr_async.journal.sqlite.journal_file import JournalFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from dollr_async.journal.entry import Entry
    from dollr_async.journal.moving import StoredPayment
    from dollr_async.journal.outcome_protocol import EndedPayment, OpenPayment
    from dollr_async.journal.protocol import Claim
    from dollr_async.journal.sqlite.database import Database

T = TypeVar("T")
_PAGE = 100
"""Entries read at a time, so that nothing else waits long for the thread."""


class SQLiteJournal:
    """A durable journal in one file, for all processes of one host.

    Once a method has returned, what it wrote survives a crash of the process. What money depends on survives a loss of
    power too: a claim, the entry before an execution, a refusal, and the mark of a handled outcome.

    The file is opened at the first use. Its directory must exist, on a local disk. Beside the file are a `-wal` and a
    `-shm` file of SQLite, and an `-owner-` file of each open journal. By the latter other processes see at once that
    its process has died. Do not touch these files. Only the user who runs the program may read them.

    Any event loop and any thread may use a journal, but not a process that was forked after the first use. Close it
    with `async with` or `close()`. Then its leases are free, and any later use is a `JournalError`. A journal that was
    never closed is closed when it is garbage-collected.
    """

    _busy_timeout = 5.0
    """Seconds to wait for another process that is writing."""

    _now = staticmethod(time.monotonic)
    """A clock that all processes of the host share and that nobody can set."""

    _time_of_day = staticmethod(time.time)
    """A clock that goes on when the host restarts."""

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
        self._file = JournalFile(
            Path(path).resolve(),
            lease=self._lease,
            busy_timeout=self._busy_timeout,
            now=self._now,
            time_of_day=self._time_of_day,
        )
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

        def give_back(database: Database, claim: Claim) -> None:
            if claim.number is not None:
                database.release(entry.reference_id, claim.number)

        return await self._take(lambda database: database.claim(entry), give_back, is_durable=True)

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease.

        When the call is cancelled, the entry is replaced as a whole or not at all.
        """
        await self._change(lambda database: database.write(entry, number), is_durable=must_be_durable(entry))

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
        found: list[Entry] = []
        while page := await self.unfinished_page(found[-1] if found else None, limit=_PAGE, with_live=with_live):
            found += page
        return found

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        return await self._query(lambda database: database.unfinished_page(after, limit=limit, with_live=with_live))

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        return await self._query(lambda database: database.unfinished_of_source(source_type, source_id))

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        return await self._query(lambda database: database.is_live(reference_id))

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker."""
        return await self._change(
            lambda database: database.outcomes.follow(worker, limit=limit, lease=lease, is_early=is_early)
        )

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        """Follow a payment no longer, and put it off; with None the worker leaves."""
        await self._change(
            lambda database: database.outcomes.stop_following(worker, reference_id, check_again_in=check_again_in)
        )

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out.

        A cancelled call holds no lease.
        """

        def give_back(database: Database, ended: EndedPayment | None) -> None:
            if ended is not None:
                database.outcomes.give_back(ended.entry.reference_id, ended.number, delay=0.0)

        return await self._take(lambda database: database.outcomes.hand_out(lease=lease), give_back)

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now."""
        return await self._change(lambda database: database.outcomes.renew_hand_out(reference_id, number, lease=lease))

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        """End the lease of a hand-out; the payment is handed out again after `delay` seconds at the earliest."""
        await self._change(lambda database: database.outcomes.give_back(reference_id, number, delay=delay))

    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        """Mark this end of a payment as handled, durably."""
        if connection is not None:
            raise no_transaction("a SQLite journal")
        await self._change(lambda database: database.outcomes.mark_handled(ended), is_durable=True)

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided, durably."""
        await self._change(
            lambda database: database.outcomes.close_payment(reference_id, outcome, reason), is_durable=True
        )

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a payment that began after `since` is open and executed or live."""
        return await self._query(lambda database: database.outcomes.has_work(since=since))

    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete at most `limit` payments that were handled before this time, and return how many were deleted."""
        return await self._change(lambda database: database.outcomes.purge(handled_before=handled_before, limit=limit))

    async def move_to(self, place: str) -> None:
        """Refuse every later change with a `JournalError` that names the new place."""
        await self._query(lambda database: database.move_to(place))

    async def export_page(self, after: UUID | None, *, limit: int) -> list[StoredPayment]:
        """Return the next payments by reference."""
        return await self._query(lambda database: database.moving.export_page(after, limit=limit))

    async def import_page(self, payments: list[StoredPayment]) -> None:
        """Keep payments of another journal."""
        await self._change(lambda database: database.moving.import_page(payments), is_durable=True)

    async def _change(self, make: Callable[[Database], T], *, is_durable: bool = False) -> T:
        change = Change(make, is_durable=is_durable)
        with self._mutex:
            executor = self._usable_executor()
            self._queue.add(change)
            changing = self._start(executor, lambda: self._queue.make(change, self._file.opened))
        try:
            return await changing
        except asyncio.CancelledError:
            change.is_withdrawn = True
            raise

    async def _take(
        self, take: Callable[[Database], T], give_back: Callable[[Database, T], None], *, is_durable: bool = False
    ) -> T:
        """Make a change that takes a lease. A cancelled one gives back what the thread has taken nevertheless."""
        taken: list[T] = []

        def make(database: Database) -> T:
            taken.append(take(database))
            return taken[0]

        def undo(database: Database) -> None:
            for one in taken:
                give_back(database, one)

        try:
            return await self._change(make, is_durable=is_durable)
        except asyncio.CancelledError:
            self._change_later(Change(undo))  # it is made after the change
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
            querying = self._start(executor, lambda: self._file.opened().query(query))
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
