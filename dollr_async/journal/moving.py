"""What a journal can do so that it can be copied to another place, and how it refuses changes afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from dollr_async.base.errors import JournalError
from dollr_async.base.record import Record
from dollr_async.journal.entry import Entry

if TYPE_CHECKING:
    from uuid import UUID


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StoredPayment(Record):
    """All that a journal keeps of one payment, without the leases of those who work on it."""

    entry: Entry
    lease_number: int
    ended_at: datetime | None
    handled_at: datetime | None
    hand_out_number: int
    reason: str | None


@runtime_checkable
class MovableJournal(Protocol):
    """A journal whose payments can be copied to another one."""

    async def move_to(self, place: str) -> None:
        """Refuse every later change with a `JournalError` that names the new place, also after a restart.

        Raises:
            JournalError: a live run works on a payment, or the journal was moved to another place before.
        """
        ...

    async def export_page(self, after: UUID | None, *, limit: int) -> list[StoredPayment]:
        """Return the next payments by reference; an empty list ends them."""
        ...

    async def import_page(self, payments: list[StoredPayment]) -> None:
        """Keep payments of another journal, in place of those with the same references. Stored durably."""
        ...


def moved(name: object, place: str) -> JournalError:
    """Return the error for a change of a journal that was copied to another place."""
    sentence = f"{name} was moved to {place}: use that journal. Nothing was changed here"
    return JournalError(sentence)


def cannot_move(name: object, *, live: int, place: str, moved_to: str | None) -> JournalError | None:
    """Return why a journal cannot be moved to a place, or None."""
    if moved_to is not None and moved_to != place:
        return moved(name, moved_to)
    if live:
        sentence = (
            f"{name} cannot be moved while live runs work on payments ({live} now): stop the programs that use it, "
            "then try again"
        )
        return JournalError(sentence)
    return None
