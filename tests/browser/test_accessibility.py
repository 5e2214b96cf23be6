"""axe finds nothing on any page, light or dark, on a phone or a desktop; and nothing scrolls sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Window
from tests.browser.pages import every_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.full(reason="drives a real browser")

_NARROWEST = 320
"""The width in pixels of the narrowest phones."""


def violations(page: Page) -> list[str]:
    """What axe finds on a page, by its rules and where."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only the tests in a browser have it

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_no_page_scrolls_sideways(
    browser: Browser, scheme: Literal["light", "dark"], size: ViewportSize
) -> None:
    found: dict[str, list[str]] = {}
    wide: dict[str, int] = {}
    with every_page() as pages, Window(browser, size, scheme) as window:
        for name, address in pages.items():
            page = window.open(address)
            page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            found[name] = violations(page)
            for width in {size["width"], _NARROWEST if size is PHONE else size["width"]}:
                page.set_viewport_size({"width": width, "height": size["height"]})
                wide[name] = max(wide.get(name, 0), page.evaluate("document.documentElement.scrollWidth") - width)
            page.close()
        assert window.troubles == []
    assert len(found) > 20
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert {name: over for name, over in wide.items() if over > 0} == {}


def test_axe_would_find_a_violation(window: Window) -> None:
    page = window.open("about:blank")
    page.set_content("<html><body><img src=''><input></body></html>")
    assert any("label" in problem for problem in violations(page))
