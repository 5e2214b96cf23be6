"""Any journal, so that whatever goes wrong in it is a `JournalError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dollr_async.base.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from uuid import UUID

    from dollr_async.journal.entry import Claim, Entry, Journal

T = TypeVar("T")


class Guarded:
    """A journal whose other errors, say of a framework's database, are told as the one that its users know."""

    def __init__(self, journal: Journal) -> None:
        """Stand before this journal."""
        self._journal = journal

    def __repr__(self) -> str:
        """Show the journal."""
        return repr(self._journal)

    @property
    def lease(self) -> float:
        """Seconds that a lease lives without being renewed."""
        return self._journal.lease

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run has it."""
        return await _told(self._journal.claim(entry))

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry under a lease that is still this run's, and renew the lease."""
        await _told(self._journal.write(entry, number))

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await _told(self._journal.renew(reference_id, number))

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back."""
        await _told(self._journal.release(reference_id, number))

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Note a status that was seen by following."""
        await _told(self._journal.settle(reference_id, status, outcome))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await _told(self._journal.read(reference_id))

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries."""
        return await _told(self._journal.unfinished(with_live=with_live))


async def _told(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except JournalError:
        raise
    # A journal of a user's own may raise anything, and a payment must not end in an error that nobody expects.
    except Exception as error:
        raise JournalError(f"the journal failed ({type(error).__name__}): {error}") from error
