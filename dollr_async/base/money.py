"""Exact money: amounts are read, compared, rounded and written without the caller's `decimal` context.

A program may set any precision, rounding or traps for its own sums (docs/design.md, rule 13). Whatever could depend on
them is done here, in contexts of our own.
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.numeric import shown

_DECIMALS = {"RWF": 0}
_USUAL_DECIMALS = 2
_MOST_DIGITS = 18

# Every setting is named: what is left out comes from `decimal.DefaultContext`, which a program may change too.
_EXACT = Context(
    prec=64, rounding=ROUND_HALF_UP, Emin=-9999, Emax=9999, capitals=1, clamp=0, flags=[], traps=[InvalidOperation]
)
_READING = Context(
    prec=MAX_PREC,
    rounding=ROUND_HALF_UP,
    Emin=MIN_EMIN,
    Emax=MAX_EMAX,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, Overflow, Inexact],
)

read = _READING.create_decimal
"""Return the number that a text is, digit by digit; a `DecimalException` is raised where it is none."""


def amount(value: Decimal | int) -> Decimal:
    """Return an amount above zero, in major units, with the digits that it was written with.

    Only `Decimal` and `int` are accepted: a float may have lost its cents before it is passed. `Decimal("1E+3")` is
    returned as 1000.
    """
    if isinstance(value, float):
        example = f'Decimal("{value}")' if math.isfinite(value) else 'Decimal("250.00")'
        message = f"amount {value!r} is a float, which cannot hold every cent: write {example}"
        raise InvalidInputError(message)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        example = f'Decimal("{value}")' if isinstance(value, str) else 'Decimal("250.00")'
        message = f"amount is of type {type(value).__name__}: write a Decimal in major units, as in {example}"
        raise InvalidInputError(message)
    if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        raise InvalidInputError(_too_long(shown(value)))
    exact = Decimal(value)
    if not exact.is_finite() or exact.is_signed() or exact.is_zero():
        message = f'amount {value} is not above zero: write a Decimal in major units, as in Decimal("250.00")'
        raise InvalidInputError(message)
    _, digits, exponent = exact.as_tuple()
    if exact.adjusted() >= _MOST_DIGITS or len(digits) > _MOST_DIGITS:
        raise InvalidInputError(_too_long(str(exact)))
    return exact.quantize(Decimal(1), context=_EXACT) if isinstance(exponent, int) and exponent > 0 else exact


def _too_long(written: str) -> str:
    return f'amount {written:.30} has more than {_MOST_DIGITS} digits: write fewer, as in Decimal("250.00")'


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency's smallest unit has: two, but none for RWF."""
    return _DECIMALS.get(currency, _USUAL_DECIMALS)


def _smallest_unit(currency: str) -> Decimal:
    return Decimal((0, (1,), -decimals_of(currency)))


def rounded(value: Decimal, currency: str) -> Decimal:
    """Round an amount, half up, to the smallest unit of its currency; one that is too large is returned unchanged."""
    try:
        return value.quantize(_smallest_unit(currency), context=_EXACT)
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
        example = f'Decimal("{max(fitting, _smallest_unit(currency))}")'
        unit = f"{decimals} decimals" if decimals else "no decimals"
        message = f"amount {value} is not a whole number of the smallest unit of {currency} ({unit}): write {example}"
        raise InvalidInputError(message)
    written = exact.as_tuple().exponent
    return fitting if isinstance(written, int) and -written > decimals else exact


def times(amount: Decimal, quantity: int) -> Decimal:
    """Return the price of several pieces, exactly."""
    return _EXACT.multiply(amount, Decimal(quantity))


def plus(amount: Decimal, other: Decimal) -> Decimal:
    """Return a sum, exactly."""
    return _EXACT.add(amount, other)


def plain_text(amount: Decimal) -> str:
    """Return an amount as text that is the same for 250, 250.0, 2.5E+2 and 250.00."""
    return format(_READING.normalize(amount), "f")
