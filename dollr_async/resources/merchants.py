"""Merchant profiles (`/v1/merchants`)."""

from __future__ import annotations

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import MerchantType
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer


@attrs.frozen(kw_only=True, eq=False, repr=False)
class MerchantInfo(Answer):
    """The public profile of a merchant."""

    id: int
    name: str
    type: MerchantType
    email: str | None = None
    phone: str | None = None


class Merchants(Resource):
    """Merchant profiles (`/v1/merchants`)."""

    async def merchant_info(self, *, merchant_id: int | str, merchant_type: MerchantType | str) -> MerchantInfo:
        """Fetch a merchant's profile (`get_merchant_info`)."""
        kind = enum_values.merchant_type(merchant_type)
        query = {"merchant_id": fields.identifier(merchant_id), "merchant_type": kind}
        return await self._get("merchants/merchant-info", MerchantInfo, **query)
