"""axe finds nothing on any page, light or dark, on a phone or a desktop; and nothing scrolls sideways."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Window
from tests.browser.pages import every_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

_NARROW: ViewportSize = {"width": 320, "height": 640}


def violations(page: Page) -> list[str]:
    """What axe finds on a page, by its rules and where."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only the tests in a browser have it

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, scheme: Literal["light", "dark"], size: ViewportSize) -> None:
    found = {}
    with ExitStack() as stack:
        pages = stack.enter_context(every_page())
        window = stack.enter_context(Window(browser, size, scheme))
        for name, address in pages.items():
            page = window.open(address)
            page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true; }")
            found[name] = violations(page)
            page.close()
        assert window.troubles == []
    assert len(found) == len(pages)
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_axe_would_find_a_violation(window: Window) -> None:
    page = window.open("about:blank")
    page.set_content("<html><body><img src=''><input></body></html>")
    assert any("label" in problem for problem in violations(page))


@pytest.mark.parametrize("size", [_NARROW, PHONE, DESKTOP], ids=["320", "390", "1280"])
def test_no_page_scrolls_sideways(browser: Browser, size: ViewportSize) -> None:
    wide = {}
    with ExitStack() as stack:
        pages = stack.enter_context(every_page())
        window = stack.enter_context(Window(browser, size))
        for name, address in pages.items():
            page = window.open(address)
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true; }")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > size["width"]:
                wide[name] = width
            page.close()
    assert wide == {}
