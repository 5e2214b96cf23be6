"""The kinds of value that callers hand over, each checked where it enters and never later.

Each function returns the value in the form that is sent, or raises `InvalidInputError` with a sentence that shows the
right form. `Secret` wraps what must never be shown.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import attrs

from dollr_async.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
W = TypeVar("W", bound=StrEnum)

_PHONE = re.compile(r"[1-9]\d{7,14}", re.ASCII)
_PHONE_PUNCTUATION = str.maketrans("", "", " -().\u00a0")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_CALLING_CODES = {"LR": "231", "RW": "250"}
_LONGEST_LOCAL_NUMBER = 9
_UUID_VERSION = 4

_DECIMALS = {"RWF": 0}
_USUAL_DECIMALS = 2
_MOST_DIGITS = 18
_MOST_PIECES = 1_000_000_000
_WIDE = Context(prec=64, rounding=ROUND_HALF_UP)


def phone_number(value: object, country_code: str | None = None) -> str:
    """Return a phone number as the API wants it: 8 to 15 digits with the country's code and no plus sign.

    Spaces, dashes, dots, brackets and one leading plus are dropped. A local number is refused, since its country
    cannot be guessed.
    """
    if not isinstance(value, str):
        raise InvalidInputError(_phone_sentence(value))
    digits = value.strip().removeprefix("+").translate(_PHONE_PUNCTUATION)
    if not _PHONE.fullmatch(digits):
        raise InvalidInputError(_phone_sentence(value))
    calling_code = _CALLING_CODES.get(country_code or "")
    if calling_code and len(digits) <= _LONGEST_LOCAL_NUMBER and not digits.startswith(calling_code):
        raise InvalidInputError(_phone_sentence(value))
    return digits


def optional_phone(value: object) -> str | None:
    """Return a phone number as the API wants it, or None for None."""
    return None if value is None else phone_number(value)


def _phone_sentence(value: object) -> str:
    shown = f"{value[:1]}… ({len(value)} characters)" if isinstance(value, str) else type(value).__name__
    return (
        f"phone {shown} is not an international number: write the country's code and the number, digits only and "
        "without a leading 0, as in '231771234567'"
    )


def currency_code(value: object) -> str:
    """Return a currency as three upper-case letters; lower case is accepted."""
    code = value.strip().upper() if isinstance(value, str) else ""
    if not _CURRENCY.fullmatch(code):
        sentence = f"currency {value!r} is not a currency code: write three letters, as in 'USD', 'LRD' or 'RWF'"
        raise InvalidInputError(sentence)
    return code


def country(value: object) -> str | None:
    """Return a country as two upper-case letters (ISO 3166-1 alpha-2), or None for None."""
    if value is None:
        return None
    code = value.strip().upper() if isinstance(value, str) else ""
    if not _COUNTRY.fullmatch(code):
        sentence = f"country_code {value!r} is not a country code: write two letters, as in 'LR' or 'RW'"
        raise InvalidInputError(sentence)
    return code


def amount(value: object) -> Decimal:
    """Return an amount above zero, in major units, exactly as it was written.

    Only `Decimal` and `int` are taken: a float has lost its cents before it arrives here.
    """
    if isinstance(value, float):
        shown = f'Decimal("{value}")'
        sentence = f"amount {value!r} is a float, which cannot hold every cent: write {shown}"
        raise InvalidInputError(sentence)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        shown = f'Decimal("{value}")' if isinstance(value, str) else 'Decimal("250.00")'
        sentence = f"amount is of type {type(value).__name__}: write a Decimal in major units, as in {shown}"
        raise InvalidInputError(sentence)
    exact = Decimal(value)
    if not exact.is_finite() or exact <= 0:
        sentence = f'amount {value} is not above zero: write a Decimal in major units, as in Decimal("250.00")'
        raise InvalidInputError(sentence)
    if exact.adjusted() >= _MOST_DIGITS or len(exact.as_tuple().digits) > _MOST_DIGITS:
        sentence = f"amount {value} has more than {_MOST_DIGITS} digits: write the amount in major units"
        raise InvalidInputError(sentence)
    return exact


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency's smallest unit has: two, but none for RWF."""
    return _DECIMALS.get(currency, _USUAL_DECIMALS)


def rounded(value: Decimal, currency: str) -> Decimal:
    """Round an amount, half up, to the smallest unit of its currency; one beyond all bounds is returned as it is."""
    try:
        return value.quantize(Decimal(1).scaleb(-decimals_of(currency)), context=_WIDE)
    except InvalidOperation:
        return value


def amount_in(value: object, currency: str) -> Decimal:
    """Return an amount that its currency can hold: not below its smallest unit, no more decimals than it has.

    Zeros behind the last decimal that the currency has are dropped, since they change nothing.
    """
    exact = amount(value)
    decimals = decimals_of(currency)
    fitting = rounded(exact, currency)
    if fitting != exact:
        shown = f'Decimal("{max(fitting, Decimal(1).scaleb(-decimals))}")'
        unit = f"{decimals} decimals" if decimals else "no decimals"
        sentence = f"amount {value} is not a whole number of the smallest unit of {currency} ({unit}): write {shown}"
        raise InvalidInputError(sentence)
    written = exact.as_tuple().exponent
    return fitting if isinstance(written, int) and (-written > decimals or written > 0) else exact


def reference(value: object) -> UUID:
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
        sentence = f"reference_id {str(value)[:60]!r} is not a version-4 UUID: make one with uuid.uuid4()"
        raise InvalidInputError(sentence)
    return parsed


def reference_text(value: object) -> str:
    """Return a payment's reference as the text that is sent."""
    return str(reference(value))


def text(name: str) -> Callable[[object], str]:
    """Return a check that `name` is text with something in it."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            sentence = f"{name} must be text with at least one character"
            raise InvalidInputError(sentence)
        return sendable(name, value)

    return check


def optional_text(name: str) -> Callable[[object], str | None]:
    """Return a check that `name` is text, or None."""

    def check(value: object) -> str | None:
        return None if value is None else any_text(name)(value)

    return check


def any_text(name: str) -> Callable[[object], str]:
    """Return a check that `name` is text, which may be empty."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            sentence = f"{name} must be text, not {type(value).__name__}"
            raise InvalidInputError(sentence)
        return sendable(name, value)

    return check


def sendable(name: str, value: str) -> str:
    """Return text that JSON can carry: half of a surrogate pair is refused."""
    try:
        value.encode()
    except UnicodeEncodeError:
        sentence = f"{name} has a character that cannot be sent (half of a surrogate pair): remove it"
        raise InvalidInputError(sentence) from None
    return value


def quantity(value: object) -> int:
    """Return a number of pieces: a whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_PIECES:
        sentence = f"qty {value!r} is not a number of pieces: write a whole number from 1 to {_MOST_PIECES}, as in 2"
        raise InvalidInputError(sentence)
    return value


def identifier(name: str) -> Callable[[object], int]:
    """Return a check that `name` is an id of the API: a whole number above zero, or its digits as text."""

    def check(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and int(value) > 0:
            return int(value)
        sentence = f"{name} {value!r} is not an id: write the whole number that the API gave, as in 310"
        raise InvalidInputError(sentence)

    return check


def identifier_text(name: str) -> Callable[[object], str]:
    """Return a check that `name` is an id of the API, for the operations that want its digits as text."""
    check = identifier(name)
    return lambda value: str(check(value))


def word(kind: type[W]) -> Callable[[object], W]:
    """Return a check that a value is one of the words of an enum, in any case."""

    def check(value: object) -> W:
        found = kind(value) if isinstance(value, str) else None
        if found is None or found.name not in kind.__members__:
            sentence = f"{value!r} is not a {kind.__name__}: use one of {', '.join(kind.__members__)}"
            raise InvalidInputError(sentence)
        return found

    return check


def flag(name: str) -> Callable[[object], bool]:
    """Return a check that `name` is True or False."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            sentence = f"{name} must be True or False, not {value!r}"
            raise InvalidInputError(sentence)
        return value

    return check


def one_or_more(name: str) -> Callable[[Iterable[T]], tuple[T, ...]]:
    """Return a check that `name` has at least one entry; it comes back as a tuple."""

    def check(values: Iterable[T]) -> tuple[T, ...]:
        entries = tuple(values)
        if not entries:
            sentence = f"{name} must have at least one entry"
            raise InvalidInputError(sentence)
        return entries

    return check


def optional_identifier(name: str) -> Callable[[object], int | None]:
    """Return a check that `name` is an id of the API, or None."""
    check = identifier(name)
    return lambda value: None if value is None else check(value)


def aware(name: str) -> Callable[[object], datetime | None]:
    """Return a check that `name` is a time with a zone, or None."""

    def check(value: object) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            sentence = f"{name} must be an aware time, as in datetime(2026, 7, 31, tzinfo=UTC)"
            raise InvalidInputError(sentence)
        return value.astimezone(UTC)

    return check


def number(
    *, from_: float | None = None, above: float | None = None, below: float | None = None, optional: bool = False
) -> Callable[[object, attrs.Attribute[float], object], None]:
    """Return an attrs validator for numbers within bounds: `from_` included, `above` and `below` not."""
    bounds = [f"from {from_:g} up"] if from_ is not None else []
    bounds += [f"above {above:g}"] if above is not None else []
    bounds += [f"below {below:g}"] if below is not None else []

    def check(_: object, field: attrs.Attribute[float], value: object) -> None:
        if value is None and optional:
            return
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        fits = fits and (from_ is None or value >= from_) and (above is None or value > above)
        if not fits or (below is not None and not value < below):
            sentence = f"{field.name} must be a number {' and '.join(bounds)}, not {value!r}"
            raise InvalidInputError(sentence)

    return check


def seconds(name: str, value: object) -> float:
    """Return a number of seconds above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        sentence = f"{name} must be a number of seconds above 0, not {value!r}"
        raise InvalidInputError(sentence)
    return float(value)


@attrs.frozen(repr=False, eq=True)
class Secret:
    """A value that is sent and never shown: its `repr` and `str` are three stars."""

    _value: str

    def reveal(self) -> str:
        """Return the value, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        """Hide the value."""
        return "Secret('***')"

    def __str__(self) -> str:
        """Hide the value."""
        return "***"
