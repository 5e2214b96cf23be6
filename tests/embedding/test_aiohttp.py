"""The shop with aiohttp.web, by aiohttp's test client."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.embedding.web_shop import Answer, Browser, WebShopTests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from dollr_async.testing.fixtures import QuickSandbox

Client = TestClient[web.Request, web.Application]


class AiohttpBrowser:
    """Sends forms with a test client, whose loop runs in a thread of its own."""

    def __init__(self, client: Client, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def get(self, path: str) -> Answer:
        return self._portal.call(self._send, "GET", path, None)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        return self._portal.call(self._send, "POST", path, form)

    async def _send(self, method: str, path: str, form: dict[str, str] | None) -> Answer:
        async with self._client.request(method, path, data=form) as answer:
            return Answer(answer.status, await answer.text())


class TestAiohttp(WebShopTests):
    @pytest.fixture
    def open_shop(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractContextManager[Browser]]:
        @contextmanager
        def opened() -> Iterator[Browser]:
            example = load("aiohttp_shop")
            app = example["app"]
            app[example["SETTINGS"]] = dollr_sandbox.settings
            with start_blocking_portal() as portal:
                client = portal.call(self._client, app)
                with portal.wrap_async_context_manager(client):
                    yield AiohttpBrowser(client, portal)

        return opened

    @staticmethod
    async def _client(app: web.Application) -> Client:
        return TestClient(TestServer(app, handler_cancellation=True))
