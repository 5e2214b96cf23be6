"""Links to the hosted pages: where a payer pays a published document, and where its receipt is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.hosted_pages import RECEIPT_PATH, open_page, page_url

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.parameters import LinkQuery
    from dollr_async.sandbox.world.records import Answer
    from dollr_async.sandbox.world.world import World


def pay_link(world: World, query: LinkQuery) -> Answer:
    """The hosted payment page of a published document that allows one."""
    document = world.document_by_number(query.source_type, query.source_number)
    if document.status in {"IDLE", "CANCELED"}:
        raise unprocessable(f"Source is {document.status}: a link needs a published source")
    if not document.as_payment_link:
        raise unprocessable(f"{document.number} was made without as_payment_link")
    return _link_answer(world, page_url(world, open_page(world, document)))


def receipt_link(world: World, query: LinkQuery) -> Answer:
    """The hosted receipt page of a paid document."""
    document = world.document_by_number(query.source_type, query.source_number)
    if document.status != "PAID":
        raise unprocessable(f"Source is {document.status}: a receipt needs a PAID source")
    return _link_answer(world, page_url(world, open_page(world, document)) + RECEIPT_PATH)


def _link_answer(world: World, url: str) -> Answer:
    return {"url": url} if world.quirks.link_url else {}
