"""A journal whose errors are all `JournalError`s, whatever the wrapped journal raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dollr_async.base.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from uuid import UUID

    from dollr_async.journal.entry import Entry
    from dollr_async.journal.protocol import Claim, Journal

T = TypeVar("T")


class TranslatingJournal:
    """Wraps a journal that a user wrote: an error of its database or framework becomes a `JournalError`."""

    def __init__(self, journal: Journal) -> None:
        """Wrap this journal."""
        self._journal = journal

    def __repr__(self) -> str:
        """Show the wrapped journal."""
        return repr(self._journal)

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        return self._journal.lease

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it."""
        return await _translated(self._journal.claim(entry))

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease."""
        await _translated(self._journal.write(entry, number))

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await _translated(self._journal.renew(reference_id, number))

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back."""
        await _translated(self._journal.release(reference_id, number))

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found."""
        await _translated(self._journal.settle(reference_id, status, outcome))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await _translated(self._journal.read(reference_id))

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries."""
        return await _translated(self._journal.unfinished(with_live=with_live))


async def _translated(call: Awaitable[T]) -> T:
    try:
        return await call
    except JournalError:
        raise
    # A user's own journal may raise anything. A payment must not end in an error that its caller does not expect.
    except Exception as error:
        sentence = f"the journal failed ({type(error).__name__}): {error}. Fix its cause, then try again"
        raise JournalError(sentence) from error
