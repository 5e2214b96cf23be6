"""By hand with requests: threads with a session each, and requests' JSON."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.rivals.by_hand import CREDENTIALS, REFRESH_BEFORE, TOKEN_PATH, ApiError, ByHand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_TIMEOUT = 30.0


class Calls:
    """Calls in threads, each with its own session, and one token behind a lock."""

    def __init__(self, url: str, threads: ThreadPoolExecutor) -> None:
        """Call in these threads."""
        self._base = f"{url}/v1/"
        self._threads = threads
        self._own = threading.local()
        self._lock = threading.Lock()
        self._token = ""
        self._token_until = 0.0

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,  # noqa: ANN401 - JSON
    ) -> Any:  # noqa: ANN401 - JSON
        """Make one call; after a 401 fetch a new token and repeat it once."""
        calling = partial(self._call, method, path, query, body)
        return await asyncio.get_running_loop().run_in_executor(self._threads, calling)

    def _call(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> Any:  # noqa: ANN401 - JSON
        response = self._send(method, path, query, body)
        if response.status_code == requests.codes.unauthorized:
            self._token_until = 0.0
            response = self._send(method, path, query, body)
        if not response.ok:
            raise ApiError(response.status_code, response.content)
        return response.json()

    def _send(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> requests.Response:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {self._usable_token()}"}
        return self._session().request(
            method, self._base + path, params=query, json=body, headers=headers, timeout=_TIMEOUT
        )

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
        session: requests.Session = self._own.session
        return session

    def _usable_token(self) -> str:
        if time.monotonic() >= self._token_until:
            with self._lock:
                if time.monotonic() >= self._token_until:
                    response = self._session().post(self._base + TOKEN_PATH, json=CREDENTIALS, timeout=_TIMEOUT)
                    response.raise_for_status()
                    answer = response.json()
                    self._token = answer["access_token"]
                    self._token_until = time.monotonic() + answer["expires_in"] * 60.0 - REFRESH_BEFORE
        return self._token


@asynccontextmanager
async def sequential(url: str, most_at_once: int) -> AsyncIterator[ByHand]:
    """Start as many threads as there are calls at the same time."""
    with ThreadPoolExecutor(most_at_once) as threads:
        yield ByHand(Calls(url, threads))
