"""Counterparties: parties and their relationship to the merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.api.parties import is_named, party_answer
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.records import Answer, Counterparty, Party
from dollr_async.sandbox.world.world import OWNER_ID, OWNER_TYPE, World, find

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import CounterpartyChanges, NewCounterparty
    from dollr_async.sandbox.requests.parameters import CounterpartyFilter, IdPath


def create_counterparty(world: World, body: NewCounterparty) -> Answer:
    """Create a counterparty of an existing party."""
    if body.party_id is None:
        raise unprocessable("party_id is required: no other way to find the party was given")
    party = _party_of(world, body.party_id)
    return counterparty_answer(world, add_counterparty(world, party, body.relationship_type))


def add_counterparty(world: World, party: Party, relationship_type: str) -> Counterparty:
    """Keep a new counterparty."""
    now = world.clock.now()
    counterparty = Counterparty(
        id=world.next_id("counterparty"),
        relationship_type=relationship_type,
        party=party,
        created_at=now,
        updated_at=now,
    )
    world.counterparties[counterparty.id] = counterparty
    return counterparty


def list_counterparties(world: World, query: CounterpartyFilter) -> list[Answer]:
    """List the counterparties that fit the filters, each with its party."""
    return [
        counterparty_detail(world, counterparty)
        for counterparty in world.counterparties.values()
        if is_named(counterparty.party, query.fullname)
        and query.relationship_type in {None, counterparty.relationship_type}
    ]


def retrieve_counterparty(world: World, path: IdPath) -> Answer:
    """Fetch one counterparty with its party."""
    return counterparty_detail(world, find(world.counterparties, path.id, "Counterparty"))


def update_counterparty(world: World, path: IdPath, body: CounterpartyChanges) -> Answer:
    """Change the relationship or the party."""
    counterparty = find(world.counterparties, path.id, "Counterparty")
    if body.party_id is not None:
        counterparty.party = _party_of(world, body.party_id)
    if body.relationship_type is not None:
        counterparty.relationship_type = body.relationship_type
    counterparty.updated_at = world.clock.now()
    return counterparty_answer(world, counterparty)


def _party_of(world: World, party_id: int) -> Party:
    party = world.parties.get(party_id)
    if party is None:
        raise unprocessable(f"Party {party_id} not found")
    return party


def counterparty_answer(world: World, counterparty: Counterparty) -> Answer:
    """Write a `CounterPartyResponse`."""
    answer: Answer = {
        "id": counterparty.id,
        "owner_party_type": OWNER_TYPE,
        "owner_party_id": OWNER_ID,
        "relationship_type": counterparty.relationship_type,
        "created_at": counterparty.created_at,
        "updated_at": counterparty.updated_at,
    }
    if world.quirks.counterparty_party_id:
        answer["party_id"] = counterparty.party.id
    return answer


def counterparty_detail(world: World, counterparty: Counterparty) -> Answer:
    """Write a `CounterPartyWithPartyResponse`."""
    return {**counterparty_answer(world, counterparty), "party": party_answer(counterparty.party)}
