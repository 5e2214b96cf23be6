"""What a journal keeps of one payment: enough to resume it in another process, and no personal data."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import attrs

from dollr_async.base.progress import Progress
from dollr_async.base.record import Record

REFUSED = "REFUSED"
"""The outcome of an entry whose execution surely did not run."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Terms(Record):
    """The terms of a payment, kept so that they can be compared but not read.

    `digest` is an HMAC-SHA256 in hexadecimal over all terms. `key_id` names its key, which is derived from the client
    secret. If the client secret has changed, the digests cannot be compared. Then `amount` (major units), `currency`
    and `lines` (amounts and quantities, no names) are compared.
    """

    key_id: str
    digest: str
    amount: Decimal
    currency: str | None
    lines: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Entry(Record):
    """One payment and how far it has come. All times are timezone-aware, in UTC."""

    reference_id: UUID
    """The payment's key."""
    kind: str
    """The direction of the money: COLLECTION, PAYOUT, TRANSFER or REFUND."""
    began_at: datetime
    updated_at: datetime
    terms: Terms
    step: str = ""
    """The last step that the API acknowledged."""
    source_type: str | None = None
    source_id: int | None = None
    source_number: str | None = None
    party_id: int | None = None
    counterparty_id: int | None = None
    payment_account_id: int | None = None
    session_id: int | None = None
    session_expires_at: datetime | None = None
    """When the session of the execution ends, where that is known."""
    payer_currency: str | None = None
    """The currency that is executed."""
    sends: int = 0
    """How many sends of the execution were begun. With one or more, the payment may have moved money."""
    session_sends: int = 0
    """How many of them used the present session."""
    is_renewed: bool = False
    """Whether the present session has replaced another one."""
    in_doubt: bool = False
    """Whether an execution may have run: no answer to a send has decided it yet."""
    is_contested: bool = False
    """Whether a send was refused, so that an execution that is found may be another run's."""
    status: str | None = None
    """The last status that was seen."""
    outcome: str | None = None
    """None while the payment is open, REFUSED when it surely did not run, else COMPLETED or FAILED."""

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
        """Whether the send of an execution was ever begun."""
        return self.sends > 0
