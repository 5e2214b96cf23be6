"""The system's Chromium, driven by Playwright: nothing is downloaded, and nothing leaves this machine."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Any other name that these tests use leads to this machine, as it would after DNS rebinding.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


def chromium() -> str | None:
    """Return the path of a Chromium: that of DOLLR_TEST_BROWSER, or the first one on the PATH."""
    named = os.environ.get("DOLLR_TEST_BROWSER")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only the tests in a browser have it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_OPTIONS, headless=True)
        try:
            yield browser
        finally:
            browser.close()
