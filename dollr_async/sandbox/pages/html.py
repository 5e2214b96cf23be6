"""HTML as typed values: text is always escaped, and there is no way to put ready-made markup into a page."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from html import escape
from urllib.parse import urlsplit

import attrs

_VOID = frozenset({"br", "hr", "input", "link", "meta"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction"})
_SCRIPTS = ("on", "srcdoc", "style")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")

Attribute = str | int | bool | None


@attrs.frozen
class Element:
    """One element with its attributes and its children."""

    name: str
    attributes: dict[str, Attribute]
    children: tuple[Node, ...]


Node = Element | str | int | Decimal | None | Iterable["Node"]
"""What may stand in a page: an element, a text, a number, nothing, or several of these."""


def tag(name: str, /, *children: Node, **attributes: Attribute) -> Element:
    """Make an element: `tag("a", "Next", href="/requests", class_="next")`.

    An underscore in an attribute's name is a hyphen, one at its end is left out. True is an attribute without a value;
    False and None leave it out. A ValueError for an attribute that could run a script, and for an address that is
    neither a path of this site nor http or https.
    """
    named = {key.removesuffix("_").replace("_", "-"): value for key, value in attributes.items()}
    for key, value in named.items():
        _check(key, value)
    return Element(name, named, children)


def _check(key: str, value: Attribute) -> None:
    if not _NAME.issuperset(key) or key.startswith(_SCRIPTS):
        message = f"{key!r} cannot be an attribute of these pages."
        raise ValueError(message)
    if key in _ADDRESSES and not is_safe_address(f"{value}"):
        message = f"{key} cannot be {value!r}: use a path that begins with /, or an http address."
        raise ValueError(message)


def is_safe_address(address: str) -> bool:
    """Whether following an address can run nothing: a path, query or fragment of this site, or http or https."""
    if address.startswith(("/", "?", "#")):
        return not address.startswith(("//", "/\\"))
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def render(node: Node) -> str:
    """Write HTML."""
    written: list[str] = []
    _write(node, written)
    return "".join(written)


def _write(node: Node, written: list[str]) -> None:
    if node is None:
        return
    if isinstance(node, str | int | Decimal):
        written.append(escape(f"{node}"))
    elif isinstance(node, Element):
        _write_element(node, written)
    else:
        for child in node:
            _write(child, written)


def _write_element(element: Element, written: list[str]) -> None:
    written.append(f"<{element.name}")
    for key, value in element.attributes.items():
        if value is True:
            written.append(f" {key}")
        elif value is not None and value is not False:
            written.append(f' {key}="{escape(f"{value}")}"')
    written.append(">")
    if element.name not in _VOID:
        for child in element.children:
            _write(child, written)
        written.append(f"</{element.name}>")
