"""What makes the pages fit a phone. The rules of style are in _static/pages.css.

A table of text is shown row by row, with its column's heading beside each cell. A browser may forget that it is a
table, so its elements get roles. Long names in tables can break. A screenshot of a wide page is replaced by one of the
same page on a phone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sphinx.application import Sphinx

SHORT = 20
"""How many characters a cell of numbers may have, and a name that does not break."""
PAIR, MANY_COLUMNS = 2, 7
ROLES = {nodes.table: "table", nodes.thead: "rowgroup", nodes.tbody: "rowgroup", nodes.row: "row"}
IN_A_PATH = re.compile(r"(?<=[a-z0-9}]/)(?=[a-z0-9{])")
IN_A_NAME = re.compile(r"(?<=[a-z0-9][_.(=])(?=[a-zA-Z0-9])")
QUANTITY = re.compile(r"\b[\d.]+ (?:s|ms|µs|KiB)\b")

PHONE = "(max-width: 30em)"
ALSO_ON_A_PHONE = frozenset({"overview", "handset", "story", "requests", "faults", "clock"})
"""The screenshots in docs/screenshots that have a narrow sibling with the same content: `overview-phone.png`."""

BOX = 'class="task-list-item-checkbox"'
"""The box of a checklist, which is only drawn: a screen reader has nothing to do with it."""


class Translator(HTML5Translator):
    """Writes what the functions below put on nodes."""

    def visit_Text(self, node: nodes.Text) -> None:  # noqa: N802 - as docutils has it
        """Write a text; in a table a long name may break between its words, and a number stays with its unit."""
        before = len(self.body)
        super().visit_Text(node)
        if not in_table(node):
            return
        if not self.protect_literal_text:
            self.body[before:] = [
                QUANTITY.sub(r'<span class="quantity">\g<0></span>', part) for part in self.body[before:]
            ]
        elif len(node) > SHORT:
            between = IN_A_PATH if "/" in node else IN_A_NAME
            self.body[before:] = [between.sub("<wbr>", part) for part in self.body[before:]]

    def visit_image(self, node: nodes.image) -> None:
        """Write an image, and on a phone its narrow sibling."""
        before = len(self.body)
        super().visit_image(node)
        if "phone" in node:
            narrow = posixpath.join(self.builder.imgpath, self.builder.images[node["phone"]])
            self.body.insert(before, f'<picture><source media="{PHONE}" srcset="{narrow}">')
            self.body.append("</picture>")

    def starttag(
        self,
        node: nodes.Element | dict[str, dict[str, str]],
        tagname: str,
        suffix: str = "\n",
        empty: bool = False,  # noqa: FBT001, FBT002 - as docutils has it
        **attributes: object,
    ) -> str:
        """Write a start tag."""
        return super().starttag(node, tagname, suffix, empty, **node.get("html", {}), **attributes)


def in_table(node: nodes.Node) -> bool:
    """Say whether this is in a cell."""
    return node.parent is not None and (isinstance(node.parent, nodes.entry) or in_table(node.parent))


def rows(part: nodes.Element) -> list[list[nodes.entry]]:
    """Return the cells of each row of a table's head or body."""
    return [list(row.findall(nodes.entry)) for row in part.findall(nodes.row)]


def mark_tables(_app: Sphinx, doctree: nodes.document, _name: str) -> None:
    """Mark the tables that a phone shows row by row, and those of numbers."""
    for table in doctree.findall(nodes.table):
        heads, body = list(table.findall(nodes.thead)), rows(next(table.findall(nodes.tbody)))
        if heads and is_stacked(body):
            table["classes"].append("stacked")
            name_cells(table, rows(heads[0])[0], body)
        elif len(body[0]) > PAIR:
            table["classes"].append("numbers")


def mark_images(app: Sphinx, doctree: nodes.document, _name: str) -> None:
    """Link the screenshots and plots to their files, and name the narrow siblings of the screenshots."""
    for image in doctree.findall(nodes.image):
        path = PurePosixPath(image["uri"])
        if path.parent.name == "screenshots" or path.stem.startswith("capacity_"):
            image.setdefault("width", "100%")  # Sphinx links an image that has a width to its file
        if path.stem in ALSO_ON_A_PHONE and app.builder.format == "html":
            image["phone"] = str(path.with_stem(f"{path.stem}-phone"))


def hide_boxes(_app: Sphinx, doctree: nodes.document, _name: str) -> None:
    """Hide the boxes of checklists from screen readers."""
    for raw in doctree.findall(nodes.raw):
        if BOX in raw.astext():
            raw[0] = nodes.Text(raw.astext().replace(BOX, f'aria-hidden="true" {BOX}'))


def is_stacked(body: Sequence[Sequence[nodes.entry]]) -> bool:
    """Say whether a phone shows this table row by row; numbers stay side by side, where they can be compared."""
    columns = len(body[0])
    if columns == PAIR:
        return any(len(name.astext()) > SHORT for row in body for cell in row for name in cell.findall(nodes.literal))
    return columns > MANY_COLUMNS or any(len(cell.astext()) > SHORT for row in body for cell in row[1:])


def name_cells(table: nodes.table, headings: Sequence[nodes.entry], body: Sequence[Sequence[nodes.entry]]) -> None:
    """Put the roles on a table's elements, and on each cell the heading of its column."""
    for kind, role in ROLES.items():
        for part in table.findall(kind):
            part["html"] = {"role": role}
    for heading in headings:
        heading["html"] = {"role": "columnheader"}
    for row in body:
        for heading, cell in zip(headings, row, strict=True):
            cell["html"] = {"role": "cell", "data-heading": heading.astext()}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the functions above to Sphinx."""
    app.set_translator("html", Translator)
    for change in (mark_tables, mark_images, hide_boxes):
        app.connect("doctree-resolved", change)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
