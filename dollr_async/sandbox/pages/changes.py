"""The stream of server-sent events from which open pages learn that something has changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from dollr_async.sandbox.pages.answers import SAFE_HEADERS
from dollr_async.sandbox.world.settlement import settle_due

if TYPE_CHECKING:
    from dollr_async.sandbox.pages.answers import PageContext

_KEEP_ALIVE = 15.0
"""Seconds without a change after which a comment is sent, so that a connection that is gone is noticed."""
_SHORTEST_WAIT = 0.02
_HEADERS = {**SAFE_HEADERS, "Content-Type": "text/event-stream"}


async def stream_changes(context: PageContext, request: web.BaseRequest) -> web.StreamResponse:
    """Send `change` with the number of changes so far: now, after each change, and whenever a payment is due."""
    response = web.StreamResponse(headers=_HEADERS)
    changes = context.server.changes
    sent = -1
    with suppress(ConnectionError):  # the page was closed
        await response.prepare(request)
        while not context.server.closing:
            settle_due(context.world)
            if changes.count == sent:
                await response.write(b": still here\n\n")
            else:
                sent = changes.count
                await response.write(b"event: change\ndata: %d\n\n" % sent)
            await _next(context, sent)
    return response


async def _next(context: PageContext, seen: int) -> None:
    """Wait for a change after those that were seen, but not past the next scheduled event."""
    wait = _KEEP_ALIVE
    if context.world.events:
        due = context.world.events[0][0] - context.world.clock.seconds()
        wait = min(wait, max(due, _SHORTEST_WAIT))
    with suppress(TimeoutError):
        async with asyncio.timeout(wait):
            await context.server.changes.after(seen)
