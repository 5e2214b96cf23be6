"""Fees of the gateway and of the platform (`/v1/fees`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind, OwnerType, PaymentMethod
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer


@attrs.frozen(kw_only=True, eq=False, repr=False)
class GatewayFee(Answer):
    """The gateway's fee for one kind of payment: `percentage` (2.5 is 2.5 %) and `fixed_fee` in major units."""

    id: int
    provider_id: int
    operation_type: ExecutionKind
    payment_method: PaymentMethod
    percentage: Decimal
    created_at: datetime
    updated_at: datetime
    fixed_fee: Decimal | None = None
    fixed_fee_currency: str | None = None
    effective_from: datetime | None = None
    effective_to: datetime | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FeeTier(Answer):
    """A price list for merchants; at most one is the default. A list of tiers may leave out the other fields."""

    name: str
    is_default: bool
    id: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NumberedTier(Answer):
    """A tier inside another answer, with all of its fields."""

    id: int
    name: str
    is_default: bool
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PlatformFee(Answer):
    """The platform's fee at one tier: percentages (2.5 is 2.5 %) and `fixed_fee` in major units."""

    id: int
    operation_type: ExecutionKind
    # Both are numbers in text (`get_platform_fees`); the gateway's percentage is a plain number.
    percentage: Decimal
    fx_percentage: Decimal
    effective_from: datetime
    created_at: datetime
    payment_method: PaymentMethod | None = None
    fixed_fee: Decimal | None = None
    fixed_fee_currency: str | None = None
    effective_to: datetime | None = None
    tier: NumberedTier | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class MerchantTier(Answer):
    """The tier of a merchant, and since when; `platform` takes the tier's name."""

    id: int
    owner_type: OwnerType
    owner_id: int
    assigned_at: datetime
    assigned_by: str | None = None
    tier: NumberedTier | None = None


class Fees(Resource):
    """Fees of the gateway and of the platform (`/v1/fees`)."""

    async def gateway(
        self, *, payment_method: PaymentMethod | str, operation_type: ExecutionKind | str = ExecutionKind.COLLECTION
    ) -> GatewayFee:
        """Fetch the gateway's fee (`get_gateway_fees`)."""
        query = {"payment_method": payment_method, "operation_type": enum_values.operation_type(operation_type)}
        return await self._get("fees/gateway", GatewayFee, **query)

    async def platform(
        self, *, fee_tier_name: str, operation_type: ExecutionKind | str = ExecutionKind.COLLECTION
    ) -> PlatformFee:
        """Fetch the platform's fee at a tier, often `default` (`get_platform_fees`)."""
        query = {"operation_type": enum_values.operation_type(operation_type), "fee_tier_name": fee_tier_name}
        return await self._get("fees/platform", PlatformFee, **query)

    async def merchant_tier(self, *, owner_type: OwnerType | str, owner_id: int | str) -> MerchantTier:
        """Fetch the tier of a merchant (`get_merchant_fee_tier`)."""
        query = {"owner_type": enum_values.owner_type(owner_type), "owner_id": fields.identifier(owner_id)}
        return await self._get("fees/merchant-tier", MerchantTier, **query)

    async def tiers(self) -> tuple[FeeTier, ...]:
        """List all tiers (`list_fee_tier`)."""
        return await self._list("fees/tiers", FeeTier)
