"""The hosted payment page in plain HTML: a person, or a test, pays a published document with one button."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dollr_async.sandbox.api.dispatch import ApiAnswer
from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.pages.hosted_payment import pay_document
from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.world.hosted_pages import PAGE_PATH, RECEIPT_PATH, has_expired
from dollr_async.sandbox.world.settlement import settle_due

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Document, Page
    from dollr_async.sandbox.world.world import World

_HEADERS = {"Content-Type": "text/html; charset=utf-8"}
_BUTTON = '<form method="post"><button>Pay</button></form>'
_REFRESH = '<meta http-equiv="refresh" content="2">'
"""A page with a payment that is not final reloads itself."""


@in_own_context
def answer_page(world: World, method: str, raw_path: str) -> ApiAnswer | None:
    """Answer a request for a hosted page, or None for any other path; POST pays the document."""
    if not raw_path.startswith(PAGE_PATH):
        return None
    settle_due(world)
    page = world.pages.get(raw_path.removeprefix(PAGE_PATH).removesuffix(RECEIPT_PATH))
    is_receipt = raw_path.endswith(RECEIPT_PATH)
    if page is None or (is_receipt and page.document.status != "PAID"):
        return _html(404, "Page not found", "")
    if method == "POST" and not is_receipt:
        return _pay(world, page, raw_path)
    return _html(200, page.document.number, _bill(page.document) + _actions(world, page))


def _pay(world: World, page: Page, raw_path: str) -> ApiAnswer:
    if has_expired(world, page):
        return _html(422, "This page has expired", "")
    try:
        pay_document(world, page.document)
    except Refusal as refusal:
        return _html(refusal.status, "This cannot be paid", escape(str(refusal.detail)))
    return ApiAnswer(303, {"Location": raw_path}, b"")


def _bill(document: Document) -> str:
    lines = "".join(
        f"<li>{escape(item.name)}: {item.qty} x {item.amount:f} {escape(item.currency)}</li>"
        for item in document.items.values()
    )
    total = escape(f"{document.total_amount:f} {document.currency}")
    return f"<ul>{lines}</ul><p>Total: {total}</p><p>Status: {document.status}</p>"


def _actions(world: World, page: Page) -> str:
    """What the payer may do next: pay or cancel, wait, or continue at the merchant's page."""
    match page.document.status:
        case "ACTIVE" if has_expired(world, page):
            return "<p>This page has expired.</p>"
        case "ACTIVE":
            return _BUTTON + _link(page.cancel_url, "Cancel and go back")
        case "PROCESSING":
            return _REFRESH
        case "PAID":
            return _link(page.success_url, "Continue")
        case _:
            return ""


def _link(url: str | None, words: str) -> str:
    """A link to the merchant's page; empty for an address that is not HTTP."""
    if url is None or urlsplit(url).scheme not in {"http", "https"}:
        return ""
    return f'<p><a href="{escape(url)}">{words}</a></p>'


def _html(status: int, title: str, body: str) -> ApiAnswer:
    named = escape(title)
    text = f'<!doctype html><html lang="en"><title>{named}</title><h1>{named}</h1>{body}</html>'
    return ApiAnswer(status, _HEADERS, text.encode())
