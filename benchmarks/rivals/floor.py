"""The floor, which every other client is compared with: aiohttp and orjson by hand, without models."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from benchmarks.rivals.by_hand import CREDENTIALS, REFRESH_BEFORE, TOKEN_PATH, ApiError, ByHand, ConcurrentByHand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Calls:
    """Calls on one session, with a token behind a lock."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        """Call on this session."""
        self._base = f"{url}/v1/"
        self._session = session
        self._lock = asyncio.Lock()
        self._token = ""
        self._token_until = 0.0

    async def __call__(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Make one call; after a 401 fetch a new token and repeat it once."""
        data = None if body is None else orjson.dumps(body)
        status, content = await self._send(method, path, query, data)
        if status == 401:  # noqa: PLR2004 - HTTP's own
            self._token_until = 0.0
            status, content = await self._send(method, path, query, data)
        if status >= 400:  # noqa: PLR2004 - HTTP's own
            raise ApiError(status, content)
        return orjson.loads(content)

    async def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, data: bytes | None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {await self._usable_token()}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = self._session.request(method, self._base + path, params=query, data=data, headers=headers)
        async with request as response:
            return response.status, await response.read()

    async def _usable_token(self) -> str:
        if time.monotonic() >= self._token_until:
            async with self._lock:
                if time.monotonic() >= self._token_until:
                    async with self._session.post(self._base + TOKEN_PATH, json=CREDENTIALS) as response:
                        response.raise_for_status()
                        answer = orjson.loads(await response.read())
                    self._token = answer["access_token"]
                    self._token_until = time.monotonic() + answer["expires_in"] * 60.0 - REFRESH_BEFORE
        return self._token


@asynccontextmanager
async def open_calls(url: str) -> AsyncIterator[Calls]:
    """Open a session with a timeout for each call, and aiohttp's defaults otherwise."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30.0)) as session:
        yield Calls(url, session)


@asynccontextmanager
async def concurrent(url: str, _: int) -> AsyncIterator[ByHand]:
    """Run independent steps concurrently, as the library does."""
    async with open_calls(url) as call:
        yield ConcurrentByHand(call)


@asynccontextmanager
async def sequential(url: str, _: int) -> AsyncIterator[ByHand]:
    """Run one step after the other, as most people write it."""
    async with open_calls(url) as call:
        yield ByHand(call)
