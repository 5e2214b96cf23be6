"""Movements of money (`/v1/executions`)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async import fields
from dollr_async.codec import Answer, Body
from dollr_async.enums import ExecutionKind, ExecutionStatus
from dollr_async.resources.base import Resource

if TYPE_CHECKING:
    from dollr_async.retry import RetryPolicy


@attrs.frozen(kw_only=True)
class NewCollection(Body):
    """A checkout session to execute; `reference_id` is the idempotency key, `currency` what the payer pays in.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    # Both ids are text here and integers wherever the API hands them out.
    session_id: str = attrs.field(converter=fields.identifier_text)
    payment_account_id: str = attrs.field(converter=fields.identifier_text)
    currency: str = attrs.field(converter=fields.currency_code)
    reference_id: str = attrs.field(converter=fields.reference_text)


@attrs.frozen(kw_only=True)
class Execution(Answer):
    """A movement of money as the API sees it; amounts are in major units.

    `requires_action` is True while the payer has to confirm a card; `client_secret` is what the browser needs for it.
    """

    reference_id: str
    status: ExecutionStatus
    payer_amount: Decimal
    payer_currency: str
    payee_amount: Decimal
    payee_currency: str
    operation_type: ExecutionKind
    provider_transaction_id: str | None = None
    gateway_message: str | None = None
    wallet_message: str | None = None
    client_secret: str | None = attrs.field(default=None, repr=False)
    requires_action: bool | None = None


class Executions(Resource):
    """Movements of money (`/v1/executions`)."""

    async def collection(self, collection: NewCollection, *, retry: RetryPolicy | None = None) -> Execution:
        """Execute a checkout session (`collect`); the same reference and body again is the same payment."""
        return await self._caller.call("POST", "executions/collection", Execution, body=collection, retry=retry)
