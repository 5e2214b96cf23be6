"""Predictions: quotes, and the route of a phone or a card (`/v1/predictions`)."""

from __future__ import annotations

from decimal import Decimal

import attrs

from dollr_async.base import fields, money, phones
from dollr_async.base.enums import ExecutionKind, FeeBearer, OwnerType, PaymentMethod, PaymentProvider, SourceType
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PhoneRoute(Answer):
    """The mobile-money route of a phone: its operator, and the words that a payment account or a quote needs.

    Pass `payment_method` and `gateway_provider` on unchanged.
    """

    carrier: str
    # Never send it as a country code: its format is not documented.
    country: str
    currencies: tuple[str, ...]
    phone: str = attrs.field(repr=False)
    payment_method: str
    gateway_provider: str
    operation_type: ExecutionKind


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CardRoute(Answer):
    """The route of a card, from the token that the browser got for it."""

    currencies: tuple[str, ...]
    payment_method: str
    gateway_provider: str
    payment_method_id: str | None = None
    brand: str | None = None
    country: str | None = None
    operation_type: ExecutionKind | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Quote(Answer):
    """What the payer will pay and the payee will receive, in major units. The API does not say that it is binding.

    Execute in `payer_currency`, even if you asked for another currency.
    """

    # All amounts are numbers in text here (`predict_amount_and_fee`), and plain numbers elsewhere.

    payer_amount: Decimal
    payer_currency: str
    payee_amount: Decimal
    payee_currency: str
    platform_fee: Decimal
    platform_currency: str
    fx_fee: Decimal | None = None
    gateway_fee: Decimal | None = None
    gateway_currency: str | None = None


class Predictions(Resource):
    """Predictions: quotes, and the route of a phone or a card (`/v1/predictions`)."""

    async def mmo_provider_info(
        self, *, phone: str, operation_type: ExecutionKind | str = ExecutionKind.COLLECTION
    ) -> PhoneRoute:
        """Find the mobile-money route of a phone (`predict_mmo_provider_info`)."""
        query = {"phone": phones.phone_number(phone), "operation_type": enum_values.operation_type(operation_type)}
        return await self._get("predictions/mmo-provider-info", PhoneRoute, **query)

    async def card_provider_info(
        self,
        *,
        payment_method_id: str,
        operation_type: ExecutionKind | str = ExecutionKind.COLLECTION,
        provider: PaymentProvider | str = PaymentProvider.STRIPE,
    ) -> CardRoute:
        """Find the route of a card by its token, `pm_...` (`predict_card_provider_info`)."""
        kind = enum_values.operation_type(operation_type)
        query = {"payment_method_id": payment_method_id, "operation_type": kind, "provider": provider}
        return await self._get("predictions/card-provider-info", CardRoute, **query)

    async def amount_and_fees(
        self,
        *,
        base_amount: Decimal | int,
        base_currency: str,
        target_currency: str,
        payment_method: PaymentMethod | str,
        provider: PaymentProvider | str,
        operation_type: ExecutionKind | str = ExecutionKind.COLLECTION,
        fee_bearer: FeeBearer | str = FeeBearer.PAYER,
        owner_type: OwnerType | str | None = None,
        owner_id: int | str | None = None,
    ) -> Quote:
        """Quote an amount, in major units of `base_currency`, with all fees (`predict_amount_and_fee`)."""
        base = _base(base_amount, base_currency, operation_type, fee_bearer) | _owner(owner_type, owner_id)
        route = _route(target_currency, payment_method, provider)
        return await self._get("predictions/amount-and-fees", Quote, **base, **route)

    async def payment_source_amount_and_fees(
        self,
        *,
        source_type: SourceType | str,
        source_id: int | str,
        target_currency: str,
        payment_method: PaymentMethod | str,
        provider: PaymentProvider | str,
    ) -> Quote:
        """Quote what the payer of a published document will pay (`predict_payment_source_amount_and_fee`)."""
        source = {"source_type": enum_values.source_type(source_type), "source_id": fields.identifier(source_id)}
        route = _route(target_currency, payment_method, provider)
        return await self._get("predictions/payment-source/amount-and-fees", Quote, **source, **route)


def _base(
    base_amount: Decimal | int, base_currency: str, operation_type: ExecutionKind | str, fee_bearer: FeeBearer | str
) -> dict[str, object]:
    return {
        "base_amount": money.amount(base_amount),
        "base_currency": fields.currency_code(base_currency),
        "operation_type": enum_values.operation_type(operation_type),
        "fee_bearer": enum_values.fee_bearer(fee_bearer),
    }


def _owner(owner_type: OwnerType | str | None, owner_id: int | str | None) -> dict[str, object]:
    return {"owner_type": enum_values.optional_owner_type(owner_type), "owner_id": fields.optional_identifier(owner_id)}


def _route(target_currency: str, payment_method: str, provider: str) -> dict[str, object]:
    target = fields.currency_code(target_currency)
    return {"target_currency": target, "payment_method": payment_method, "provider": provider}
