"""Collect one payment, follow it, and print its receipt.

    python3 examples/collect_and_follow.py 231771234567

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys
import uuid
from decimal import Decimal

from dollr_async import CollectError, DollrClient, LineItem, Payer, PaymentFailedError


async def main(phone: str) -> None:
    reference_id = uuid.uuid4()  # store it with your order before you collect: with it you find the payment again
    async with DollrClient() as dollr:
        try:
            collection = await dollr.collect(
                payer=Payer(fullname="Amara Kamara", phone=phone),
                items=[LineItem(name="Strategy session", amount=Decimal("250.00"))],
                currency="USD",
                reference_id=reference_id,
            )
            async for change in collection:
                print(change.status)
            await collection.wait()
        except (CollectError, PaymentFailedError) as error:
            sys.exit(f"Not paid: {error}")
        receipt = await collection.receipt()
        print(f"{receipt.number}: the payer paid {receipt.payer_amount}, and you received {receipt.payee_amount}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
