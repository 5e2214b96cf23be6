"""The documentation fits a phone: nothing but code and long figures has to be moved sideways."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import PHONE, Window
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.full(reason="builds the documentation, and drives a real browser")

_SMALL = 360
"""The width of many cheap phones."""
_TROUBLES = """() => {
    const page = document.documentElement;
    const isWide = element => element.scrollWidth > element.clientWidth;
    const tables = [...document.querySelectorAll("article .table-wrapper")].filter(isWide);
    const images = [...document.querySelectorAll("article img")].filter(image => !image.alt || !image.naturalWidth);
    return [
        ...(isWide(page) ? ["the page is too wide"] : []),
        ...tables.map(table => "too wide: " + table.innerText.slice(0, 60)),
        ...images.map(image => "no picture or no words: " + image.src),
    ];
}"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The built pages."""
    pytest.importorskip("furo", reason="install the dependency group `docs`")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "docs", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    return tmp_path


def test_no_page_or_table_scrolls_sideways_and_every_picture_is_shown(browser: Browser, built: Path) -> None:
    pages = sorted(path for path in built.rglob("*.html") if "_static" not in path.parts)
    assert len(pages) > 40
    with Window(browser, PHONE) as window:
        tab = window.context.new_page()
        troubles = {}
        for path in pages:
            tab.goto(path.as_uri())
            for width in (PHONE["width"], _SMALL):
                tab.set_viewport_size({"width": width, "height": PHONE["height"]})
                troubles[path.name, width] = tab.evaluate(_TROUBLES)
        assert {page: found for page, found in troubles.items() if found} == {}

        tab.goto((built / "errors.html").as_uri())
        row = tab.get_by_role("row").filter(has_text="PollTimeoutError").first
        assert row.get_by_role("cell").count() == 4
        assert tab.get_by_role("columnheader", name="what to do next").count() == 2
