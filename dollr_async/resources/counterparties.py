"""Counterparties: parties that are tied to the merchant (`/v1/counterparties`)."""

from __future__ import annotations

from datetime import datetime

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import RelationshipType
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource, answer_or_none, segment
from dollr_async.resources.parties import Party
from dollr_async.wire.codec import Answer, Body


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewCounterparty(Body):
    """A party that becomes a counterparty of the merchant, such as its customer.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    party_id: int = attrs.field(converter=fields.identifier)
    relationship_type: RelationshipType = attrs.field(
        default=RelationshipType.CUSTOMER, converter=enum_values.relationship
    )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CounterpartyChanges(Body):
    """Changes of a counterparty. Fields that are None stay as they are.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    relationship_type: RelationshipType | None = attrs.field(default=None, converter=enum_values.optional_relationship)
    party_id: int | None = attrs.field(default=None, converter=fields.optional_identifier)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Counterparty(Answer):
    """A counterparty at the API; some operations embed its `party`.

    The API's own samples disagree about `party_id` and the owner's fields, so each may be missing.
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
    """Counterparties: parties with a relation to the merchant, such as its customers (`/v1/counterparties`)."""

    async def create(self, counterparty: NewCounterparty) -> Counterparty:
        """Make a party a counterparty of the merchant (`create_counterparty`)."""
        return await self._post("counterparties/create", Counterparty, counterparty)

    async def list(
        self, *, fullname: str | None = None, relationship_type: RelationshipType | str | None = None
    ) -> tuple[Counterparty, ...]:
        """List counterparties: all, or by a part of the party's name, or by relationship (`list_counterparties`)."""
        query = {"fullname": fullname, "relationship_type": enum_values.optional_relationship(relationship_type)}
        return await self._list("counterparties/list", Counterparty, **query)

    async def retrieve(self, counterparty_id: int | str) -> Counterparty:
        """Fetch one counterparty with its party (`retrieve_counterparties`)."""
        return await self._get(f"counterparties/retrieve/{segment(counterparty_id)}", Counterparty)

    async def update(self, counterparty_id: int | str, changes: CounterpartyChanges) -> Counterparty | None:
        """Change the relationship or the party (`update_counterparty`). It returns None if the answer has neither."""
        path = f"counterparties/update/{segment(counterparty_id)}"
        return await answer_or_none(self._put(path, Counterparty, changes))
