"""A user's program, checked under `mypy --strict` against the installed package."""

from __future__ import annotations

import asyncio
import sys
import uuid
from decimal import Decimal

from dollr_async import DollrClient, DollrError, LineItem, Payer, PaymentFailedError, PollTimeoutError


async def pay(phone: str, amount: Decimal) -> int:
    reference_id = uuid.uuid4()
    async with DollrClient() as dollr:
        try:
            collection = await dollr.collect(
                payer=Payer(fullname="Amara Kamara", phone=phone),
                items=[LineItem(name="Strategy session", amount=amount)],
                currency="USD",
                reference_id=reference_id,
            )
            execution = await collection.wait(timeout=120)
        except PaymentFailedError as failed:
            sys.stderr.write(f"{failed.reason}\n")
            return 1
        except PollTimeoutError as late:
            sys.stderr.write(f"{late.reference_id} is still open after {late.elapsed:.0f} seconds\n")
            return 2
        except DollrError as error:
            sys.stderr.write(f"{error}\n")
            return 3
    sys.stdout.write(f"{execution.payer_amount} {execution.payer_currency}\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(pay(sys.argv[1], Decimal(sys.argv[2]))))
