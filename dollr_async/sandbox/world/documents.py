"""The status of an invoice or order, and what may change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import unprocessable

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Document
    from dollr_async.sandbox.world.world import World

DOCUMENT_TRANSITIONS = {
    ("IDLE", "publish"): "ACTIVE",
    ("IDLE", "cancel"): "CANCELED",
    ("ACTIVE", "cancel"): "CANCELED",
    ("ACTIVE", "pay"): "PROCESSING",
    ("PROCESSING", "settle"): "PAID",
    ("PROCESSING", "fail"): "ACTIVE",
}
"""The next status of a document, by its status and what happens; anything that is not listed is refused."""


def move_document(world: World, document: Document, event: str) -> None:
    """Change the status of a document for what happens to it, or refuse what its status does not allow."""
    target = DOCUMENT_TRANSITIONS.get((document.status, event))
    if target is None:
        raise unprocessable(f"{document.source_type.capitalize()} is {document.status}: cannot {event} it")
    document.status = target
    document.updated_at = world.clock.now()
