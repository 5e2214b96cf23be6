"""Parties tied to the merchant (`/v1/counterparties`)."""

from __future__ import annotations

from datetime import datetime

import attrs

from dollr_async import fields
from dollr_async.codec import Answer, Body
from dollr_async.enums import RelationshipType
from dollr_async.resources.base import Resource, segment
from dollr_async.resources.parties import Party


@attrs.frozen(kw_only=True)
class NewCounterparty(Body):
    """A party to tie to the merchant, and how it relates to it.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    party_id: int = attrs.field(converter=fields.identifier)
    relationship_type: RelationshipType = attrs.field(default=RelationshipType.CUSTOMER, converter=RelationshipType)


@attrs.frozen(kw_only=True)
class Counterparty(Answer):
    """A counterparty as the API keeps it; `party` is there where the operation embeds it.

    The API's own samples disagree on `party_id` and the owner's fields, so each may be missing.
    """

    id: int
    relationship_type: RelationshipType
    created_at: datetime
    updated_at: datetime
    party_id: int | None = None
    owner_party_type: str | None = None
    owner_party_id: int | None = None
    party: Party | None = None


class Counterparties(Resource):
    """Parties tied to the merchant (`/v1/counterparties`)."""

    async def create(self, counterparty: NewCounterparty) -> Counterparty:
        """Tie a party to the merchant (`create_counterparty`)."""
        return await self._post("counterparties/create", Counterparty, counterparty)

    async def retrieve(self, counterparty_id: int | str) -> Counterparty:
        """Fetch one counterparty with its party (`retrieve_counterparties`)."""
        return await self._get(f"counterparties/retrieve/{segment(counterparty_id)}", Counterparty)
