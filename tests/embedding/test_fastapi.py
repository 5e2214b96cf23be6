"""The shop with FastAPI, by its test client."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from tests.embedding.web_shop import Browser, FormBrowser, WebShopTests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from dollr_async.testing.fixtures import QuickSandbox


class TestFastAPI(WebShopTests):
    @pytest.fixture
    def open_shop(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractContextManager[Browser]]:
        @contextmanager
        def opened() -> Iterator[Browser]:
            app = load("fastapi_shop")["app"]
            app.state.settings = dollr_sandbox.settings
            with TestClient(app) as client:
                yield FormBrowser(client)

        return opened
