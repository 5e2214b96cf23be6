"""Hosted pages: each belongs to one document, has its own address, and may expire."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from dollr_async.sandbox.world.records import Page

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Document
    from dollr_async.sandbox.world.world import World

PAGE_PATH = "/pay/"
RECEIPT_PATH = "/receipt"


def add_page(world: World, document: Document) -> Page:
    """Keep a new hosted page for a document."""
    page = Page(token=secrets.token_urlsafe(12), document=document)
    document.page = world.pages[page.token] = page
    return page


def open_page(world: World, document: Document) -> Page:
    """The document's hosted page; a new one when there is none, or when it has expired."""
    page = document.page
    return add_page(world, document) if page is None or has_expired(world, page) else page


def has_expired(world: World, page: Page) -> bool:
    """Whether a page no longer takes payments."""
    return page.expires_at is not None and world.clock.now() >= page.expires_at


def page_url(world: World, page: Page) -> str:
    """The address at which a payer pays by hand."""
    return f"{world.url}{PAGE_PATH}{page.token}"
