"""A program that can crash at any moment: its clients, its view of the journal, and what it reads in the log."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from dollr_async import DollrClient, RealtimeSettings
from dollr_async.journal import MemoryJournal
from tests.proof.orders import JOURNAL

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.journal import Claim, Entry, OpenPayment
    from dollr_async.sandbox import Sandbox


class CrashedError(Exception):
    """The process that called has crashed."""


class ProcessJournal(MemoryJournal):
    """A journal as one process sees it: after its crash, none of its calls arrives."""

    def __init__(self, journal: MemoryJournal) -> None:
        super().__init__()
        self._durable = journal
        self.has_crashed = False

    @property
    def _reachable(self) -> MemoryJournal:
        if self.has_crashed:
            raise CrashedError
        return self._durable

    async def claim(self, entry: Entry) -> Claim:
        return await self._reachable.claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        await self._reachable.write(entry, number)

    async def renew(self, reference_id: UUID, number: int) -> None:
        await self._reachable.renew(reference_id, number)

    async def release(self, reference_id: UUID, number: int) -> None:
        await self._reachable.release(reference_id, number)

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        await self._reachable.settle(reference_id, status, outcome)

    async def read(self, reference_id: UUID) -> Entry | None:
        return await self._reachable.read(reference_id)

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        return await self._reachable.unfinished(with_live=with_live)

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        return await self._reachable.unfinished_page(after, limit=limit, with_live=with_live)

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        return await self._reachable.unfinished_of_source(source_type, source_id)

    async def is_live(self, reference_id: UUID) -> bool:
        return await self._reachable.is_live(reference_id)


class Process:
    """One run of a program: its clients, its view of the journal, and its tasks.

    One client has a journal, and two have none.
    """

    def __init__(self, sandbox: Sandbox, journal: MemoryJournal) -> None:
        self.journal = ProcessJournal(journal)
        realtime = RealtimeSettings(**sandbox.realtime)
        self.journaled = DollrClient(
            **sandbox.settings, journal=self.journal, realtime=realtime, max_polls_per_second=2.0
        )
        self.plain = DollrClient(**sandbox.settings, realtime=realtime)
        self.clients = {JOURNAL: self.journaled, "plain": self.plain, "another": DollrClient(**sandbox.settings)}
        self.tasks: list[asyncio.Task[None]] = []

    async def crash(self) -> None:
        """End at once: nothing more is written, no lease is released, all connections are closed."""
        self.journal.has_crashed = True
        running = [task for task in self.tasks if not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for client in self.clients.values():
            await client.close()


class ReferenceLog(logging.Handler):
    """Learns from the log which payments are about to be executed, as a caller that gives no reference would."""

    def __init__(self, known: set[str]) -> None:
        super().__init__()
        self._known = known
        self._logger = logging.getLogger("dollr_async.collect")

    def emit(self, record: logging.LogRecord) -> None:
        """Add the reference of an execution to the known ones."""
        if found := re.match(r"payment (\S+) is about to be executed", record.getMessage()):
            self._known.add(found[1])

    def attach(self) -> None:
        """Begin to read the log."""
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)

    def detach(self) -> None:
        """End."""
        self._logger.removeHandler(self)
        self._logger.setLevel(logging.NOTSET)
