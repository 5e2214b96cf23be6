"""Every client that is measured: its name in the tables, and its module."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class Work(Protocol):
    """The work that every rival can do."""

    async def status(self) -> None:
        """Check a payment's status."""
        ...

    async def party(self) -> None:
        """Create a party."""
        ...

    async def direct(self) -> None:
        """Collect by one checkout."""
        ...

    async def document_first(self) -> None:
        """Collect for an invoice, step by step."""
        ...


class Rival(NamedTuple):
    """One client: the packages it needs, whether it runs on uvloop, and its `share` of the repetitions.

    Slow rivals repeat the work less often; a figure is for one repetition, so it can be compared all the same.
    """

    shown: str
    module: str
    opener: str
    needs: tuple[str, ...] = ()
    on_uvloop: bool = False
    share: float = 1.0

    def missing(self) -> list[str]:
        """Return the packages that it needs and that are not installed."""
        needed = (*self.needs, "uvloop") if self.on_uvloop else self.needs
        return [name for name in needed if find_spec(name) is None]

    def open(self, url: str, most_at_once: int) -> AbstractAsyncContextManager[Work]:
        """Open it, for up to `most_at_once` calls at the same time."""
        opened: AbstractAsyncContextManager[Work] = getattr(
            import_module(f"benchmarks.rivals.{self.module}"), self.opener
        )(url, most_at_once)
        return opened


FLOOR = "floor"
RIVALS = {
    FLOOR: Rival("by hand: aiohttp and orjson (the floor)", "floor", "concurrent", ("orjson",)),
    "floor-sequential": Rival("the same, one step after the other", "floor", "sequential", ("orjson",)),
    "ours": Rival("dollr_async", "ours", "ours"),
    "requests": Rival("by hand: requests in threads", "requests_client", "sequential", ("requests",), share=0.25),
    "httpx": Rival("by hand: httpx", "httpx_client", "sequential", ("httpx",), share=0.25),
    "floor-uvloop": Rival("the floor on uvloop", "floor", "concurrent", ("orjson",), on_uvloop=True),
    "ours-uvloop": Rival("dollr_async on uvloop", "ours", "ours", on_uvloop=True),
}
