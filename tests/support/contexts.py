"""A context variable that holds something, as a web framework's request does: what lives on must not keep it."""

from __future__ import annotations

import contextvars
import gc
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_request: contextvars.ContextVar[object] = contextvars.ContextVar("_request")


class _Request:
    """What the context variable holds."""


async def in_a_context(call: Callable[[], Awaitable[object]]) -> Callable[[], object]:
    """Make a call where the context variable is set, in a task of its own; return what says whether it is kept."""
    request = _Request()
    _request.set(request)
    await call()
    kept = weakref.ref(request)

    def find() -> object:
        gc.collect()
        return kept()

    return find
