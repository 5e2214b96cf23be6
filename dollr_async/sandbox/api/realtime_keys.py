"""Keys for live updates on a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import unprocessable

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import RealtimeKeyRequest
    from dollr_async.sandbox.world.records import Answer
    from dollr_async.sandbox.world.world import World


def create_realtime_key(world: World, body: RealtimeKeyRequest) -> Answer:
    """Issue a short-lived key for a checkout session; the answer gives its lifetime in seconds."""
    session = world.sessions.get(body.session_id)
    if session is None or session.document is None or session.document.source_type != body.source_type:
        raise unprocessable(f"Session {body.session_id} not found")
    keys = world.realtime_keys
    return {"access_token": keys.issue(body.session_id, body.reference_id), "expires_in": int(keys.lifetime)}
