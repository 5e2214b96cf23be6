"""One client for each event loop in which a worker runs, closed when that loop ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.client import DollrClient


class LoopClients:
    """Makes a client at the first use in a loop."""

    def __init__(self, make_client: Callable[[], DollrClient]) -> None:
        """Make nothing yet."""
        self._make_client = make_client
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[DollrClient, asyncio.Task[None]]] = (
            WeakKeyDictionary()
        )

    def current(self) -> DollrClient:
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        found = self._clients.get(loop)
        if found is None or found[1].done():
            client = self._make_client()
            found = client, loop.create_task(_close_at_end(client), name="dollr_async client of a worker")
            self._clients[loop] = found
        return found[0]


async def _close_at_end(client: DollrClient) -> None:
    """Wait for the end of the loop: `asyncio.run` cancels every task that is left, and waits for it."""
    try:
        await asyncio.Event().wait()
    finally:
        await client.close()
