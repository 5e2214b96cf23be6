"""Secrets in the text of an answer: hidden in every spelling, and nothing else is."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.wire.redaction import hide

if TYPE_CHECKING:
    from collections.abc import Callable

    Encode: TypeAlias = Callable[[str], str]


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _json_in_upper_case(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda unit: f"\\u{unit[1].upper()}", _json(text))


def _json_of_every_character(text: str) -> str:
    return "".join(f"\\u{unit:04X}" for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"))


def _json_as_unicode(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/")


def _json_of_go(text: str) -> str:
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", _json(text))


def _html_in_hex(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"&#x{ord(c):X};" for c in text)


def _html_in_decimal(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c):04};" for c in text)


def _url_in_lower_case(text: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quote(text, safe=""))


_ENCODERS: list[Encode] = [
    _json,
    _json_in_upper_case,
    _json_of_every_character,
    _json_as_unicode,
    _json_of_go,
    html.escape,
    _html_in_hex,
    _html_in_decimal,
    quote,
    quote_plus,
    _url_in_lower_case,
]
# HTML has no way to write these: their references mean other characters.
_IN_HTML = st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters="\ufffe\uffff")
_SECRETS = st.text(_IN_HTML, min_size=1).filter(str.strip)


@pytest.mark.parametrize(
    ("spelling", "secret"),
    [
        ('s"3\\cret', 's"3\\cret'),
        (r"s\"3\\cret", 's"3\\cret'),
        (r"s\\\"3\\\\cret", 's"3\\cret'),
        ("caf\\u00e9", "café"),
        ("caf\\u00E9", "café"),
        ("caf\\\\u00e9", "café"),
        ("\\ud83d\\ude00-key", "😀-key"),
        ("s&quot;3&amp;t", 's"3&t'),
        ("s&#34;3&#x26;t", 's"3&t'),
        ("s&amp;quot;3", 's"3'),
        ("caf&eacute;", "café"),
        ("s%223+t", 's"3 t'),
        ("s%223%20t", 's"3 t'),
        ("s%25223", 's"3'),
        ("caf%C3%A9", "café"),
        ("caf%E9", "café"),
        ("s%5C%223", 's"3'),
        ("s\\u0026quot;3", 's"3'),
        ("100%25", "100%"),
        ("a+b", "a+b"),
        ("a%2bb", "a+b"),
        ("%41+1", "%41+1"),
        (r"%41\"1", '%41"1'),
        ("\\u0073\\u0065cret", "secret"),
    ],
)
def test_a_secret_is_hidden_in_each_spelling(spelling: str, secret: str) -> None:
    assert hide(f"the key {spelling} is refused: {spelling}.", [secret]) == "the key *** is refused: ***."


@given(secret=_SECRETS, encode=st.sampled_from(_ENCODERS))
def test_any_secret_is_hidden_in_any_encoding(secret: str, encode: Encode) -> None:
    assert hide(f"\x1f{encode(secret)}\x1f", [secret]) == "\x1f***\x1f"


@given(secret=_SECRETS, inner=st.sampled_from(_ENCODERS), outer=st.sampled_from(_ENCODERS))
def test_any_secret_is_hidden_in_any_encoding_that_is_encoded_again(secret: str, inner: Encode, outer: Encode) -> None:
    assert hide(f"\x1f{outer(inner(secret))}\x1f", [secret]) == "\x1f***\x1f"


@given(st.text(), st.lists(st.text(), max_size=3), st.integers(min_value=0, max_value=50))
def test_any_text_can_be_searched(text: str, secrets: list[str], limit: int) -> None:
    shown = hide(text, secrets, limit=limit)
    assert len(shown) <= max(3 * limit, 3)


@given(st.text())
def test_a_text_without_secrets_is_unchanged(text: str) -> None:
    assert hide(text, []) == text
    assert hide(text, ["", "  ", "a secret that is not there"]) == text


def test_secrets_that_overlap_are_hidden_together() -> None:
    assert hide("abcdef, abcd and cdef", ["abcd", "cdef"]) == "***, *** and ***"
    assert hide("a long secret", ["long", "long secret"]) == "a ***"


@pytest.mark.parametrize("before", [0, 5, 9, 10, 11])
def test_a_secret_that_begins_before_the_limit_is_hidden_as_a_whole(before: int) -> None:
    text = "x" * before + _json_of_every_character("secret") * 3
    shown = hide(text, ["secret"], limit=10)
    assert shown == "x" * min(before, 10) + "***" * (before < 10)


def test_a_hostile_text_takes_little_time() -> None:
    for part in ("\\", "\\\\u005c", "&amp;", "%25", "%5c%5C", "\\u0026#38;"):
        hide(part * 10_000, ["secret\\\\\\\\\\\\\\\\", "&&&&&&&&&&&&", "%%%%%%%%%%%%"], limit=2_000)
