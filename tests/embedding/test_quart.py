"""The shop with Quart, by its test client."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.embedding.web_shop import Answer, Browser, WebShopTests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from quart.typing import TestClientProtocol

    from dollr_async.testing.fixtures import QuickSandbox


class QuartBrowser:
    """Sends forms with a test client, whose loop runs in a thread of its own."""

    def __init__(self, client: TestClientProtocol, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def get(self, path: str) -> Answer:
        return self._portal.call(self._send, "GET", path, None)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        return self._portal.call(self._send, "POST", path, form)

    async def _send(self, method: str, path: str, form: dict[str, str] | None) -> Answer:
        send = self._client.post if method == "POST" else self._client.get
        answer = await send(path, form=form)
        return Answer(answer.status_code, str(await answer.get_data(as_text=True)))


class TestQuart(WebShopTests):
    @pytest.fixture
    def open_shop(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractContextManager[Browser]]:
        @contextmanager
        def opened() -> Iterator[Browser]:
            app = load("quart_shop")["app"]
            app.config["DOLLR"] = dollr_sandbox.settings
            with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.test_app()):
                yield QuartBrowser(app.test_client(), portal)

        return opened
