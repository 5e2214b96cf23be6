"""What a payment costs: fee tables, exchange rates, and the calculation for quotes, executions and receipts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import attrs

from dollr_async.sandbox.refusals import Refusal

DECIMALS = {"RWF": 0}
"""The decimals of a currency; two for those not listed."""

UNITS_PER_USD = {"USD": Decimal(1), "LRD": Decimal("190.00"), "RWF": Decimal("1450.00")}
"""Exchange rates, as units of a currency for one US dollar."""

FX_PERCENTAGE = Decimal("0.50")
"""The exchange fee, in percent of the base amount."""

PLATFORM_PERCENTAGES = {
    "COLLECTION": Decimal("1.00"),
    "PAYOUT": Decimal("1.00"),
    "TRANSFER": Decimal("0.00"),
    "REFUND": Decimal("0.00"),
}
"""The platform's fee by operation, in percent of the base amount."""

_NOTHING = Decimal(0)
_RATE_DIGITS = Decimal("0.000001")


@attrs.frozen
class GatewayFee:
    """A gateway's fee: a percentage of the base amount, and a fixed sum in US dollars."""

    percentage: Decimal
    fixed_usd: Decimal = _NOTHING


CARD = "CREDIT_CARD"
MOBILE_METHODS = ("MTN_MOMO_LBR", "ORANGE_MONEY_LBR", "AIRTEL_RWA", "MTN_MOMO_RWA", "ORANGE_MONEY_RWA")

GATEWAY_FEES = {
    **{(method, "COLLECTION"): GatewayFee(Decimal("1.8")) for method in MOBILE_METHODS},
    **{(method, "PAYOUT"): GatewayFee(Decimal("1.2")) for method in MOBILE_METHODS},
    **{(method, "REFUND"): GatewayFee(_NOTHING) for method in (*MOBILE_METHODS, CARD)},
    (CARD, "COLLECTION"): GatewayFee(Decimal("2.9"), Decimal("0.30")),
    (CARD, "PAYOUT"): GatewayFee(Decimal("2.0")),
    ("WALLET", "PAYOUT"): GatewayFee(_NOTHING),
    ("WALLET", "TRANSFER"): GatewayFee(_NOTHING),
}
"""Gateway fees by method and operation."""


@attrs.frozen(kw_only=True)
class Price:
    """What the payer is charged, what the payee receives, and the fees between the two.

    Fees are in the payee's currency, which is the document's. `payer_amount` is the total and the fees that the payer
    bears, times `fx_rate` where the currencies differ.
    """

    payer_amount: Decimal
    payer_currency: str
    payee_amount: Decimal
    payee_currency: str
    platform_fee: Decimal = _NOTHING
    gateway_fee: Decimal = _NOTHING
    fx_fee: Decimal | None = None
    fx_rate: Decimal | None = None


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's smallest unit."""
    return amount.quantize(Decimal(1).scaleb(-DECIMALS.get(currency, 2)), ROUND_HALF_UP)


def exchange_rate(currency: str, into: str) -> Decimal:
    """How many units of `into` one unit of `currency` is worth; a currency without a rate is refused."""
    if currency == into:
        return Decimal(1)
    if currency not in UNITS_PER_USD or into not in UNITS_PER_USD:
        raise Refusal(422, f"Unsupported currency pair: {currency} to {into}")
    return (UNITS_PER_USD[into] / UNITS_PER_USD[currency]).quantize(_RATE_DIGITS)


def price(base: Decimal, currency: str, *, payer_currency: str, method: str, operation: str, fee_bearer: str) -> Price:
    """Price `base` in `currency`, paid in `payer_currency`; an amount that does not cover its fees is refused.

    `method` must serve `operation`.
    """
    gateway = GATEWAY_FEES[method, operation]
    base = rounded(base, currency)
    platform_fee = rounded(base * PLATFORM_PERCENTAGES[operation] / 100, currency)
    fixed = gateway.fixed_usd * exchange_rate("USD", currency) if gateway.fixed_usd else _NOTHING
    gateway_fee = rounded(base * gateway.percentage / 100 + fixed, currency)
    exchanged = payer_currency != currency
    rate = exchange_rate(currency, payer_currency)
    fx_fee = rounded(base * FX_PERCENTAGE / 100, currency) if exchanged else None
    fees = platform_fee + gateway_fee + (fx_fee or _NOTHING)
    on_top = fee_bearer == "PAYER"
    billed, received = (base + fees, base) if on_top else (base, base - fees)
    charged = rounded(billed * rate, payer_currency)
    if received <= 0 or charged <= 0:
        raise Refusal(422, f"An amount of {base} {currency} does not cover its fees")
    return Price(
        payer_amount=charged,
        payer_currency=payer_currency,
        payee_amount=received,
        payee_currency=currency,
        platform_fee=platform_fee,
        gateway_fee=gateway_fee,
        fx_fee=fx_fee,
        fx_rate=rate if exchanged else None,
    )


def without_fees(amount: Decimal, currency: str) -> Price:
    """Price a movement that costs nothing and changes no currency."""
    exact = rounded(amount, currency)
    return Price(payer_amount=exact, payer_currency=currency, payee_amount=exact, payee_currency=currency)
