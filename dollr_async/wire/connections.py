"""The connections of a client: its own aiohttp session, and a request that opens one more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

_CONNECTIONS = 100


def new_session(*, force_close: bool = False) -> aiohttp.ClientSession:
    """Return a session without cookies; with `force_close` no connection is used twice."""
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, force_close=force_close)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def open_another(
    session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str], limit: aiohttp.ClientTimeout
) -> None:
    """Open one more connection of a session of our own by a GET; the answer and a failure do not matter."""
    connector = session.connector
    if connector is None:
        return

    async def beside_the_open_one(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # While the open connection is taken, the request needs another one.
        taken = await connector.connect(request, [], limit)
        try:
            return await handler(request)
        finally:
            taken.release()

    try:
        async with session.get(
            url, headers=headers, timeout=limit, allow_redirects=False, middlewares=(beside_the_open_one,)
        ) as response:
            await response.read()
    except Exception:  # noqa: BLE001, S110 - it only makes a later request quicker
        pass
