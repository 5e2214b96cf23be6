"""What an answer has beyond its schema: unknown fields, and words that are not among the known ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNKNOWN_FIELD = "a field that is not in the contract"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,39}")


@attrs.frozen
class Problem:
    """Where an answer departs from the contract: a path of fields, and what is found there, which is never a value."""

    place: str
    rule: str
    word: str | None = None
    """A word that is not among the known ones; whoever shows it checks that it is not personal."""


def problems(document: Mapping[str, Any], schema: Mapping[str, Any], value: object) -> list[Problem]:
    """Return the unknown fields and the unknown words of an answer."""
    return list(_problems(document, schema, value, ""))


def _problems(document: Mapping[str, Any], schema: Mapping[str, Any], value: object, place: str) -> Iterator[Problem]:
    shapes = list(_shapes(document, schema))
    if isinstance(value, list):
        items: Mapping[str, Any] = next((shape["items"] for shape in shapes if "items" in shape), {})
        for entry in value:
            yield from _problems(document, items, entry, f"{place}[]")
    elif isinstance(value, dict):
        fields = {name: field for shape in shapes for name, field in shape.get("properties", {}).items()}
        for name, inner in value.items() if fields else ():
            inside = f"{place}.{name}".lstrip(".")
            if name in fields:
                yield from _problems(document, fields[name], inner, inside)
            else:
                yield Problem(inside if _NAME.fullmatch(name) else f"{place}.-".lstrip("."), UNKNOWN_FIELD)
    elif isinstance(value, str):
        known = {word for shape in shapes for word in shape.get("x-known-values", ())}
        if known and value not in known:
            yield Problem(place, "an unknown word", value if _WORD.fullmatch(value) else None)


def _shapes(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema, and those that it refers to or combines."""
    yield schema
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from _shapes(document, found)
    for key in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(key, ()):
            yield from _shapes(document, branch)
