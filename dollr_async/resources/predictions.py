"""Quotes and routes (`/v1/predictions`)."""

from __future__ import annotations

from decimal import Decimal

import attrs

from dollr_async.codec import Answer
from dollr_async.enums import ExecutionKind, PaymentProvider, SourceType
from dollr_async.fields import currency_code, phone_number
from dollr_async.resources.base import Resource


@attrs.frozen(kw_only=True)
class PhoneRoute(Answer):
    """The mobile-money route of a phone: pass `payment_method` and `gateway_provider` on unchanged."""

    carrier: str
    # Not a country code to send on: its format is not documented.
    country: str
    currencies: tuple[str, ...]
    phone: str = attrs.field(repr=False)
    payment_method: str
    gateway_provider: str
    operation_type: ExecutionKind


@attrs.frozen(kw_only=True)
class CardRoute(Answer):
    """The route of a tokenised card."""

    currencies: tuple[str, ...]
    payment_method: str
    gateway_provider: str
    payment_method_id: str | None = None
    brand: str | None = None
    country: str | None = None
    operation_type: ExecutionKind | None = None


@attrs.frozen(kw_only=True)
class Quote(Answer):
    """What the payer will pay and what arrives, in major units; nothing says that it is locked."""

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
    """Quotes and routes (`/v1/predictions`)."""

    async def mmo_provider_info(
        self, *, phone: str, operation_type: ExecutionKind = ExecutionKind.COLLECTION
    ) -> PhoneRoute:
        """Find the mobile-money route of a phone (`predict_mmo_provider_info`)."""
        path = "predictions/mmo-provider-info"
        return await self._get(path, PhoneRoute, phone=phone_number(phone), operation_type=operation_type)

    async def card_provider_info(
        self,
        *,
        payment_method_id: str,
        operation_type: ExecutionKind = ExecutionKind.COLLECTION,
        provider: PaymentProvider | str = PaymentProvider.STRIPE,
    ) -> CardRoute:
        """Find the route of a tokenised card (`predict_card_provider_info`)."""
        query = {"payment_method_id": payment_method_id, "operation_type": operation_type, "provider": provider}
        return await self._get("predictions/card-provider-info", CardRoute, **query)

    async def payment_source_amount_and_fees(
        self,
        *,
        source_type: SourceType | str,
        source_id: int | str,
        target_currency: str,
        payment_method: str,
        provider: str,
    ) -> Quote:
        """Quote what a published document costs its payer (`predict_payment_source_amount_and_fee`)."""
        target = currency_code(target_currency)
        route = {"target_currency": target, "payment_method": payment_method, "provider": provider}
        path = "predictions/payment-source/amount-and-fees"
        return await self._get(path, Quote, source_type=source_type, source_id=source_id, **route)
