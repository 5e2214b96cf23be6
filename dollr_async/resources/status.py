"""How far a payment or a document is (`/v1/status`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async.codec import Answer
from dollr_async.enums import ExecutionKind, SourceStatus, SourceType
from dollr_async.resources.base import Resource, segment
from dollr_async.resources.executions import Execution

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.retry import RetryPolicy


@attrs.frozen(kw_only=True)
class SourceState(Answer):
    """How far an invoice or an order is; `total_amount` is in major units."""

    source_id: int
    source_type: SourceType
    source_number: str
    status: SourceStatus
    currency: str
    total_amount: Decimal
    paid_at: datetime | None = None


class Status(Resource):
    """How far a payment or a document is (`/v1/status`)."""

    async def collection(self, reference_id: UUID | str, *, retry: RetryPolicy | None = None) -> Execution:
        """Fetch the state of a collection (`get_collection_status`)."""
        path = f"status/collection/{segment(reference_id)}"
        return await self._caller.call("GET", path, Execution, retry=retry)

    async def source(self, source_type: SourceType | str, source_id: int | str) -> SourceState:
        """Fetch the state of an invoice or an order (`get_payment_source_status`)."""
        return await self._get("status/source", SourceState, source_type=source_type, source_id=source_id)

    async def of(
        self, kind: ExecutionKind, reference_id: UUID | str, *, retry: RetryPolicy | None = None
    ) -> Execution:
        """Fetch the state of an execution of any kind, by the status operation of that kind."""
        path = f"status/{kind.lower()}/{segment(reference_id)}"
        return await self._caller.call("GET", path, Execution, retry=retry)
