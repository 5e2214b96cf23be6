"""What is said of one payment wherever it is spoken of: how far it came, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from dollr_async.base.record import Record

if TYPE_CHECKING:
    from decimal import Decimal


class ExecutionFacts(Protocol):
    """What an error shows of an execution; the object behind it is a `dollr_async.Execution`."""

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
        """The gateway's words, where there are any."""
        ...

    @property
    def wallet_message(self) -> str | None:
        """The wallet's words, where there are any."""
        ...

    @property
    def requires_action(self) -> bool | None:
        """Whether the payer has to confirm a card."""
        ...


class SourceFacts(Protocol):
    """What an error shows of a document; the object behind it is a `dollr_async.SourceState`."""

    @property
    def status(self) -> str:
        """The status word."""
        ...

    @property
    def total_amount(self) -> Decimal:
        """What it costs, in major units."""
        ...

    @property
    def currency(self) -> str:
        """What it is billed in."""
        ...


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Progress(Record):
    """What exists by now of one payment, under the names that its handle uses; None where a step has not been done."""

    reference_id: UUID
    source_type: str | None = None
    source_id: int | None = None
    source_number: str | None = None
    party_id: int | None = None
    counterparty_id: int | None = None
    payment_account_id: int | None = None
    session_id: int | None = None


def resume_call(verb: str, reference_id: UUID, kind: str = "COLLECTION", *, more: str = "") -> str:
    """Return the call that resumes a payment, as a message shows it: `dollr.wait('...')`."""
    direction = "" if kind == "COLLECTION" else f", kind='{kind}'"
    return f"dollr.{verb}('{reference_id}'{direction}{more})"
