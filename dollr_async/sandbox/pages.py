"""The hosted payment page, plain HTML: a person, or a test, pays a published document with one button."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from dollr_async.sandbox.api import ApiAnswer
from dollr_async.sandbox.checkouts import PAGE_PATH
from dollr_async.sandbox.hosted import pay_document
from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.settlement import settle_due

if TYPE_CHECKING:
    from dollr_async.sandbox.records import Document
    from dollr_async.sandbox.world import World

_HEADERS = {"Content-Type": "text/html; charset=utf-8"}
_BUTTON = '<form method="post"><button>Pay</button></form>'


def answer_page(world: World, method: str, raw_path: str) -> ApiAnswer | None:
    """Answer a request for a hosted page, or None for any other path; POST pays the document."""
    if not raw_path.startswith(PAGE_PATH):
        return None
    settle_due(world)
    document = world.pages.get(raw_path.removeprefix(PAGE_PATH).removesuffix("/receipt"))
    if document is None:
        return ApiAnswer(404, _HEADERS, _page("Page not found", ""))
    if method == "POST":
        try:
            pay_document(world, document)
        except Refusal as refusal:
            return ApiAnswer(refusal.status, _HEADERS, _page("This cannot be paid", escape(str(refusal.detail))))
    return ApiAnswer(200, _HEADERS, _document_page(document))


def _document_page(document: Document) -> bytes:
    lines = "".join(
        f"<li>{escape(item.name)}: {item.qty} x {item.amount:f} {escape(item.currency)}</li>"
        for item in document.items.values()
    )
    button = _BUTTON if document.status == "ACTIVE" else ""
    total = f"{document.total_amount:f} {document.currency}"
    body = f"<ul>{lines}</ul><p>Total: {escape(total)}</p><p>Status: {document.status}</p>{button}"
    return _page(document.number, body)


def _page(title: str, body: str) -> bytes:
    named = escape(title)
    return f"<!doctype html><title>{named}</title><h1>{named}</h1>{body}".encode()
