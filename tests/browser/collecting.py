"""A program that collects one payment, in a process of its own: `python -m tests.browser.collecting PHONE`.

It reads the sandbox's address from the environment, and prints the reference, then each status.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from dollr_async import DollrClient
from dollr_async.following.policy import PollPolicy
from tests.browser.situations import collect

if TYPE_CHECKING:
    from tests.browser.server import RunningSandbox


async def main(phone: str) -> None:
    """Collect, and print what happens."""
    async with DollrClient(polling=PollPolicy(interval=0.1, max_interval=0.2, timeout=60.0)) as dollr:
        collection = await collect(dollr, phone)
        print(collection.reference_id, flush=True)  # noqa: T201 - the test reads it
        async for change in collection:
            print(change.status, flush=True)  # noqa: T201 - the same
            reason = change.execution.reason
        print(reason, flush=True)  # noqa: T201 - the same


class OtherProcess:
    """That program, started."""

    def __init__(self, running: RunningSandbox, phone: str) -> None:
        settings = running.sandbox.settings
        environment = {
            **os.environ,
            "DOLLR_BASE_URL": settings["base_url"],
            "DOLLR_CLIENT_ID": settings["client_id"],
            "DOLLR_CLIENT_SECRET": settings["client_secret"],
        }
        command = [sys.executable, "-m", "tests.browser.collecting", phone]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._lines = self._process.stdout
        self.reference = self._lines.readline().strip()
        self.first_status = self._lines.readline().strip()

    def finish(self) -> list[str]:
        """Wait for its end, and return what else it printed."""
        # Not `communicate`, which would miss what a `readline` has read ahead.
        lines = self._lines.read().split("\n")[:-1]
        self._lines.close()
        assert self._process.wait(timeout=30) == 0
        return lines


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
