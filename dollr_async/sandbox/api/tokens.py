"""The token operation: client credentials in, a bearer token out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import ClientCredentials
    from dollr_async.sandbox.world.records import Answer
    from dollr_async.sandbox.world.world import World


def obtain_token(world: World, body: ClientCredentials) -> Answer:
    """Exchange client credentials for a token; the answer gives its lifetime in whole minutes, as the API does."""
    token = world.tokens.issue(body.client_id, body.client_secret)
    return {"access_token": token, "expires_in": int(world.tokens.lifetime)}
