"""A page is light, and stays quick with 1,000 payments; the bounds are far above what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.weight import MANY, pay_often, show, weights

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.server import RunningSandbox

pytestmark = pytest.mark.full(reason="drives a real browser")


def test_every_page_is_at_most_five_requests_and_64_kilobytes(browser: Browser) -> None:
    found = weights(browser)
    assert len(found) > 20
    assert {name: one for name, one in found.items() if one.requests > 5 or one.kilobytes > 64} == {}


def test_a_thousand_payments_are_shown_and_updated_within_seconds(browser: Browser, running: RunningSandbox) -> None:
    running.run(pay_often(running.sandbox))
    some = show(browser, running.url, running)
    everything = show(browser, f"{running.url}/?show={MANY}", running)
    assert (some.rows, everything.rows) == (100, MANY)
    assert some.first_paint < 3000
    assert everything.first_paint < 6000
    assert everything.update < 6000
    assert everything.heap < 20
