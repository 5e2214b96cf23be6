"""Hides secrets in the text of an answer, in whichever spelling it repeats them (docs/design.md, rule 10)."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

HIDDEN = "***"

_LAYERS = 3
"""An escape may be escaped again: JSON inside a text in JSON, or HTML inside a URL."""

_LONGEST_ESCAPE = 12
"""A character is escaped with so many characters at most, as `\\ud83d\\ude00` is."""

_SHORT_IN_JSON = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def hide(text: str, secrets: Iterable[str], *, limit: int | None = None) -> str:
    r"""Return a text, or its first `limit` characters, with three stars in place of every secret.

    A secret is found as it is and escaped as JSON (`\"`, `\u00e9`), HTML (`&quot;`, `&#34;`) or URL (`%22`, `+`), and
    where its escapes are escaped again. All characters may be escaped, or only some.
    """
    wanted = {secret for secret in secrets if secret.strip()}
    if limit is not None:
        # A secret that begins before the limit is found as a whole.
        longest = max(map(len, wanted), default=0)
        end, text = limit, text[: limit + _LONGEST_ESCAPE * longest]
    else:
        end = len(text)
    shown, at = [], 0
    for first, last in sorted(_spans(text, wanted)) if wanted else ():
        if last > at:
            if first >= end:
                break
            shown += [text[at:first], HIDDEN] if first >= at else []
            at = last
    return "".join([*shown, text[at:end]])


class _Reading(NamedTuple):
    """A text that was decoded, and for each of its characters, and its end, the place in the text as it was."""

    text: str
    places: Sequence[int]


def _spans(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield where the secrets begin and end in a text, in every reading of it."""
    seen = {text}
    readings = [_Reading(text, range(len(text) + 1))]
    for layer in range(_LAYERS + 1):
        for reading in readings:
            yield from _spans_in(reading, secrets)
        if layer < _LAYERS:
            readings = [decoded for reading in readings for decoded in _decoded(reading, seen)]


def _spans_in(reading: _Reading, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for secret in secrets:
        at = reading.text.find(secret)
        while at >= 0:
            yield reading.places[at], reading.places[at + len(secret)]
            at = reading.text.find(secret, at + 1)


def _decoded(reading: _Reading, seen: set[str]) -> Iterator[_Reading]:
    """Yield the texts that a text becomes when the escapes of one kind are decoded, except those that were `seen`."""
    for pattern, character in _ESCAPES:
        parts: list[str] = []
        places: list[int] = []
        at = 0
        for escape in pattern.finditer(reading.text):
            decoded = character(escape)
            parts += [reading.text[at : escape.start()], decoded]
            places += reading.places[at : escape.start()]
            places += [reading.places[escape.start()]] * len(decoded)
            at = escape.end()
        text = "".join([*parts, reading.text[at:]])
        if text not in seen:
            seen.add(text)
            yield _Reading(text, [*places, *reading.places[at:]])


def _from_json(escape: re.Match[str]) -> str:
    high, low, unit, short = escape.groups()
    if high:
        return bytes.fromhex(high + low).decode("utf-16-be")
    return chr(int(unit, 16)) if unit else _SHORT_IN_JSON.get(short, short)


def _from_html(escape: re.Match[str]) -> str:
    return html.unescape(escape[0])


def _from_url(escape: re.Match[str]) -> str:
    if escape[0] == "+":
        return " "
    octets = bytes.fromhex(escape[0].replace("%", ""))
    return octets.decode("latin-1" if len(octets) == 1 else "utf-8", "replace")


_JSON = r"\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|u([0-9a-f]{4})|([\"'/\\bfnrt]))"
_HTML = r"&(?:#[0-9]{1,9}|#x[0-9a-f]{1,8}|[a-z][a-z0-9]{1,31});?"
_REST = "%[89ab][0-9a-f]"
_URL = f"%[cd][0-9a-f]{_REST}|%e[0-9a-f](?:{_REST}){{2}}|%f[0-7](?:{_REST}){{3}}|%[0-9a-f]{{2}}"
_ESCAPES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(_JSON, re.IGNORECASE), _from_json),
    (re.compile(_HTML, re.IGNORECASE), _from_html),
    (re.compile(_URL, re.IGNORECASE), _from_url),
    (re.compile(rf"{_URL}|\+", re.IGNORECASE), _from_url),
)
