"""Checks of the values that callers pass: phones, amounts, currencies, ids, references, times and text.

A value is checked once, where it is passed. Each function returns the value in the form that is sent, or raises
`InvalidInputError` with a message that shows the right form. `Secret` wraps a value that must never be shown.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import attrs

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.numeric import is_number, shown

W = TypeVar("W", bound=StrEnum)

_PHONE = re.compile(r"[1-9]\d{7,14}", re.ASCII)
_PHONE_PUNCTUATION = str.maketrans("", "", " -().\u00a0")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_DIGITS = re.compile(r"\d{1,19}", re.ASCII)
_LARGEST_ID = 10**19
_CALLING_CODES = {"LR": "231", "RW": "250"}
_LONGEST_LOCAL_NUMBER = 9
_UUID_VERSION = 4

_DECIMALS = {"RWF": 0}
_USUAL_DECIMALS = 2
_MOST_DIGITS = 18
_LARGEST_QUANTITY = 1_000_000_000
_WIDE = Context(prec=64, rounding=ROUND_HALF_UP)


def phone_number(value: str, country_code: str | None = None) -> str:
    """Return a phone number as the API wants it: 8 to 15 digits with the country code and without a plus sign.

    Spaces, dashes, dots, brackets and one leading plus sign are removed. A local number is refused, since its country
    cannot be guessed.
    """
    if not isinstance(value, str):
        raise InvalidInputError(_phone_message(value))
    digits = value if value.isdecimal() else value.strip().removeprefix("+").translate(_PHONE_PUNCTUATION)
    if not _PHONE.fullmatch(digits):
        raise InvalidInputError(_phone_message(value))
    calling_code = _CALLING_CODES.get(country_code or "")
    if calling_code and len(digits) <= _LONGEST_LOCAL_NUMBER and not digits.startswith(calling_code):
        raise InvalidInputError(_phone_message(value))
    return digits


def optional_phone(value: str | None) -> str | None:
    """Return a phone number as the API wants it, or None for None."""
    return None if value is None else phone_number(value)


def _phone_message(value: object) -> str:
    shown = f"{value[:1]}… ({len(value)} characters)" if isinstance(value, str) else type(value).__name__
    return (
        f"phone {shown} is not an international number: write the country code and the number, digits only and "
        "without a leading 0, as in '231771234567'"
    )


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


def amount(value: Decimal | int) -> Decimal:
    """Return an amount above zero, in major units, exactly as it was written.

    Only `Decimal` and `int` are accepted: a float may have lost its cents before it is passed.
    """
    if isinstance(value, float):
        shown = f'Decimal("{value}")' if math.isfinite(value) else 'Decimal("250.00")'
        message = f"amount {value!r} is a float, which cannot hold every cent: write {shown}"
        raise InvalidInputError(message)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        shown = f'Decimal("{value}")' if isinstance(value, str) else 'Decimal("250.00")'
        message = f"amount is of type {type(value).__name__}: write a Decimal in major units, as in {shown}"
        raise InvalidInputError(message)
    exact = Decimal(value)
    if not exact.is_finite() or exact <= 0:
        message = f'amount {value} is not above zero: write a Decimal in major units, as in Decimal("250.00")'
        raise InvalidInputError(message)
    if exact.adjusted() >= _MOST_DIGITS or len(exact.as_tuple().digits) > _MOST_DIGITS:
        message = f'amount {exact:.3E} has more than {_MOST_DIGITS} digits: write fewer, as in Decimal("250.00")'
        raise InvalidInputError(message)
    return exact


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency's smallest unit has: two, but none for RWF."""
    return _DECIMALS.get(currency, _USUAL_DECIMALS)


def rounded(value: Decimal, currency: str) -> Decimal:
    """Round an amount, half up, to the smallest unit of its currency; one that is too large is returned unchanged."""
    try:
        return value.quantize(Decimal(1).scaleb(-decimals_of(currency)), context=_WIDE)
    except InvalidOperation:
        return value


def amount_in(value: Decimal | int, currency: str) -> Decimal:
    """Return an amount that is a whole number of the smallest units of its currency; others are refused.

    Zeros after the currency's last decimal are removed, since they change nothing.
    """
    exact = amount(value)
    decimals = decimals_of(currency)
    fitting = rounded(exact, currency)
    if fitting != exact:
        shown = f'Decimal("{max(fitting, Decimal(1).scaleb(-decimals))}")'
        unit = f"{decimals} decimals" if decimals else "no decimals"
        message = f"amount {value} is not a whole number of the smallest unit of {currency} ({unit}): write {shown}"
        raise InvalidInputError(message)
    written = exact.as_tuple().exponent
    return fitting if isinstance(written, int) and (-written > decimals or written > 0) else exact


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


def text(_: object, field: attrs.Attribute[str], value: object) -> None:
    """Refuse, as an attrs validator, anything but text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        message = f"{field.name} must be text with at least one character"
        raise InvalidInputError(message)
    if not value.isascii():
        _refuse_unsendable(field.name, value)


def any_text(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse, as an attrs validator, anything but text; it may be empty."""
    if not isinstance(value, str):
        message = f"{field.name} must be text, not {type(value).__name__}"
        raise InvalidInputError(message)
    if not value.isascii():
        _refuse_unsendable(field.name, value)


def optional_text(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse, as an attrs validator, anything but text and None."""
    if value is not None:
        any_text(_, field, value)


def _refuse_unsendable(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        message = f"{name} has a character that cannot be sent (half of a surrogate pair): remove it"
        raise InvalidInputError(message) from None


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


@attrs.frozen(repr=False, eq=True)
class Secret:
    """A value that is sent and never shown: its `repr` and `str` are three stars."""

    _value: str

    def reveal(self) -> str:
        """Return the value; only code that sends it may call this."""
        return self._value

    def __repr__(self) -> str:
        """Hide the value."""
        return "Secret('***')"

    def __str__(self) -> str:
        """Hide the value."""
        return "***"
