"""The system's Chromium, driven by Playwright: nothing is downloaded, and nothing leaves this machine."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page, Request, ViewportSize

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The sandbox has to refuse by itself what this browser would block by its own rules for local addresses.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights",
    # Any other name that these tests use leads to this machine, as it would after DNS rebinding.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
_HERE = ("127.0.0.1", "localhost")


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


class Window:
    """A window of its own, without cookies; it notes errors, dialogs, and requests to anywhere else."""

    def __init__(
        self,
        browser: Browser,
        size: ViewportSize,
        scheme: Literal["light", "dark"] = "light",
        *,
        scripts: bool = True,
    ) -> None:
        self.troubles: list[str] = []
        self.context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=scripts)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.context.on("request", self._note_request)
        self.context.on("weberror", lambda error: self.troubles.append(f"error: {error.error}"))
        self.context.on("console", lambda message: self._note(message.type, message.text))
        self.context.on("dialog", self._dismiss)

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in _HERE:
            self.troubles.append(f"request to {request.url}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note(self, kind: str, text: str) -> None:
        # A page that a test opens on purpose may be an error page; a browser then writes that into its console.
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            self.troubles.append(f"console: {text}")

    def open(self, address: str) -> Page:
        """Open a page."""
        page = self.context.new_page()
        page.goto(address)
        return page

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
