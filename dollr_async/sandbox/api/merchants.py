"""The merchant's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import not_found
from dollr_async.sandbox.world.world import MERCHANT_NAME, OWNER_ID, OWNER_TYPE, World

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.parameters import MerchantQuery
    from dollr_async.sandbox.world.records import Answer


def merchant_info(_world: World, query: MerchantQuery) -> Answer:
    """The merchant's profile; the sandbox has one merchant."""
    if (query.merchant_type, query.merchant_id) != (OWNER_TYPE, OWNER_ID):
        raise not_found("Merchant")
    return {"id": OWNER_ID, "name": MERCHANT_NAME, "type": OWNER_TYPE, "email": None, "phone": None}
