"""Every link between pages leads to a page, and to a title that it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)


def anchors(page: Path) -> set[str]:
    """Return the names of a page's titles, as links write them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    # A title has two names on its page: the one of Markdown and the one of Sphinx, which differ in `discord.py`.
    of_markdown = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return of_markdown | {re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = []
    for place, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)", text):
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(f"{place}#{anchor}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_link_leads_to_a_page_and_a_title(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A title, with a `name`\n\n```\n# no title\n```\n")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#a-title-with-a-name) [b](there.md) [c](gone.md) [d](there.md#no-title) [e](#here)\n")
    assert broken(page) == ["gone.md#", "there.md#no-title", "#here"]
