"""A journal while very many payments settle at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from dollr_async.testing.support import an_entry, claimed

if TYPE_CHECKING:
    from dollr_async.journal import Journal

MANY = 64
"""As many as a client checks at once."""


async def statuses_written_before_a_read(journal: Journal) -> int:
    """Settle many payments, read one that has nothing to do with them, and say how many were written by then."""
    entries = [an_entry() for _ in range(MANY + 1)]
    other, *settling = entries
    for entry in entries:
        await journal.write(attrs.evolve(entry, sends=1), await claimed(journal, entry))
    writes = [asyncio.create_task(journal.settle(entry.reference_id, "COMPLETED", "COMPLETED")) for entry in settling]
    await asyncio.sleep(0)
    assert await journal.read(other.reference_id) is not None
    written = sum(write.done() for write in writes)
    await asyncio.gather(*writes)
    for entry in settling:
        found = await journal.read(entry.reference_id)
        assert found is not None
        assert found.outcome == "COMPLETED"
    return written
