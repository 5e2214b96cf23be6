"""The protocol of a journal: what every implementation can do, what a claim answers, and the error of a lost lease.

To write a journal of your own, implement `Journal`; docs/guides/own_journal.md shows one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from dollr_async.base.errors import JournalError
from dollr_async.base.record import Record
from dollr_async.journal.entry import Entry

if TYPE_CHECKING:
    from uuid import UUID


class LeaseLostError(JournalError):
    """Another run has taken this payment over, so this run stops. Follow the payment by its reference."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Claim(Record):
    """The answer to a run that asked to work on a payment."""

    entry: Entry
    """What the journal knows of the payment."""
    number: int | None
    """The number of this run's lease, which grows with every lease of the payment; None when a live run holds it."""
    is_new: bool
    """Whether the reference was claimed for the first time."""

    @property
    def is_mine(self) -> bool:
        """Whether this run holds the lease and may work on the payment."""
        return self.number is not None


@runtime_checkable
class Journal(Protocol):
    """A durable record of payments.

    One run at a time works on a payment: the one that holds its lease. A run is live while its lease has not expired.
    Every method may raise `JournalError`.
    """

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        ...

    async def claim(self, entry: Entry) -> Claim:
        """Store a new entry, or find the one with its reference, and take the lease unless a live run holds it.

        Stored durably when it returns. An entry that exists is left as it is.
        """
        ...

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease. Stored durably when it returns.

        Raises:
            LeaseLostError: another run has taken the lease; nothing was written.
        """
        ...

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease.

        Raises:
            LeaseLostError: another run has taken the lease.
        """
        ...

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        ...

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Store a status that a status check found. This needs no lease.

        If the entry has an outcome already, it stays. An unknown reference is ignored.
        """
        ...

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        ...

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first.

        `with_live` adds those that a live run works on.
        """
        ...


def lease_lost(reference_id: UUID) -> LeaseLostError:
    """Return the error for a run that writes or renews without holding the lease."""
    sentence = (
        f"this run no longer works on payment {reference_id}: another run has taken it over, or its lease was given "
        "back. Nothing was written. Follow the payment by its reference"
    )
    return LeaseLostError(sentence)
