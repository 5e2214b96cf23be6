"""The status of an invoice or order: where it may go from each one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import unprocessable

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Document
    from dollr_async.sandbox.world.world import World

MOVES = {
    ("IDLE", "publish"): "ACTIVE",
    ("IDLE", "cancel"): "CANCELED",
    ("ACTIVE", "cancel"): "CANCELED",
    ("ACTIVE", "pay"): "PROCESSING",
    ("PROCESSING", "settle"): "PAID",
    ("PROCESSING", "fail"): "ACTIVE",
}
"""Where a document goes from each status; whatever is not listed is refused."""


def move(world: World, document: Document, event: str) -> None:
    """Let something happen to a document, or refuse what its status does not allow."""
    target = MOVES.get((document.status, event))
    if target is None:
        raise unprocessable(f"{document.source_type.capitalize()} is {document.status}: cannot {event} it")
    document.status = target
    document.updated_at = world.clock.now()
