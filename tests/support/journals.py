"""A journal as users wrote it before there were outcomes: the methods of `Journal`, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.journal import MemoryJournal

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.journal import Claim, Entry


class PlainJournal:
    """The seven methods and the property of `Journal`, over a journal in memory."""

    def __init__(self, *, lease: float = 15.0) -> None:
        self._memory = MemoryJournal(lease=lease)
        self.lease = lease

    async def claim(self, entry: Entry) -> Claim:
        return await self._memory.claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        await self._memory.write(entry, number)

    async def renew(self, reference_id: UUID, number: int) -> None:
        await self._memory.renew(reference_id, number)

    async def release(self, reference_id: UUID, number: int) -> None:
        await self._memory.release(reference_id, number)

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        await self._memory.settle(reference_id, status, outcome)

    async def read(self, reference_id: UUID) -> Entry | None:
        return await self._memory.read(reference_id)

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        return await self._memory.unfinished(with_live=with_live)
