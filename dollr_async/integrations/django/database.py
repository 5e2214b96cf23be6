"""Where the journal's statements run: on a thread and a connection of its own, or in a transaction of the caller."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import attrs
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, InterfaceError, OperationalError, ProgrammingError, connections, transaction
from django.utils.connection import ConnectionDoesNotExist

from dollr_async.base.errors import JournalError
from dollr_async.integrations.django.callers import close_old_connections, is_called, transaction_of_the_caller, work_in
from dollr_async.integrations.django.one_thread import OneThread
from dollr_async.integrations.django.payments import begin_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dollr_async.integrations.django.callers import OpenTransaction

T = TypeVar("T")
_IN_TURN = 4
"""Changes that wait for the thread at most, of those that are made in turn."""
_TABLE_IS_MISSING = ("no such table", "no such column", "does not exist", "doesn't exist")


@attrs.frozen
class _Threads:
    own: OneThread
    """Its one thread has the journal's own connection."""
    lent: OneThread
    """Its one thread works on connections of callers that wait."""


class JournalDatabase:
    """One database of the project, as the journal uses it."""

    def __init__(self, alias: str) -> None:
        """Use this database; nothing is opened yet."""
        self.alias = alias
        self._mutex = threading.Lock()
        self._process = os.getpid()
        self._threads: _Threads | None = None
        self._is_closed = False
        self._has_looked = False
        self._test: OpenTransaction | None = None
        self._turns: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    async def close(self) -> None:
        """Finish what was begun, close the connection, and end the threads."""
        with self._mutex:
            threads, self._threads, self._is_closed = self._threads, None, True
        if threads is None or self._process != os.getpid():
            return
        closing = asyncio.get_running_loop().run_in_executor(threads.own, connections.close_all)
        threads.own.shutdown(wait=False)
        threads.lent.shutdown(wait=False)
        await asyncio.shield(closing)

    async def change(self, work: Callable[[], T]) -> T:
        """Make a change in a transaction of its own, and return the result once it is committed.

        Raises:
            JournalError: nothing was changed.
        """
        return await self._run(work, is_change=True)

    async def change_in_turn(self, work: Callable[[], T]) -> T:
        """Make one of many changes of which only some wait for the thread, so that any other change is soon made."""
        loop = asyncio.get_running_loop()
        if self._turns is None or self._turns[0] is not loop:
            self._turns = loop, asyncio.Semaphore(_IN_TURN)
        async with self._turns[1]:
            return await self.change(work)

    async def query(self, work: Callable[[], T]) -> T:
        """Return what a question finds."""
        return await self._run(work, is_change=False)

    async def take(self, take: Callable[[], T], give_back: Callable[[T], None]) -> T:
        """Make a change that takes a lease. A cancelled one gives back what the thread has taken nevertheless."""
        taken: list[T] = []

        def make() -> T:
            taken.append(take())
            return taken[0]

        def undo() -> None:
            for one in taken:
                give_back(one)

        try:
            return await self.change(make)
        except asyncio.CancelledError:
            with self._mutex:
                if not self._is_closed:
                    self._usable().own.submit(self._on_own_connection, undo, is_change=True)  # after the change
            raise

    async def run_in(self, opened: OpenTransaction, work: Callable[[], T]) -> T:
        """Do something in a transaction of the caller."""
        with self._mutex:
            threads = self._usable()

        def nested() -> T:
            with journal_errors(self.alias):
                return work()

        return await work_in(opened, nested, threads.lent)

    async def _run(self, work: Callable[[], T], *, is_change: bool) -> T:
        test = await self._transaction_of_the_test()
        if test is not None:
            return await self.run_in(test, work)
        with self._mutex:
            own = self._usable().own
            # By the loop's own method, since a loop with a virtual clock then lets real time pass.
            working = asyncio.get_running_loop().run_in_executor(
                own, lambda: self._on_own_connection(work, is_change=is_change)
            )
        return await working

    def _on_own_connection(self, work: Callable[[], T], *, is_change: bool) -> T:
        close_old_connections()
        try:
            with journal_errors(self.alias):
                if not is_change:
                    return work()
                with transaction.atomic(using=self.alias, durable=True):
                    begin_writing(self.alias)
                    return work()
        finally:
            close_old_connections()

    async def _transaction_of_the_test(self) -> OpenTransaction | None:
        """Return the transaction in which Django's `TestCase` runs, where the caller is such a test."""
        if not is_called() and self._has_looked:
            # A background task, or a loop that was checked before: a test has loops of its own.
            return self._test if self._test is not None and self._test.is_open else None
        found = await transaction_of_the_caller(self.alias)
        self._has_looked, self._test = True, found if found is not None and found.is_of_a_test else None
        return self._test

    def _usable(self) -> _Threads:
        if self._is_closed:
            raise JournalError(f"the journal in the database {self.alias!r} is closed: make a new one")
        if self._process != os.getpid():
            sentence = f"the journal in the database {self.alias!r} was made before a fork: make one in each process"
            raise JournalError(sentence)
        if self._threads is None:
            self._threads = _Threads(
                OneThread("dollr-journal"),
                OneThread("dollr-journal-lent"),
            )
        return self._threads


@contextmanager
def journal_errors(alias: str) -> Iterator[None]:
    """Turn errors of the database into a `JournalError` that says what to do."""
    try:
        yield
    except Error as error:
        raise JournalError(f"the journal in the database {alias!r} {_advice(error)} ({_first_line(error)})") from error
    except (OverflowError, ValueError) as error:
        sentence = f"the journal in the database {alias!r} cannot hold a value of this payment: {error}"
        raise JournalError(sentence) from error
    except (ConnectionDoesNotExist, ImproperlyConfigured) as error:
        raise JournalError(f"the journal has no database: {error}. See JOURNAL of the setting DOLLR") from error


def _advice(error: Error) -> str:
    text = str(error).lower()
    if isinstance(error, (OperationalError, ProgrammingError)) and any(part in text for part in _TABLE_IS_MISSING):
        return "has no table of this version: run manage.py migrate (with --database for another alias than 'default')"
    if isinstance(error, (OperationalError, InterfaceError)):
        return "could not be reached, or was locked for too long: check that it runs, then try again"
    return "could not be read or written: check that database"


def _first_line(error: Error) -> str:
    return str(error).partition("\n")[0]
