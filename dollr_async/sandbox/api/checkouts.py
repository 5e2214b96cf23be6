"""Checkouts: one call that makes the payer, the published source and its lines, and a hosted page to pay on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.api.counterparties import add_counterparty
from dollr_async.sandbox.api.documents import add_document, add_item
from dollr_async.sandbox.api.parties import add_party
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.documents import move_document
from dollr_async.sandbox.world.hosted_pages import add_page, page_url

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import NewCheckout
    from dollr_async.sandbox.world.records import Answer, Counterparty, Page
    from dollr_async.sandbox.world.world import World


def create_checkout(world: World, body: NewCheckout) -> Answer:
    """Create what a checkout needs, and publish its source."""
    if body.mode == "DIRECT" and world.quirks.refuse_direct:
        raise unprocessable("Mode DIRECT is not enabled for this merchant")
    wrong = next((item.currency for item in body.items if item.currency != body.currency), None)
    if wrong is not None:
        raise unprocessable(f"An item in {wrong} does not fit a checkout in {body.currency}")
    document = add_document(
        world,
        body.source_kind,
        _counterparty(world, body),
        currency=body.currency,
        note=body.note or "",
        fee_bearer="PAYER",
        as_payment_link=body.mode == "HOSTED",
        reference_id=body.reference_id,
        due_date=body.due_date if body.source_kind == "INVOICE" else None,
    )
    for item in body.items:
        add_item(world, document, item.name, item.currency, 1, item.amount)
    if world.quirks.checkout_status == "ACTIVE":
        move_document(world, document, "publish")
    page = add_page(world, document)
    page.expires_at, page.success_url, page.cancel_url = body.expires_at, body.success_url, body.cancel_url
    return _checkout_answer(world, body, page)


def _counterparty(world: World, body: NewCheckout) -> Counterparty:
    if body.counterparty_id is None:
        party = add_party(world, body.party_name or body.party_phone, body.party_phone, body.party_email)
        return add_counterparty(world, party, body.party_relationship or "CUSTOMER")
    counterparty = world.counterparties.get(body.counterparty_id)
    if counterparty is None:
        raise unprocessable(f"Counterparty {body.counterparty_id} not found")
    return counterparty


def _checkout_answer(world: World, body: NewCheckout, page: Page) -> Answer:
    document = page.document
    answer: Answer = {
        "mode": body.mode,
        "source_type": document.source_type,
        "source_id": document.id,
        "source_number": document.number,
        "source_status": document.status,
        "counterparty_id": document.counterparty.id,
        "party_id": document.counterparty.party.id,
        "source_checkout_config_id": world.next_id("checkout"),
        "currency": document.currency,
        "reference_id": document.reference_id,
        "due_date": document.due_date,
        "expires_at": body.expires_at,
        "hosted_path_or_token": page.token,
        "success_url": body.success_url,
        "cancel_url": body.cancel_url,
    }
    if world.quirks.checkout_total:
        answer["total_amount"] = document.total_amount
    if world.quirks.checkout_url:
        answer["url"] = page_url(world, page)
    return answer
