"""A worker that follows any number of payments to their ends, from their references alone.

    python3 examples/wait_for_many.py 7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11 ...

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys

from dollr_async import DollrClient, ExecutionStatus, PollPolicy, StatusChange, WatchFailure


def told(news: StatusChange | WatchFailure) -> str | None:
    if isinstance(news, WatchFailure):
        return f"not known yet, ask again later: {news.error}"  # pending is not failed, and neither is "cannot ask"
    execution = news.execution
    if news.status == ExecutionStatus.FAILED:
        return f"failed: {execution.gateway_message or execution.wallet_message}"
    return f"paid: {execution.payer_amount} {execution.payer_currency}" if news.is_final else None


async def main(references: list[str]) -> None:
    async with DollrClient(max_polls_per_second=50) as dollr:
        async for news in dollr.watch_many(references, policy=PollPolicy(timeout=300)):
            if (words := told(news)) is not None:
                print(news.reference_id, words)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
