"""The status of a payment or of a document (`/v1/status`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.enums import ExecutionKind, SourceStatus, SourceType
from dollr_async.base.fields import identifier
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource, segment
from dollr_async.resources.executions import Execution, about
from dollr_async.wire.codec import Answer

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.wire.retry import RetryPolicy


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SourceState(Answer):
    """The state of an invoice or an order; `total_amount` is in major units."""

    source_id: int
    source_type: SourceType
    source_number: str
    status: SourceStatus
    currency: str
    total_amount: Decimal
    paid_at: datetime | None = None


class Status(Resource):
    """The status of a payment or of a document (`/v1/status`)."""

    async def collection(self, reference_id: UUID | str, *, retry: RetryPolicy | None = None) -> Execution:
        """Fetch the state of a collection (`get_collection_status`)."""
        path = f"status/collection/{segment(reference_id)}"
        return await self._caller.call("GET", path, Execution, retry=retry)

    async def payout(self, reference_id: UUID | str, *, retry: RetryPolicy | None = None) -> Execution:
        """Fetch the state of a payout (`get_payout_status`)."""
        path = f"status/payout/{segment(reference_id)}"
        return await self._caller.call("GET", path, Execution, retry=retry)

    async def transfer(self, reference_id: UUID | str, *, retry: RetryPolicy | None = None) -> Execution:
        """Fetch the state of a transfer (`get_transfer_status`)."""
        path = f"status/transfer/{segment(reference_id)}"
        return await self._caller.call("GET", path, Execution, retry=retry)

    async def refund(self, reference_id: UUID | str, *, retry: RetryPolicy | None = None) -> Execution:
        """Fetch the state of a refund (`get_refund_status`)."""
        path = f"status/refund/{segment(reference_id)}"
        return await self._caller.call("GET", path, Execution, retry=retry)

    async def source(
        self, source_type: SourceType | str, source_id: int | str, *, retry: RetryPolicy | None = None
    ) -> SourceState:
        """Fetch the state of an invoice or an order (`get_payment_source_status`)."""
        query = {"source_type": enum_values.source_type(source_type), "source_id": identifier(source_id)}
        return await self._caller.call("GET", "status/source", SourceState, query=query, retry=retry)

    async def of(self, kind: ExecutionKind, reference_id: UUID | str, *, retry: RetryPolicy | None = None) -> Execution:
        """Fetch the state of a payment of any kind, with the status operation of that kind.

        Raises:
            NotFoundError: the API does not know the reference. A new payment may not be known for some seconds.
            DecodeError: the answer is about another payment.
        """
        asked = str(reference_id)
        path = f"status/{kind.lower()}/{segment(asked)}"
        return about(await self._caller.call("GET", path, Execution, retry=retry), asked)
