"""Exact money: which amounts are accepted, how they are rounded and written, and that no surroundings change them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import (
    ROUND_DOWN,
    ROUND_UP,
    Clamped,
    Context,
    Decimal,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
    Subnormal,
    Underflow,
    localcontext,
)
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base import money
from dollr_async.base.errors import InvalidInputError
from dollr_async.resources.documents import NewLineItem
from dollr_async.resources.sessions import NewRefundSession
from dollr_async.resources.status import SourceState
from dollr_async.wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Odd: TypeAlias = Any
"""Any value that a caller may pass, right or wrong."""


def _refused(call: Callable[[], object], shown: str) -> str:
    with pytest.raises(InvalidInputError, match=re.escape(shown)) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    "given_", [Decimal("250.00"), Decimal("0.01"), Decimal("0.10"), 1, 250, 10**17, Decimal("1E-30")]
)
def test_an_amount_is_kept_as_it_is_written(given_: Decimal | int) -> None:
    assert str(money.amount(given_)) == str(Decimal(given_))


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        (250.0, 'is a float, which cannot hold every cent: write Decimal("250.0")'),
        (0.1, 'write Decimal("0.1")'),
        (math.nan, 'write Decimal("250.00")'),
        (math.inf, 'write Decimal("250.00")'),
        ("250.00", 'is of type str: write a Decimal in major units, as in Decimal("250.00")'),
        ("12.5", 'as in Decimal("12.5")'),
        (None, 'is of type NoneType: write a Decimal in major units, as in Decimal("250.00")'),
        (True, "is of type bool"),
        ([], "is of type list"),
        (0, "is not above zero"),
        (-1, "is not above zero"),
        (Decimal(0), "is not above zero"),
        (Decimal("-0.01"), "is not above zero"),
        (Decimal("NaN"), "is not above zero"),
        (Decimal("Infinity"), "is not above zero"),
        (10**18, "amount 1000000000000000000 has more than 18 digits"),
        pytest.param(10**5000, "has more than 18 digits", id="10**5000"),
        (Decimal("1E+18"), "has more than 18 digits"),
        (Decimal("1E+999999"), "has more than 18 digits"),
        (Decimal("1.2345678901234567890"), "amount 1.2345678901234567890 has more than 18 digits"),
    ],
)
def test_anything_but_an_amount_is_refused(given_: Odd, shown: str) -> None:
    assert len(_refused(lambda: money.amount(given_), shown)) < 200
    _refused(lambda: money.amount_in(given_, "USD"), shown)


@pytest.mark.parametrize(
    ("given_", "currency", "taken"),
    [
        (Decimal("250.00"), "USD", "250.00"),
        (Decimal("250.1"), "USD", "250.1"),
        (Decimal("0.01"), "LRD", "0.01"),
        (250, "USD", "250"),
        (Decimal("250.000"), "USD", "250.00"),
        (Decimal("2.5E+2"), "USD", "250"),
        (Decimal("1000.00"), "RWF", "1000"),
        (1, "RWF", "1"),
        (Decimal("1.25"), "XYZ", "1.25"),
    ],
)
def test_an_amount_fits_its_currency(given_: Decimal | int, currency: str, taken: str) -> None:
    assert str(money.amount_in(given_, currency)) == taken


@pytest.mark.parametrize(
    ("given_", "currency", "shown"),
    [
        (Decimal("0.001"), "USD", 'the smallest unit of USD (2 decimals): write Decimal("0.01")'),
        (Decimal("250.005"), "USD", 'write Decimal("250.01")'),
        (Decimal("1E-30"), "LRD", 'write Decimal("0.01")'),
        (Decimal("0.4"), "RWF", 'the smallest unit of RWF (no decimals): write Decimal("1")'),
        (Decimal("1000.50"), "RWF", 'write Decimal("1001")'),
    ],
)
def test_an_amount_that_its_currency_cannot_hold_is_refused(given_: Decimal, currency: str, shown: str) -> None:
    _refused(lambda: money.amount_in(given_, currency), shown)


_CENTS = st.integers(min_value=1, max_value=10**17)


@given(_CENTS, st.sampled_from(["USD", "LRD", "RWF", "XYZ"]))
def test_every_whole_number_of_smallest_units_is_an_amount(units: int, currency: str) -> None:
    amount = Decimal(units).scaleb(-money.decimals_of(currency))
    assert money.amount_in(amount, currency) == amount
    assert money.rounded(amount, currency) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(["USD", "RWF"]))
def test_rounding_changes_an_amount_by_half_a_unit_at_most(amount: Decimal, currency: str) -> None:
    near = money.rounded(amount, currency)
    assert near == amount or abs(near - amount) <= Decimal("0.5").scaleb(-money.decimals_of(currency))


@pytest.mark.parametrize(
    ("given_", "currency", "taken"),
    [("0.005", "USD", "0.01"), ("0.0049", "USD", "0.00"), ("0.5", "RWF", "1"), ("-0.005", "USD", "-0.01"),
     ("1E+999", "USD", "1E+999"), ("Infinity", "USD", "Infinity")],
)  # fmt: skip
def test_amounts_are_rounded_half_up(given_: str, currency: str, taken: str) -> None:
    assert str(money.rounded(Decimal(given_), currency)) == taken


@pytest.mark.parametrize("written", ["1E+3", "1.0E+3", "10E+2", "1E3"])
def test_an_exponent_is_written_out(written: str) -> None:
    assert str(money.amount(Decimal(written))) == "1000"
    assert str(money.amount_in(Decimal(written), "USD")) == "1000"


@pytest.mark.parametrize(
    ("written", "plain"),
    [("250", "250"), ("250.0", "250"), ("250.10", "250.1"), ("2.5E+2", "250"), ("0E-8", "0"), ("1E-8", "0.00000001")],
)
def test_equal_amounts_have_one_plain_text(written: str, plain: str) -> None:
    assert money.plain_text(Decimal(written)) == plain


# Surroundings

_HOSTILE = [
    Context(prec=1, rounding=ROUND_UP, traps=[]),
    Context(prec=6, rounding=ROUND_DOWN, capitals=0, Emin=-3, Emax=3, clamp=1),
    Context(
        prec=3, traps=[Inexact, Rounded, Subnormal, Overflow, Underflow, Clamped, InvalidOperation, FloatOperation]
    ),
]


@pytest.fixture(params=_HOSTILE, ids=["one digit", "six digits", "traps"])
def surroundings(request: pytest.FixtureRequest) -> Iterator[None]:
    with localcontext(request.param):
        yield


@pytest.mark.usefixtures("surroundings")
def test_money_knows_no_surroundings() -> None:
    amount = Decimal("1234567.89")
    assert money.amount(amount) == amount
    assert str(money.amount(Decimal("1.234567E+9"))) == "1234567000"
    assert str(money.amount_in(Decimal("1234567.890"), "USD")) == "1234567.89"
    assert money.rounded(Decimal("1234567.885"), "USD") == amount
    assert money.times(amount, 3) == Decimal("3703703.67")
    assert money.plus(amount, Decimal("0.02")) == Decimal("1234567.91")
    assert money.plain_text(Decimal("1234567.890")) == "1234567.89"
    assert money.plain_text(Decimal("1234568.11")) != money.plain_text(amount)
    assert money.read("12345678901234567890.123456789") == Decimal("12345678901234567890.123456789")
    assert len({hash(amount), hash(Decimal("1234567.890"))}) == 1
    _refused(lambda: money.amount_in(Decimal("1234567.891"), "USD"), "is not a whole number of the smallest unit")
    _refused(lambda: money.amount(Decimal(1234567890123456789)), "has more than 18 digits")
    _refused(lambda: money.amount(Decimal("-1234567.89")), "is not above zero")


@pytest.mark.usefixtures("surroundings")
def test_answers_and_bodies_know_no_surroundings() -> None:
    source = (
        b'{"source_id": 1, "source_type": "INVOICE", "source_number": "INV-1", "status": "PAID", "currency": "USD", '
    )
    state = codec.decode(source + b'"total_amount": 1234567.89}', SourceState)
    assert str(state.total_amount) == "1234567.89"
    assert str(codec.decode(source + b'"total_amount": "1234567.89"}', SourceState).total_amount) == "1234567.89"
    assert codec.decode(source + b'"total_amount": "0E-8"}', SourceState).total_amount == 0
    item = NewLineItem(name="Rice", currency="USD", amount=Decimal("1234567.89"))
    assert b'"amount":1234567.89' in codec.encode(item).replace(b" ", b"")
    refund = NewRefundSession(original_payment_intent_id=7, amount=Decimal("1E+3"), expires_at=datetime.now(UTC))
    assert b'"amount":1000,' in codec.encode(refund).replace(b" ", b"")
