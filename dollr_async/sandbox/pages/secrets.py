"""Recorded requests as people may see them: without tokens, passcodes and other secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

STARS = "*****"
_SECRET_NAMES = re.compile(
    r"secret|token|passcode|password|authorization|cookie|api[-_]?key|^code$|^jwt$", re.IGNORECASE
)
_PUBLIC_NAMES = frozenset({"hosted_path_or_token", "token_type", "passcode"})
"""What sounds secret and is not: a page's address, a word, and an object whose own fields are starred."""
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_json = msgspec.json.Encoder(decimal_format="number")


def is_secret(name: str) -> bool:
    """Whether a field, a header or a parameter of this name may be a secret."""
    return name.lower() not in _PUBLIC_NAMES and bool(_SECRET_NAMES.search(name))


def starred_pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    """Headers or parameters, with stars for what may be a secret."""
    return {name: STARS if is_secret(name) else starred_text(value) for name, value in pairs.items()}


def starred_text(text: str) -> str:
    """A text with stars in place of each token in it."""
    return _JWT.sub(STARS, text)


def starred_json(value: object) -> object:
    """Parsed JSON with stars for what may be a secret, at any depth."""
    if isinstance(value, dict):
        return {name: _starred_field(f"{name}", entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [starred_json(entry) for entry in value]
    return starred_text(value) if isinstance(value, str) else value


def _starred_field(name: str, value: object) -> object:
    nested = isinstance(value, dict | list)
    return STARS if is_secret(name) and value is not None and not nested else starred_json(value)


def shown_body(parsed: object, content: bytes) -> str:
    """A body for people: indented JSON without secrets; of anything else only its size, since it may be a secret."""
    if not content:
        return "(empty)"
    if parsed is None:
        return f"({len(content)} bytes that are not JSON)"
    return msgspec.json.format(_json.encode(starred_json(parsed)), indent=2).decode()
