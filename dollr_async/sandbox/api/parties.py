"""Parties: contact records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.world.records import Answer, Party
from dollr_async.sandbox.world.world import World, find

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import NewParty
    from dollr_async.sandbox.requests.parameters import IdPath, PartyFilter


def create_party(world: World, body: NewParty) -> Answer:
    """Create a contact record; the same phone may be registered any number of times."""
    return party_answer(add_party(world, body.fullname, body.phone, body.email, body.country_code))


def add_party(world: World, fullname: str, phone: str, email: str | None, country_code: str | None = None) -> Party:
    """Keep a new party."""
    now = world.clock.now()
    party = Party(
        id=world.next_id("party"),
        fullname=fullname,
        phone=phone,
        email=email,
        country_code=country_code,
        created_at=now,
        updated_at=now,
    )
    world.parties[party.id] = party
    return party


def list_parties(world: World, query: PartyFilter) -> list[Answer]:
    """List the parties whose name contains the filter, in any case."""
    return [party_answer(party) for party in world.parties.values() if is_named(party, query.fullname)]


def retrieve_party(world: World, path: IdPath) -> Answer:
    """Fetch one party."""
    return party_answer(find(world.parties, path.id, "Party"))


def is_named(party: Party, fullname: str | None) -> bool:
    """Whether a party's name contains the filter, in any case; None fits every name."""
    return fullname is None or fullname.lower() in party.fullname.lower()


def party_answer(party: Party) -> Answer:
    """Write a `PartyResponse`."""
    return {
        "id": party.id,
        "fullname": party.fullname,
        "email": party.email,
        "phone": party.phone,
        "country_code": party.country_code,
        "created_at": party.created_at,
        "updated_at": party.updated_at,
    }
