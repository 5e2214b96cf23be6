"""The options that several commands share."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

from cyclopts import Parameter

from dollr_async.base import money
from dollr_async.base.errors import InvalidInputError

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
"""A switch without an opposite."""

JournalOption = Annotated[str | None, Parameter(name="--journal")]


def amount_of(text: str) -> Decimal:
    """Return an amount, exactly as it was typed.

    Raises:
        InvalidInputError: it is no number above zero.
    """
    try:
        typed = money.read(text.strip())
    except (InvalidOperation, ArithmeticError):
        message = f"{text!r} is not an amount: write it in major units, as in 250.00"
        raise InvalidInputError(message) from None
    if not typed.is_finite() or typed <= 0:
        message = f"the amount {text} is not above zero: write it in major units, as in 250.00"
        raise InvalidInputError(message)
    return money.amount(typed)
