"""Predictions: the operator of a phone, the provider of a card, and the cost of a payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.outcomes import TEST_CARDS, operator_of
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.pricing import CARD, Price, price
from dollr_async.sandbox.world.providers import check_currency, check_provider, predicted_provider, wallet_currencies

if TYPE_CHECKING:
    from decimal import Decimal

    from dollr_async.sandbox.requests.parameters import CardQuery, PhoneQuery, QuoteQuery, SourceQuoteQuery
    from dollr_async.sandbox.world.records import Answer
    from dollr_async.sandbox.world.world import World

_ALPHA2 = {"LBR": "LR", "RWA": "RW"}
"""The two letters of a country, by the end of a method's name."""


def mmo_provider_info(world: World, query: PhoneQuery) -> Answer:
    """Find the mobile-money operator of a phone, with its method and its provider."""
    method = operator_of(query.phone)
    if method is None:
        raise unprocessable(f"No mobile-money operator found for phone {query.phone}")
    carrier, _, ending = method.replace("_MOMO", "").replace("_MONEY", "").partition("_")
    return {
        "carrier": carrier,
        "country": ending if world.quirks.prediction_country == "alpha3" else _ALPHA2[ending],
        "currencies": list(wallet_currencies(method)),
        "phone": query.phone,
        "payment_method": method,
        "gateway_provider": predicted_provider(world.quirks, method),
        "operation_type": query.operation_type,
    }


def card_provider_info(world: World, query: CardQuery) -> Answer:
    """Find the method and the provider of a card; its token is kept for the next new card account."""
    card = TEST_CARDS.get(query.payment_method_id)
    if card is None:
        raise unprocessable(f"No such payment method: {query.payment_method_id}")
    if query.provider not in {None, "STRIPE"}:
        raise unprocessable(f"Provider {query.provider} does not take cards")
    world.predicted_card = query.payment_method_id
    return {
        "payment_method_id": query.payment_method_id,
        "brand": card.brand,
        "country": card.country,
        "currencies": list(card.currencies),
        "payment_method": CARD,
        "gateway_provider": "STRIPE",
        "operation_type": query.operation_type,
    }


def amount_and_fees(world: World, query: QuoteQuery) -> Answer:
    """Quote an amount."""
    check_provider(world.quirks, query.payment_method, query.provider, query.operation_type)
    if query.operation_type == "COLLECTION":
        check_currency(query.payment_method, query.target_currency)
    quote = price(
        query.base_amount,
        query.base_currency,
        payer_currency=query.target_currency,
        method=query.payment_method,
        operation=query.operation_type,
        fee_bearer=query.fee_bearer,
    )
    return _quote_answer(quote)


def source_amount_and_fees(world: World, query: SourceQuoteQuery) -> Answer:
    """Quote the total of a published source, with its own bearer of fees."""
    document = world.document(query.source_type, query.source_id)
    if document.status in {"IDLE", "CANCELED"}:
        raise unprocessable(f"Source is {document.status}: a quote needs a published source")
    check_provider(world.quirks, query.payment_method, query.provider, "COLLECTION")
    check_currency(query.payment_method, query.target_currency)
    quote = price(
        document.total_amount,
        document.currency,
        payer_currency=query.target_currency,
        method=query.payment_method,
        operation="COLLECTION",
        fee_bearer=document.fee_bearer,
    )
    return _quote_answer(quote)


def _quote_answer(quote: Price) -> Answer:
    return {
        "payer_amount": _text(quote.payer_amount),
        "payer_currency": quote.payer_currency,
        "payee_amount": _text(quote.payee_amount),
        "payee_currency": quote.payee_currency,
        "platform_fee": _text(quote.platform_fee),
        "platform_currency": quote.payee_currency,
        "fx_fee": None if quote.fx_fee is None else _text(quote.fx_fee),
        "gateway_fee": _text(quote.gateway_fee),
        "gateway_currency": quote.payee_currency,
    }


def _text(amount: Decimal) -> str:
    return format(amount, "f")
