"""Reconciliation: print the outcome of every payment that an earlier process began and did not see final.

    python3 examples/reconcile.py payments.db

Run it when your program starts, and every few minutes while it runs. Settings come from the environment:
DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys

from dollr_async import DollrClient, DollrError, NotFoundError, PaymentFailedError, UnfinishedPayment
from dollr_async.journal import SQLiteJournal


async def outcome(payment: UnfinishedPayment) -> str:
    if not payment.executed:
        return "no money moved: start it again with the same reference"
    try:
        execution = await payment.wait(timeout=60)
    except PaymentFailedError as error:
        return f"failed: {error.reason}"
    except NotFoundError:
        return "unknown to the API: start it again with the same reference"
    except DollrError as error:
        return f"not known yet, check again later: {error}"
    return f"paid: {execution.payer_amount} {execution.payer_currency}"


async def main(path: str) -> None:
    async with SQLiteJournal(path) as journal, DollrClient(journal=journal) as dollr:
        async for payment in dollr.unfinished():
            print(payment.kind, payment.reference_id, await outcome(payment))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
