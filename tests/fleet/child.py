"""A process of a fleet, which a test starts: it does one thing for each line of its input."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING
from uuid import UUID

from dollr_async import DollrClient, DollrError
from tests.fleet.stores import BUDGETS, STORES

if TYPE_CHECKING:
    from dollr_async.fleet import PollBudget, TokenStore
    from dollr_async.sandbox.sandbox import Settings


async def main(settings: Settings, sharing: dict[str, str]) -> None:
    """Answer each line of the input with a line: "ok", or the error."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    store: TokenStore | None = STORES[sharing["store"]][1](sharing["place"]) if "store" in sharing else None
    budget: PollBudget | None = BUDGETS[sharing["budget"]][1](sharing["place"], 50.0) if "budget" in sharing else None
    async with DollrClient(**settings, token_store=store, poll_budget=budget) as dollr:
        following = None
        say("ready")
        while line := (await lines.readline()).decode().split():
            try:
                if line[0] == "call":
                    await dollr.fees.tiers()
                else:
                    following = asyncio.create_task(follow(dollr, line[1:]))
                say("ok")
            except DollrError as error:
                say(f"{type(error).__name__}: {error}")
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def follow(dollr: DollrClient, references: list[str]) -> None:
    """Follow payments until the input ends."""
    async for _ in dollr.watch_many([UUID(reference) for reference in references]):
        pass


def say(text: str) -> None:
    """Write a line to the test."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), json.loads(sys.argv[2])))
