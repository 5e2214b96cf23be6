"""A worker that waits for many payments, at most so many at once, from their references alone.

    python3 examples/wait_for_many.py 7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11 ...

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys
from collections.abc import Iterator

from dollr_async import DollrClient, DollrError, PaymentFailedError


async def outcome(dollr: DollrClient, reference_id: str) -> str:
    try:
        execution = await dollr.wait(reference_id, timeout=300)
    except PaymentFailedError as error:
        return f"failed: {error.execution.gateway_message or error.execution.wallet_message}"
    except DollrError as error:
        return f"not known yet, ask again later: {error}"  # pending is not failed, and neither is "cannot ask"
    return f"paid: {execution.payer_amount} {execution.payer_currency}"


async def worker(dollr: DollrClient, references: Iterator[str]) -> None:
    for reference_id in references:  # all workers share the iterator, so each payment is taken once
        print(reference_id, await outcome(dollr, reference_id))


async def main(references: list[str], at_once: int = 100) -> None:
    shared = iter(references)
    async with DollrClient() as dollr, asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker(dollr, shared))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
