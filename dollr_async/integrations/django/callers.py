"""The database connection of the code that calls: whether a transaction of its own is open, and how to work in it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

import attrs
from asgiref.sync import sync_to_async
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from dollr_async.base.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

T = TypeVar("T")
_ANSWERS_WITHIN = 10.0
"""Seconds in which the thread of synchronous code has to say whether a transaction is open."""


@attrs.frozen(kw_only=True)
class OpenTransaction:
    """A transaction of the caller."""

    connection: BaseDatabaseWrapper
    is_of_a_test: bool
    """Whether only Django's `TestCase` has opened it."""
    is_at_hand: bool = True
    """Whether any thread may use the connection now, since its own thread waits for the result."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended since."""
        return self.connection.in_atomic_block


@attrs.define
class Caller:
    """What `run()` has seen in the thread that called it."""

    transaction: OpenTransaction | None
    is_waiting: bool = True
    """Whether that thread still waits. A task that outlives the call has nothing to do with its connection."""


CALLER: ContextVar[Caller | None] = ContextVar("dollr_async_django_caller", default=None)
"""The thread that called `run()` and waits; None where nobody called it."""


def is_called() -> bool:
    """Return whether a thread waits in `run()` for the present task."""
    caller = CALLER.get()
    return caller is not None and caller.is_waiting


def open_transaction(alias: str) -> OpenTransaction | None:
    """Return the transaction that is open in this thread, or None."""
    return transaction_of(connections[alias])


def transaction_of(connection: BaseDatabaseWrapper) -> OpenTransaction | None:
    """Return the transaction that is open on a connection, or None."""
    blocks = connection.atomic_blocks
    if not connection.in_atomic_block:
        is_open = connection.connection is not None and not connection.autocommit
        return OpenTransaction(connection=connection, is_of_a_test=False) if is_open else None
    # Django asks the same before it begins a durable transaction.
    is_of_a_test = bool(blocks) and all(getattr(block, "_from_testcase", False) for block in blocks)
    return OpenTransaction(connection=connection, is_of_a_test=is_of_a_test)


async def transaction_of_the_caller(alias: str) -> OpenTransaction | None:
    """Return the transaction that is open where the present call comes from, or None.

    Raises:
        JournalError: the thread of synchronous code is blocked, so nobody can say.
    """
    caller = CALLER.get()
    if caller is not None:
        found = caller.transaction if caller.is_waiting else None
        return found if found is None or found.connection.alias == alias else None
    looking = sync_to_async(open_transaction, thread_sensitive=True)(alias)
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            found = await looking
    except TimeoutError:
        sentence = (
            "it is not known whether a transaction is open: the thread of Django's synchronous code was busy for "
            f"{_ANSWERS_WITHIN:g} s. Nothing was sent. If that thread waits for this call, use run() there"
        )
        raise JournalError(sentence) from None
    return None if found is None else attrs.evolve(found, is_at_hand=False)


async def work_in(transaction: OpenTransaction, work: Callable[[], T], threads: Executor) -> T:
    """Do something in a transaction of the caller, and return the result.

    A connection whose thread waits is lent to another thread. Otherwise its own thread does it.
    """
    if not transaction.is_at_hand:
        return await sync_to_async(work, thread_sensitive=True)()

    def lent() -> T:
        with _lent(transaction.connection):
            return work()

    return await asyncio.get_running_loop().run_in_executor(threads, lent)


@contextmanager
def _lent(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let this thread use a connection of another thread, as Django's own live server does in tests."""
    alias = connection.alias
    connection.inc_thread_sharing()
    connections[alias] = connection
    try:
        yield
    finally:
        del connections[alias]
        connection.dec_thread_sharing()


def close_old_connections() -> None:
    """Close the connections of this thread that are broken, or older than `CONN_MAX_AGE`.

    Django's own function closes those too on which a `TestCase` has its transaction open.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def close_connections() -> None:
    """Close the connections of this thread, at the end of its work."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
