"""A browser for all of these tests, and a sandbox for each."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import DESKTOP, Window, chromium, running_browser
from tests.browser.server import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; without one, the test is skipped and says so."""
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
        pytest.skip("Playwright is not installed: install the dependency group `browser`")
    if chromium() is None:
        pytest.skip("no Chromium was found: install it, or name one in DOLLR_TEST_BROWSER")
    with running_browser() as browser:
        yield browser


@pytest.fixture
def running() -> Iterator[RunningSandbox]:
    """A sandbox of the test's own."""
    running = RunningSandbox()
    yield running
    running.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """A window of desktop size; at its end, no page may have had an error or a request to elsewhere."""
    with Window(browser, DESKTOP) as window:
        yield window
    assert window.troubles == []
