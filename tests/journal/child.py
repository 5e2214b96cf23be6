"""A process that a test starts and kills: on a line of input it claims a reference, then writes until it is killed."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from uuid import UUID

import attrs

from dollr_async.journal import SQLiteJournal
from dollr_async.testing.support import an_entry


async def main(path: str, reference_id: str) -> None:
    """Print the number of the lease, then the number of each write once it is durable."""
    sys.stdin.readline()
    entry = attrs.evolve(an_entry(), reference_id=UUID(reference_id))
    async with SQLiteJournal(path) as journal:
        claim = await journal.claim(entry)
        print(claim.number, flush=True)  # noqa: T201 - the test reads it
        if claim.number is None:
            return
        for sends in count(1):
            await journal.write(attrs.evolve(entry, sends=sends), claim.number)
            print(sends, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
