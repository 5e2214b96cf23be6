"""The screenshots of the documentation: `python -m tests.browser.screenshots` takes them anew."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
from PIL import Image
from playwright.sync_api import ViewportSize

from tests.browser.chromium import DESKTOP, PHONE, Window, running_browser
from tests.browser.pages import every_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
_COLOURS = 256


@attrs.frozen
class _Picture:
    """One screenshot: its file's name, the page's name, and how it is taken."""

    name: str
    page: str
    size: ViewportSize
    scheme: Literal["light", "dark"] = "light"


PICTURES = (
    _Picture("overview", "overview", DESKTOP),
    _Picture("overview-phone", "overview", PHONE),
    _Picture("overview-dark", "overview", DESKTOP, "dark"),
    _Picture("handset", "phone that rings", DESKTOP),
    _Picture("handset-phone", "phone that rings", PHONE, "dark"),
    _Picture("checkout", "checkout, open", DESKTOP),
    _Picture("checkout-phone", "checkout, open", PHONE),
    _Picture("checkout-card", "checkout, card", PHONE),
    _Picture("checkout-paid", "checkout, paid", PHONE, "dark"),
    _Picture("story", "story", DESKTOP),
    _Picture("story-phone", "story", PHONE),
    _Picture("requests", "requests", DESKTOP),
    _Picture("request", "request", DESKTOP),
    _Picture("requests-phone", "requests", PHONE),
    _Picture("faults", "faults", DESKTOP),
    _Picture("faults-phone", "faults", PHONE),
    _Picture("clock", "clock", DESKTOP),
    _Picture("clock-phone", "clock", PHONE),
    _Picture("empty", "empty overview", DESKTOP),
)


def main() -> None:
    """Take every screenshot."""
    FOLDER.mkdir(exist_ok=True)
    with running_browser() as browser, every_page() as pages:
        for picture in PICTURES:
            content = _taken(browser, picture, pages[picture.page])
            (FOLDER / f"{picture.name}.png").write_bytes(content)


def _taken(browser: Browser, picture: _Picture, address: str) -> bytes:
    with Window(browser, picture.size, picture.scheme) as window:
        page = window.open(address)
        page.emulate_media(reduced_motion="reduce", color_scheme=picture.scheme)
        page.wait_for_timeout(300)
        taken = Image.open(io.BytesIO(page.screenshot()))
    small = io.BytesIO()
    taken.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    main()
