"""A sandbox that runs in a thread of its own, so that a browser can be driven beside it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from dollr_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Result = TypeVar("Result")


class RunningSandbox:
    """A sandbox on a loop in another thread; `do` and `run` carry work over to that loop."""

    def __init__(self, **keywords: object) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.sandbox = Sandbox(**keywords)  # type: ignore[arg-type]  # the keywords of the sandbox, whatever they are
        self.run(self.sandbox.start())
        self.url = self.sandbox.url

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await something on the sandbox's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def do(self, action: Callable[[Sandbox], Result]) -> Result:
        """Call something with the sandbox, on its loop."""

        async def call() -> Result:
            return action(self.sandbox)

        return self.run(call())

    def close(self) -> None:
        """Stop the sandbox and its loop."""
        self.run(self.sandbox.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
