"""Pay somebody from the merchant's wallet, once, however often this program runs with the same reference.

    DOLLR_PASSCODE=... DOLLR_PASSCODE_PHONE=... python3 examples/pay_out.py 231771234567 10.00 $(uuidgen -r)

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import os
import sys
from contextlib import suppress
from decimal import Decimal

from dollr_async import CollectError, Device, DollrClient, Passcode, Payer, PaymentFailedError, ReferenceUsedError

DEVICE = Device(name="payroll", type="SERVER", platform="PYTHON", user_agent="payroll/1.0", client_ip="192.0.2.7")


async def main(phone: str, amount: str, reference_id: str) -> None:
    async with DollrClient() as dollr:
        try:
            with suppress(ReferenceUsedError):  # an earlier run has started it: only follow it
                await dollr.payout(
                    to=Payer(fullname="Amara Kamara", phone=phone),
                    amount=Decimal(amount),
                    currency="USD",
                    passcode=Passcode(os.environ["DOLLR_PASSCODE"], phone=os.environ["DOLLR_PASSCODE_PHONE"]),
                    device=DEVICE,
                    reference_id=reference_id,
                )
            execution = await dollr.wait(reference_id, kind="PAYOUT")
        except (CollectError, PaymentFailedError) as error:
            sys.exit(f"Not paid out: {error}")
        print(f"{execution.payee_amount} paid out, {execution.payer_amount} with the fees")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
