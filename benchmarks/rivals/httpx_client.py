"""By hand with httpx: one client, and httpx's JSON."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.rivals.by_hand import CREDENTIALS, REFRESH_BEFORE, TOKEN_PATH, ApiError, ByHand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Calls:
    """Calls on one client, with a token behind a lock."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Call on this client."""
        self._client = client
        self._lock = asyncio.Lock()
        self._token = ""
        self._token_until = 0.0

    async def __call__(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Make one call; after a 401 fetch a new token and repeat it once."""
        response = await self._send(method, path, query, body)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token_until = 0.0
            response = await self._send(method, path, query, body)
        if response.is_error:
            raise ApiError(response.status_code, response.content)
        return response.json()

    async def _send(self, method: str, path: str, query: Mapping[str, str] | None, body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self._usable_token()}"}
        return await self._client.request(method, path, params=query, json=body, headers=headers)

    async def _usable_token(self) -> str:
        if time.monotonic() >= self._token_until:
            async with self._lock:
                if time.monotonic() >= self._token_until:
                    answer = (await self._client.post(TOKEN_PATH, json=CREDENTIALS)).raise_for_status().json()
                    self._token = answer["access_token"]
                    self._token_until = time.monotonic() + answer["expires_in"] * 60.0 - REFRESH_BEFORE
        return self._token


@asynccontextmanager
async def sequential(url: str, _: int) -> AsyncIterator[ByHand]:
    """Open a client that waits for a connection as aiohttp does."""
    async with httpx.AsyncClient(base_url=f"{url}/v1/", timeout=httpx.Timeout(30.0, pool=None)) as client:
        yield ByHand(Calls(client))
