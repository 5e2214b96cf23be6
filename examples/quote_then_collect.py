"""Bill in US dollars, let the payer pay in Liberian dollars, and show both amounts before any money moves.

    python3 examples/quote_then_collect.py 231771234567 250.00

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys
from decimal import Decimal

from dollr_async import DollrClient, LineItem, Payer


async def main(phone: str, amount: str) -> None:
    price = Decimal(amount)
    async with DollrClient() as dollr:
        route = await dollr.predictions.mmo_provider_info(phone=phone)
        quote = await dollr.predictions.amount_and_fees(
            base_amount=price,
            base_currency="USD",
            target_currency="LRD",
            payment_method=route.payment_method,
            provider=route.gateway_provider,
        )
        print(f"{price} USD are billed, {quote.payer_amount} {quote.payer_currency} will be paid")
        collection = await dollr.collect(
            payer=Payer(fullname="Amara Kamara", phone=phone),
            items=[LineItem(name="Strategy session", amount=price)],
            currency="USD",
            payer_currency="LRD",
        )
        await collection.wait()  # a quote is not binding: the receipt says what was paid
        receipt = await collection.receipt()
        print(f"{receipt.payer_amount} {receipt.payer_currency} were paid, and you received {receipt.payee_amount} USD")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
