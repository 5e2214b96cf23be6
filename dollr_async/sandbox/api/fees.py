"""Fee schedules: what the gateways and the platform charge, and the merchant's fee tier."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import not_found
from dollr_async.sandbox.world.pricing import FX_PERCENTAGE, GATEWAY_FEES, PLATFORM_PERCENTAGES
from dollr_async.sandbox.world.providers import PROVIDERS
from dollr_async.sandbox.world.world import OWNER_ID, OWNER_TYPE, World

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.parameters import (
        GatewayFeeQuery,
        OwnerQuery,
        PlatformFeeQuery,
    )
    from dollr_async.sandbox.world.records import Answer

_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_GATEWAYS = tuple(GATEWAY_FEES)
_OPERATIONS = tuple(PLATFORM_PERCENTAGES)
_PROVIDERS = ("PAWAPAY", "STRIPE", "PLATFORM")


def tier() -> Answer:
    """Write the only fee tier."""
    return {"id": 1, "name": "default", "is_default": True, "created_at": _SINCE, "updated_at": _SINCE}


def gateway_fees(_world: World, query: GatewayFeeQuery) -> Answer:
    """The gateway's fee for a method and an operation."""
    key = (query.payment_method, query.operation_type)
    fee = GATEWAY_FEES.get(key)
    if fee is None:
        raise not_found("Gateway fee")
    return {
        "id": 1 + _GATEWAYS.index(key),
        "provider_id": 1 + _PROVIDERS.index(PROVIDERS[query.payment_method][0]),
        "operation_type": query.operation_type,
        "payment_method": query.payment_method,
        "percentage": fee.percentage,
        "fixed_fee": fee.fixed_usd or None,
        "fixed_fee_currency": "USD" if fee.fixed_usd else None,
        "effective_from": None,
        "effective_to": None,
        "created_at": _SINCE,
        "updated_at": _SINCE,
    }


def platform_fees(_world: World, query: PlatformFeeQuery) -> Answer:
    """The platform's fee for a tier and an operation."""
    if query.fee_tier_name != "default":
        raise not_found("Fee tier")
    return {
        "id": 1 + _OPERATIONS.index(query.operation_type),
        "operation_type": query.operation_type,
        "payment_method": None,
        "percentage": str(PLATFORM_PERCENTAGES[query.operation_type]),
        "fx_percentage": str(FX_PERCENTAGE),
        "fixed_fee": None,
        "fixed_fee_currency": None,
        "effective_from": _SINCE,
        "effective_to": None,
        "created_at": _SINCE,
        "tier": tier(),
    }


def merchant_tier(_world: World, query: OwnerQuery) -> Answer:
    """The fee tier of an owner; only the sandbox's merchant has one."""
    if (query.owner_type, query.owner_id) != (OWNER_TYPE, OWNER_ID):
        raise not_found("Fee tier")
    return {
        "id": 1,
        "owner_type": OWNER_TYPE,
        "owner_id": OWNER_ID,
        "assigned_at": _SINCE,
        "assigned_by": None,
        "tier": tier(),
    }


def tiers(_world: World) -> list[Answer]:
    """All fee tiers."""
    return [tier()]
