"""Parties: contact records of people and organisations (`/v1/parties`)."""

from __future__ import annotations

from datetime import datetime

import attrs

from dollr_async.base import fields, phones
from dollr_async.resources.base import Resource, segment
from dollr_async.wire.codec import Answer, Body


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewParty(Body):
    """A person or an organisation to create as a contact.

    `phone` is international (`231771234567`), or as it is dialled inside the country that `country_code` names (LR or
    RW). `country_code` is ISO 3166-1 alpha-2.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    fullname: str = attrs.field(validator=fields.text)
    phone: str
    email: str | None = attrs.field(default=None, validator=fields.optional_text)
    country_code: str | None = attrs.field(default=None, converter=fields.country)

    def __attrs_post_init__(self) -> None:
        """Bring the phone into the form that is sent, by the country."""
        object.__setattr__(self, "phone", phones.phone_number(self.phone, self.country_code))


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Party(Answer):
    """A contact record at the API."""

    id: int
    fullname: str
    created_at: datetime
    updated_at: datetime
    email: str | None = None
    phone: str | None = None
    country_code: str | None = None


class Parties(Resource):
    """Parties: contact records of people and organisations (`/v1/parties`)."""

    async def create(self, party: NewParty) -> Party:
        """Create a contact record (`create_party`)."""
        return await self._post("parties/create", Party, party)

    async def list(self, *, fullname: str | None = None) -> tuple[Party, ...]:
        """List contact records, all or those whose name contains `fullname` (`list_parties`)."""
        return await self._list("parties/list", Party, fullname=fullname)

    async def retrieve(self, party_id: int | str) -> Party:
        """Fetch one contact record (`retrieve_parties`)."""
        return await self._get(f"parties/retrieve/{segment(party_id)}", Party)
