"""The state of one payment, as errors, handles and the journal show it: the ids made so far, and its execution."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from dollr_async.base.record import JsonRecord, Record

if TYPE_CHECKING:
    from decimal import Decimal


class ExecutionFacts(Protocol):
    """The attributes of an execution that an error shows; the object is a `dollr_async.Execution`."""

    @property
    def status(self) -> str:
        """The status word."""
        ...

    @property
    def payer_amount(self) -> Decimal:
        """What the payer is charged, in major units."""
        ...

    @property
    def payer_currency(self) -> str:
        """The currency of the charge."""
        ...

    @property
    def gateway_message(self) -> str | None:
        """The gateway's message, if there is one."""
        ...

    @property
    def wallet_message(self) -> str | None:
        """The wallet's message, if there is one."""
        ...

    @property
    def reason(self) -> str | None:
        """The gateway's message, else the wallet's, if there is one."""
        ...

    @property
    def requires_action(self) -> bool | None:
        """Whether the payer has to confirm a card payment."""
        ...


class SourceFacts(Protocol):
    """The attributes of a document that an error shows; the object is a `dollr_async.SourceState`."""

    @property
    def status(self) -> str:
        """The status word."""
        ...

    @property
    def total_amount(self) -> Decimal:
        """What the payer is billed, in major units."""
        ...

    @property
    def currency(self) -> str:
        """The currency of the bill."""
        ...


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Progress(JsonRecord):
    """The ids made so far for one payment, under the names that its handle uses; None for a step that is not done."""

    reference_id: UUID
    source_type: str | None = None
    source_id: int | None = None
    source_number: str | None = None
    party_id: int | None = None
    counterparty_id: int | None = None
    payment_account_id: int | None = None
    session_id: int | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class KnownPayment(Record):
    """What a journal knows of a payment: when it began (timezone-aware), and the ids made so far.

    `made_document` says that the payment's own chain made the document, so that nothing else is paid by it.
    """

    began_at: datetime
    progress: Progress
    made_document: bool = False


def resume_call(verb: str, reference_id: UUID, kind: str = "COLLECTION", *, more: str = "") -> str:
    """Return the call that resumes a payment, as a message shows it: `dollr.wait('...')`."""
    direction = "" if kind == "COLLECTION" else f", kind='{kind}'"
    return f"dollr.{verb}('{reference_id}'{direction}{more})"
