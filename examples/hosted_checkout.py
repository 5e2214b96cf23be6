"""Let a payer pay on a page that Dollr hosts, and deliver only after our own check that it is paid.

    python3 examples/hosted_checkout.py 231771234567

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys
from decimal import Decimal

from dollr_async import DollrClient, LineItem, Payer, PollTimeoutError


async def main(phone: str) -> None:
    async with DollrClient() as dollr:
        hosted = await dollr.hosted_checkout(
            payer=Payer(fullname="Amara Kamara", phone=phone),
            items=[LineItem(name="Concert ticket", amount=Decimal("10.00"))],
            currency="USD",
            success_url="https://shop.example/thanks",  # a payer who comes back may not have paid: verify() checks it
        )
        print(f"pay {hosted.source_number} at {hosted.url}", flush=True)
        try:
            async for change in hosted:  # ACTIVE again after a payment that failed; PAID or CANCELED comes last
                print(change.status)
        except PollTimeoutError as error:
            sys.exit(f"Not paid yet: {error}")
        verified = await hosted.verify()
        if not verified:
            sys.exit(f"Not delivered: {verified.reason}")
        print("paid: the ticket is on its way")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
