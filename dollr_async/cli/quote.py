"""`dollr quote`: what a payer would pay, and what the merchant would receive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base import fields, phones
from dollr_async.cli.opening import opened_client
from dollr_async.cli.options import Flag, amount_of
from dollr_async.cli.output import reporting

if TYPE_CHECKING:
    from decimal import Decimal

    from dollr_async.cli.output import Output
    from dollr_async.resources.predictions import Quote


async def quote(
    *,
    amount: str,
    currency: str,
    phone: str,
    payer_currency: str | None = None,
    country_code: str | None = None,
    json: Flag = False,
) -> int:
    """Ask what a payer would pay by mobile money, with all fees. Nothing is charged.

    Args:
        amount: The amount, in major units: 250.00.
        currency: The currency of the bill: USD, LRD or RWF.
        phone: The payer's phone. Its operator decides the fees.
        payer_currency: The currency in which the payer is charged; by default that of the bill.
        country_code: The payer's country, for a phone without it: LR or RW.
        json: Print one JSON object.
    """
    async with reporting(json=json) as output:
        base, billed = amount_of(amount), fields.currency_code(currency)
        charged = billed if payer_currency is None else fields.currency_code(payer_currency)
        number = phones.phone_number(phone, fields.country(country_code))
        async with opened_client() as dollr:
            route = await dollr.predictions.mmo_provider_info(phone=number)
            found = await dollr.predictions.amount_and_fees(
                base_amount=base,
                base_currency=billed,
                target_currency=charged,
                payment_method=route.payment_method,
                provider=route.gateway_provider,
            )
        _show(found, route.carrier, output)
    return output.code


def _show(quote: Quote, carrier: str, output: Output) -> None:
    lines = [
        ("the payer pays", quote.payer_amount, quote.payer_currency),
        ("you receive", quote.payee_amount, quote.payee_currency),
        ("platform fee", quote.platform_fee, quote.platform_currency),
        ("gateway fee", quote.gateway_fee, quote.gateway_currency),
        ("exchange fee", quote.fx_fee, None),
    ]
    words = [f"by {carrier}", *(_line(*line) for line in lines if line[1] is not None)]
    output.say("\n".join(words), **quote.to_json(), carrier=carrier)


def _line(words: str, amount: Decimal | None, currency: str | None) -> str:
    return f"{words:<16}{amount:>14f} {currency or ''}".rstrip()
