"""Checks of the values that callers pass: currencies, ids, references, times and text.

A value is checked once, where it is passed. Each function returns the value in the form that is sent, or raises
`InvalidInputError` with a message that shows the right form. Amounts are in `money.py`, phones in `phones.py`.
`Secret` wraps a value that must never be shown.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import attrs

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.numeric import is_number, shown
from dollr_async.base.secret import Secret as Secret  # noqa: PLC0414 - callers import it from here

W = TypeVar("W", bound=StrEnum)

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_ACCOUNT_COUNTRY = re.compile(r"[A-Za-z]{2,3}", re.ASCII)
_DIGITS = re.compile(r"\d{1,19}", re.ASCII)
_LARGEST_ID = 10**19
_UUID_VERSION = 4

_LARGEST_QUANTITY = 1_000_000_000


def currency_code(value: str) -> str:
    """Return a currency as three upper-case letters; lower case is accepted."""
    code = value.strip().upper() if isinstance(value, str) else ""
    if not _CURRENCY.fullmatch(code):
        message = f"currency {value!r} is not a currency code: write three letters, as in 'USD', 'LRD' or 'RWF'"
        raise InvalidInputError(message)
    return code


def country(value: str | None) -> str | None:
    """Return a country as two upper-case letters (ISO 3166-1 alpha-2), or None for None."""
    if value is None:
        return None
    code = value.strip().upper() if isinstance(value, str) else ""
    if not _COUNTRY.fullmatch(code):
        message = f"country_code {value!r} is not a country code: write two letters, as in 'LR' or 'RW'"
        raise InvalidInputError(message)
    return code


def account_country(value: str | None) -> str | None:
    """Return the country of a payment account: two or three letters as they were given, or None for None."""
    if value is not None and not (isinstance(value, str) and _ACCOUNT_COUNTRY.fullmatch(value)):
        message = f"country_code {value!r} is not a country code: write two or three letters, as in 'LR' or 'LBR'"
        raise InvalidInputError(message)
    return value


def reference(value: UUID | str) -> UUID:
    """Return a payment's reference: a version-4 UUID, given as `uuid.UUID` or as its text."""
    parsed: UUID | None = None
    if isinstance(value, UUID):
        parsed = value
    elif isinstance(value, str):
        try:
            parsed = UUID(value)
        except ValueError:
            parsed = None
    if parsed is None or parsed.version != _UUID_VERSION:
        message = f"reference_id {str(value)[:60]!r} is not a version-4 UUID: make one with uuid.uuid4()"
        raise InvalidInputError(message)
    return parsed


def reference_text(value: UUID | str) -> str:
    """Return a payment's reference as the text that is sent."""
    return str(reference(value))


def text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse, as an attrs validator, anything but text that is not blank; what is kept is tidied (see `tidy`)."""
    if not isinstance(value, str) or not value.strip():
        message = f"{field.name} must be text with at least one character"
        raise InvalidInputError(message)
    _keep(instance, field.name, value)


def any_text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse, as an attrs validator, anything but text; it may be empty, and is tidied (see `tidy`)."""
    if not isinstance(value, str):
        message = f"{field.name} must be text, not {type(value).__name__}"
        raise InvalidInputError(message)
    _keep(instance, field.name, value)


def optional_text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse, as an attrs validator, anything but text and None."""
    if value is not None:
        any_text(instance, field, value)


def tidy(value: str) -> str:
    """Return text as it is sent and compared: no spaces around it, accents composed (Unicode's NFC).

    The API may do the same, and a line would not be found again by its name otherwise.
    """
    return value.strip() if value.isascii() else unicodedata.normalize("NFC", value.strip())


def check_sendable(name: str, value: str) -> None:
    """Refuse text that cannot be sent, or that no form on paper or on a screen can show."""
    if value.isascii() and value.isprintable():
        return
    for place, character in enumerate(value):
        category = unicodedata.category(character)
        if category == "Cc":
            message = f"{name} has a control character ({character!r}) at position {place}: remove it"
            raise InvalidInputError(message)
        if category == "Cs":
            message = f"{name} has a character that cannot be sent (half of a surrogate pair): remove it"
            raise InvalidInputError(message)


def _keep(instance: object, name: str, value: str) -> None:
    tidied = tidy(value)
    check_sendable(name, tidied)
    if tidied != value:
        object.__setattr__(instance, name, tidied)


def quantity(_: object, field: attrs.Attribute[int], value: object) -> None:
    """Refuse, as an attrs validator, anything but a quantity: a whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_QUANTITY:
        message = f"{field.name} {shown(value)} is not a quantity: write a whole number from 1 up, as in 2"
        raise InvalidInputError(message)


def identifier(value: int | str) -> int:
    """Return an id of the API as a whole number above zero; its digits as text are accepted."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST_ID:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value) and int(value) > 0:
        return int(value)
    message = f"{shown(value):.60} is not an id: write the whole number that the API gave, as in 310"
    raise InvalidInputError(message)


def optional_identifier(value: int | str | None) -> int | None:
    """Return an id of the API, or None for None."""
    return None if value is None else identifier(value)


def identifier_text(value: int | str) -> str:
    """Return an id of the API as text, for the operations that want its digits."""
    return str(identifier(value))


def enum_member(kind: type[W], value: object) -> W:
    """Return the member of an enum that a text names; any case is accepted, an unknown word is not."""
    found = kind(value) if isinstance(value, str) else None
    if found is None or found.name not in kind.__members__:
        message = f"{value!r} is not a {kind.__name__}: use one of {', '.join(kind.__members__)}"
        raise InvalidInputError(message)
    return found


def flag(_: object, field: attrs.Attribute[bool], value: object) -> None:
    """Refuse, as an attrs validator, anything but True and False."""
    if not isinstance(value, bool):
        message = f"{field.name} must be True or False, not {value!r}"
        raise InvalidInputError(message)


def utc_time(value: datetime | None) -> datetime | None:
    """Return a timezone-aware time in UTC, or None for None; a time without a time zone is refused."""
    if value is None:
        return None
    problem = "has no time zone"
    try:
        if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC)
    except OverflowError:
        problem = "is outside the range of UTC times"
    message = f"{value!r} {problem}: write a timezone-aware time, as in datetime(2026, 7, 31, tzinfo=UTC)"
    raise InvalidInputError(message)


@attrs.frozen(kw_only=True)
class Number:
    """An attrs validator of numbers: `from_` is the least that is accepted, `above` and `below` are not accepted."""

    from_: float = -math.inf
    above: float = -math.inf
    below: float = math.inf
    optional: bool = False

    def __call__(self, _: object, field: attrs.Attribute[Any], value: object) -> None:
        """Refuse a value that is not a number or is out of range; infinity always is."""
        if value is None and self.optional:
            return
        if not is_number(value) or not (self.from_ <= value < self.below and value > self.above):
            message = f"{field.name} must be a number {self._bounds()}, not {shown(value)}"
            raise InvalidInputError(message)

    def _bounds(self) -> str:
        parts = {"from {:g} up": self.from_, "above {:g}": self.above, "below {:g}": self.below}
        return " and ".join(part.format(bound) for part, bound in parts.items() if math.isfinite(bound))


def seconds(name: str, value: float) -> float:
    """Return a number of seconds above zero."""
    if not is_number(value) or value <= 0:
        message = f"{name} must be a number of seconds above 0, not {shown(value)}"
        raise InvalidInputError(message)
    return float(value)
