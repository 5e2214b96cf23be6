"""The shop with Litestar, by its test client."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from litestar import Litestar, post
from litestar.testing import TestClient

from dollr_async import Card, Collection, DollrClient, Execution, LineItem, Payer
from tests.embedding.web_shop import Browser, FormBrowser, WebShopTests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from dollr_async.testing.fixtures import QuickSandbox


class TestLitestar(WebShopTests):
    @pytest.fixture
    def open_shop(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractContextManager[Browser]]:
        @contextmanager
        def opened() -> Iterator[Browser]:
            app = load("litestar_shop")["app"]
            app.state.settings = dollr_sandbox.settings
            with TestClient(app) as client:
                yield FormBrowser(client)

        return opened


def test_neither_an_answer_nor_its_json_shows_the_secret_of_a_card(dollr_sandbox: QuickSandbox) -> None:
    """Litestar encodes the classes of answers by itself, so a handler may return one as it is."""
    seen: list[str | None] = []

    async def pay() -> Collection:
        async with DollrClient(**dollr_sandbox.settings) as dollr:
            card = Card("Amara Kamara", payment_method_id="pm_card_3ds")
            payer, items = Payer("Amara Kamara", "231771234567"), [LineItem("Ticket", 10)]
            collection = await dollr.collect(payer=payer, items=items, currency="USD", pay_with=card)
            seen.append(collection.client_secret)
            return collection

    @post("/answer")
    async def answer() -> Execution:
        return (await pay()).execution

    @post("/json")
    async def as_json() -> dict[str, object]:
        return (await pay()).to_json()

    with TestClient(Litestar([answer, as_json])) as browser:
        shown = [browser.post("/answer"), browser.post("/json")]
    assert [one.status_code for one in shown] == [201, 201]
    for one, secret in zip(shown, seen, strict=True):
        assert secret
        assert secret not in one.text
        assert '"requires_action":true' in one.text
