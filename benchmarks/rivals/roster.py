"""Who is measured: the name in the tables, and where it lives."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class Work(Protocol):
    """What each of them can do."""

    async def status(self) -> None:
        """Ask how far a payment is."""
        ...

    async def party(self) -> None:
        """Create a contact."""
        ...

    async def direct(self) -> None:
        """Collect by one checkout."""
        ...

    async def document_first(self) -> None:
        """Collect for an invoice, step by step."""
        ...


class Rival(NamedTuple):
    """One of them: what it needs beside this library, whether it runs on uvloop, and the share of the work it gets.

    Those that take many times as long as the others do a part of it: a figure is of one, however many were made.
    """

    shown: str
    module: str
    opener: str
    needs: tuple[str, ...] = ()
    on_uvloop: bool = False
    share: float = 1.0

    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        needed = (*self.needs, "uvloop") if self.on_uvloop else self.needs
        return [name for name in needed if find_spec(name) is None]

    def open(self, url: str, most_at_once: int) -> AbstractAsyncContextManager[Work]:
        """Open it, for as many calls at once as will be made."""
        opened: AbstractAsyncContextManager[Work] = getattr(
            import_module(f"benchmarks.rivals.{self.module}"), self.opener
        )(url, most_at_once)
        return opened


FLOOR = "floor"
RIVALS = {
    FLOOR: Rival("by hand: aiohttp and orjson (the floor)", "floor", "at_once", ("orjson",)),
    "floor-in-a-row": Rival("the same, step after step", "floor", "in_a_row", ("orjson",)),
    "ours": Rival("dollr_async", "ours", "ours"),
    "requests": Rival("by hand: requests in threads", "requests_client", "in_a_row", ("requests",), share=0.25),
    "httpx": Rival("by hand: httpx", "httpx_client", "in_a_row", ("httpx",), share=0.25),
    "floor-uvloop": Rival("the floor on uvloop", "floor", "at_once", ("orjson",), on_uvloop=True),
    "ours-uvloop": Rival("dollr_async on uvloop", "ours", "ours", on_uvloop=True),
}
