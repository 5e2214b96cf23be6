"""Waits until leases are given back: one task and one query for all that wait in this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from dollr_async.base.errors import JournalError
from dollr_async.journal.postgres.payments import channel_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.journal.postgres.database import Database

logger = logging.getLogger("dollr_async.journal")

_INTERVAL = 0.5
"""Seconds between two queries at least."""
_HEARD_INTERVAL = 5.0
"""Seconds between two queries where notifications arrive: the safety net for one that was lost."""
_TEST_TIME = 3.0
"""Seconds within which a notification of our own must arrive."""
_SILENCE = 30.0
"""Seconds until listening is tried again after a connection for it failed."""


class Releases:
    """Those in this process who wait for a lease. The task and its connection live only while somebody waits."""

    def __init__(self, database: Database) -> None:
        """Wait for leases in this database."""
        self._database = database
        self._waiting: dict[UUID, deque[asyncio.Future[None]]] = {}
        self._unchecked: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None
        self._ear = _Ear(database)
        self._next_query = 0.0

    async def wait(self, reference_id: UUID, timeout: float) -> None:  # noqa: ASYNC109 - it returns then, without an error
        """Return when the lease of a payment was given back or has run out, or after `timeout` seconds."""
        await self._database.known_identity()
        freed = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(reference_id, deque())
        waiting.append(freed)
        self._unchecked.add(reference_id)
        if self._task is None:
            self._task = self._database.hold(self._watch())
        try:
            await asyncio.wait({freed}, timeout=timeout)
        finally:
            with contextlib.suppress(ValueError):
                waiting.remove(freed)
            if not waiting:
                self._forget(reference_id)

    def free(self, reference_id: UUID) -> None:
        """Let the first go that waits for this payment: only one can take the lease."""
        waiting = self._waiting.get(reference_id)
        if waiting:
            waiting.popleft().set_result(None)
            # The next one is let go if the lease is still free at the next query.
            self._unchecked.add(reference_id)

    def close(self) -> None:
        """Let all that wait go, and end the task."""
        for reference_id in tuple(self._waiting):
            while self._waiting.get(reference_id):
                self.free(reference_id)
        self._stop()

    def _forget(self, reference_id: UUID) -> None:
        self._waiting.pop(reference_id, None)
        self._unchecked.discard(reference_id)
        if not self._waiting:
            self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                if not self._ear.hears or self._unchecked or loop.time() >= self._next_query:
                    await self._query()
                await self._ear.listen(_INTERVAL, self.free)
        finally:
            await self._ear.close()

    async def _query(self) -> None:
        """Free those whose payment has no live run any more."""
        asked = list(self._waiting)
        try:
            rows = await self._database.run(lambda attempt: attempt.rows("live", references=asked))
        except JournalError as error:
            # Who waits is let go by its own timeout, and finds the error itself.
            logger.warning("leases in the journal cannot be watched: %s", error)
            return
        live = {row["reference_id"]: row["remaining"] for row in rows}
        for reference_id in asked:
            self._unchecked.discard(reference_id)
            if reference_id not in live:
                self.free(reference_id)
        soonest = min([_HEARD_INTERVAL, *live.values()])
        self._next_query = asyncio.get_running_loop().time() + soonest


class _Ear:
    """A connection that listens to the channel of the journal, where that is possible.

    A pooler that gives a connection for one transaction only never passes a notification on, and its connections must
    not be left listening. So the ear listens only on a connection without a pooler. It also notifies itself through
    another connection, and `hears` once that has arrived.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: AsyncConnection[Any] | None = None
        self._test = ""
        self._test_ends = 0.0
        self._is_deaf = database.conninfo is None
        self._next_try = 0.0
        self.hears = False

    async def listen(self, seconds: float, free: Callable[[UUID], None]) -> None:
        """Listen for a number of seconds, or only wait for so long."""
        now = asyncio.get_running_loop().time()
        if not self._is_deaf and self._connection is None and now >= self._next_try:
            await self._open()
        if self._connection is None:
            await asyncio.sleep(seconds)
            return
        try:
            await self._hear(self._connection, seconds, free)
        except psycopg.Error:
            await self._fail()
        if not self.hears and asyncio.get_running_loop().time() > self._test_ends:
            self._is_deaf = self._connection is not None
            await self.close()

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self.hears = self._connection, None, False
        if connection is not None:
            await connection.close()

    async def _hear(self, connection: AsyncConnection[Any], seconds: float, free: Callable[[UUID], None]) -> None:
        async with contextlib.aclosing(connection.notifies(timeout=seconds)) as notifications:
            async for notification in notifications:
                if notification.payload == self._test:
                    self.hears = True
                    continue
                with contextlib.suppress(ValueError):
                    free(UUID(notification.payload))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._test_ends = loop.time() + _TEST_TIME
        channel, self._test = channel_of(self._database), uuid4().hex + "?"
        try:
            self._connection = await AsyncConnection.connect(
                self._database.conninfo or "", autocommit=True, prepare_threshold=None
            )
            if not await _is_direct(self._connection):
                self._is_deaf = True
                await self.close()
                return
            await self._connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            # Through another connection: a pooler would pass on what the connection's own transaction has sent.
            await self._database.run(lambda attempt: attempt.row("notify", channel=channel, payload=self._test))
        except (psycopg.Error, JournalError):
            await self._fail()

    async def _fail(self) -> None:
        self._next_try = asyncio.get_running_loop().time() + _SILENCE
        await self.close()


async def _is_direct(connection: AsyncConnection[Any]) -> bool:
    """Return whether the process at the other end is the server's own: a pooler gives a number that it made up."""
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return row is not None and row[0] == connection.info.backend_pid
