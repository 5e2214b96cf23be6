"""A worker that follows any number of payments to their final status, from their references alone.

    python3 examples/wait_for_many.py 7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11 ...

Settings come from the environment: DOLLR_CLIENT_ID, DOLLR_CLIENT_SECRET and, for a sandbox, DOLLR_BASE_URL.
"""

import asyncio
import sys

from dollr_async import DollrClient, ExecutionStatus, PollPolicy, StatusChange, WatchFailure


def outcome(event: StatusChange | WatchFailure) -> str | None:
    if isinstance(event, WatchFailure):
        return f"not known yet, check again later: {event.error}"  # pending is not failed, and neither is "no answer"
    execution = event.execution
    if event.status == ExecutionStatus.FAILED:
        return f"failed: {execution.reason}"
    return f"paid: {execution.payer_amount} {execution.payer_currency}" if event.is_final else None


async def main(references: list[str]) -> None:
    async with DollrClient(max_polls_per_second=50) as dollr:
        async for event in dollr.watch_many(references, policy=PollPolicy(timeout=300)):
            if (words := outcome(event)) is not None:
                print(event.reference_id, words)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
