"""What a journal keeps of one payment: enough to take it up again in another process, and nothing of a person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable
from uuid import UUID

import attrs

from dollr_async.base.errors import JournalError
from dollr_async.base.progress import Progress
from dollr_async.base.record import Record


class LeaseLostError(JournalError):
    """Another run has taken this payment over, so this one does nothing more; follow it by its reference."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Terms(Record):
    """What a payment was asked with, without saying it: an HMAC, and the plain columns that outlive its key.

    `digest` is an HMAC-SHA256 in hexadecimal under the key that `key_id` names. `amount` (major units), `currency` and
    `lines` (amounts and quantities, no names) are compared when the key has changed since.
    """

    key_id: str
    digest: str
    amount: Decimal
    currency: str | None
    lines: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Entry(Record):
    """One payment, as far as it has come. All times are aware and in UTC.

    `step` is the last step that was acknowledged. `sends` counts the executions whose sending was begun: with one or
    more the payment may have moved money, whatever else is known. `in_doubt` says that one of them got no answer that
    settles it. `status` is the last one seen; `outcome` is None while the payment is open, REFUSED when it surely did
    not run, and COMPLETED or FAILED at its end.
    """

    reference_id: UUID
    kind: str
    began_at: datetime
    updated_at: datetime
    terms: Terms
    step: str = ""
    source_type: str | None = None
    source_id: int | None = None
    source_number: str | None = None
    party_id: int | None = None
    counterparty_id: int | None = None
    payment_account_id: int | None = None
    session_id: int | None = None
    session_expires_at: datetime | None = None
    payer_currency: str | None = None
    sends: int = 0
    session_sends: int = 0
    is_renewed: bool = False
    in_doubt: bool = False
    status: str | None = None
    outcome: str | None = None

    @property
    def progress(self) -> Progress:
        """Every id that was made, under the names that a handle uses."""
        return Progress(
            reference_id=self.reference_id,
            source_type=self.source_type,
            source_id=self.source_id,
            source_number=self.source_number,
            party_id=self.party_id,
            counterparty_id=self.counterparty_id,
            payment_account_id=self.payment_account_id,
            session_id=self.session_id,
        )

    @property
    def executed(self) -> bool:
        """Whether the sending of an execution was ever begun."""
        return self.sends > 0


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Claim(Record):
    """A run's hold on an entry.

    `number` grows with every run that takes the lease, and is None when another run, which is alive, has it.
    `is_new` says that nobody had claimed the reference before.
    """

    entry: Entry
    number: int | None
    is_new: bool

    @property
    def is_mine(self) -> bool:
        """Whether this run may work."""
        return self.number is not None


@runtime_checkable
class Journal(Protocol):
    """A durable record of payments. Every method may raise `JournalError`."""

    @property
    def lease(self) -> float:
        """Seconds that a lease lives without being renewed."""
        ...

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a run that is alive has it.

        Durable when it returns. An entry that exists is left as it is.
        """
        ...

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry under a lease that is still this run's, and renew the lease. Durable when it returns.

        Raises:
            LeaseLostError: another run has taken the lease meanwhile; nothing was written.
        """
        ...

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease; `LeaseLostError` when another run has taken it."""
        ...

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back; one that is another run's by now is left alone."""
        ...

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Note a status that was seen by following; one that needs no lease. An unknown reference is ignored.

        An outcome that is there already stays.
        """
        ...

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        ...

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no run which is alive is working on, the oldest first.

        `with_live` adds those that one is working on.
        """
        ...
