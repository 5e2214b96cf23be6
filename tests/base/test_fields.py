"""The values that callers pass: which are accepted, how they are sent, and what the error of a refused one says."""

from __future__ import annotations

import copy
import math
import pickle
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID, uuid3, uuid5

import attrs
import pytest

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

Odd: TypeAlias = Any
"""Any value that a caller may pass, right or wrong."""

_REFERENCE = UUID("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")
_ODD: list[Any] = [None, True, 1.5, b"231771234567", [], {}, object()]


def _refused(call: Callable[[], object], shown: str) -> str:
    with pytest.raises(InvalidInputError, match=re.escape(shown)) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


# Currencies and countries


@pytest.mark.parametrize("given_", ["USD", "usd", " Usd "])
def test_a_currency_is_three_letters(given_: str) -> None:
    assert fields.currency_code(given_) == "USD"


@pytest.mark.parametrize("given_", ["", "US", "USDT", "U$D", "840", "U D", "\uff35\uff33\uff24", "usd\nx", *_ODD])
def test_anything_but_a_currency_is_refused(given_: Odd) -> None:
    _refused(lambda: fields.currency_code(given_), "write three letters, as in 'USD', 'LRD' or 'RWF'")


@pytest.mark.parametrize(("given_", "taken"), [("LR", "LR"), ("lr", "LR"), (" rw ", "RW"), (None, None)])
def test_a_country_is_two_letters(given_: str | None, taken: str | None) -> None:
    assert fields.country(given_) == taken


@pytest.mark.parametrize("given_", ["", "L", "LBR", "L1", "231", *_ODD[1:]])
def test_anything_but_a_country_is_refused(given_: Odd) -> None:
    _refused(lambda: fields.country(given_), "write two letters, as in 'LR' or 'RW'")


# References and ids


@pytest.mark.parametrize(
    "given_",
    [_REFERENCE, str(_REFERENCE), str(_REFERENCE).upper(), _REFERENCE.hex, f"{{{_REFERENCE}}}", _REFERENCE.urn],
)
def test_a_reference_is_a_version_4_uuid(given_: UUID | str) -> None:
    assert fields.reference(given_) == _REFERENCE
    assert fields.reference_text(given_) == str(_REFERENCE)


@pytest.mark.parametrize(
    "given_",
    [
        UUID("bdfcb876-e7b3-11f1-bb06-02fc00000001"),
        uuid3(UUID(int=1), "a"),
        uuid5(UUID(int=1), "a"),
        UUID(int=0),
        "bdfcb876-e7b3-11f1-bb06-02fc00000001",
        "",
        "order-1",
        "2961c038-a74d-4a6a-9525-474227d2ff50x",
        "x" * 5000,
        7,
        *_ODD,
    ],
)
def test_anything_but_a_version_4_uuid_is_refused(given_: Odd) -> None:
    assert len(_refused(lambda: fields.reference(given_), "make one with uuid.uuid4()")) < 200


@pytest.mark.parametrize(("given_", "taken"), [(310, 310), ("310", 310), ("007", 7), (10**19 - 1, 10**19 - 1)])
def test_an_id_is_a_whole_number_or_its_digits(given_: int | str, taken: int) -> None:
    assert fields.identifier(given_) == fields.optional_identifier(given_) == taken
    assert fields.identifier_text(given_) == str(taken)


@pytest.mark.parametrize(
    "given_",
    [0, -5, "0", "-5", "", " 5", "5.0", "five", "٣", "²", "9" * 20, "9" * 5000, 10**19, "../1", *_ODD],
)
def test_anything_but_an_id_is_refused(given_: Odd) -> None:
    assert len(_refused(lambda: fields.identifier(given_), "write the whole number that the API gave, as in 310")) < 200


def test_an_integer_too_long_for_python_to_print_is_refused() -> None:
    endless: Odd = 10**5000
    _refused(lambda: fields.identifier(endless), "an integer beyond 1e308 is not an id")
    _refused(lambda: _Form(qty=endless), "an integer beyond 1e308 is not a quantity")


def test_none_is_accepted_where_an_id_is_optional() -> None:
    assert fields.optional_identifier(None) is None


# Words, times and numbers


@pytest.mark.parametrize("given_", ["PAYOUT", "payout", " Payout ", ExecutionKind.PAYOUT])
def test_an_enum_member_may_be_named_in_any_case(given_: str) -> None:
    assert fields.enum_member(ExecutionKind, given_) is ExecutionKind.PAYOUT


@pytest.mark.parametrize("given_", ["", "GIFT", *_ODD])
def test_an_unknown_enum_member_is_refused(given_: Odd) -> None:
    _refused(lambda: fields.enum_member(ExecutionKind, given_), "use one of COLLECTION, PAYOUT, TRANSFER, REFUND")


class _NoOffset(tzinfo):
    def utcoffset(self, dt: datetime | None) -> None:
        return None

    def dst(self, dt: datetime | None) -> None:
        return None

    def tzname(self, dt: datetime | None) -> None:
        return None


def test_a_time_is_sent_in_utc() -> None:
    east = datetime(2026, 7, 31, 14, tzinfo=timezone(timedelta(hours=2)))
    assert fields.utc_time(east) == datetime(2026, 7, 31, 12, tzinfo=UTC)
    assert fields.utc_time(None) is None


@pytest.mark.parametrize(
    "given_", [datetime(2026, 7, 31), datetime(2026, 7, 31, tzinfo=_NoOffset()), "2026-07-31", 0]  # noqa: DTZ001 - naive on purpose
)  # fmt: skip
def test_a_time_without_a_zone_is_refused(given_: Odd) -> None:
    _refused(lambda: fields.utc_time(given_), "has no time zone: write a timezone-aware time, as in")


def test_a_time_in_the_last_year_that_python_has_is_accepted() -> None:
    assert fields.utc_time(datetime(9999, 12, 31, tzinfo=UTC)) == datetime(9999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(("year", "month", "day", "hours"), [(1, 1, 1, 12), (9999, 12, 31, -23)])
def test_a_time_outside_the_range_of_utc_is_refused(year: int, month: int, day: int, hours: int) -> None:
    given_ = datetime(year, month, day, 2, tzinfo=timezone(timedelta(hours=hours)))
    _refused(lambda: fields.utc_time(given_), "is outside the range of UTC times: write a timezone-aware time")


@pytest.mark.parametrize("given_", [1, 0.5, 1e9])
def test_a_number_of_seconds_is_above_zero(given_: float) -> None:
    assert fields.seconds("timeout", given_) == given_


@pytest.mark.parametrize("given_", [0, -1, math.nan, math.inf, None, True, "30", 10**400])
def test_anything_but_a_number_of_seconds_above_zero_is_refused(given_: Odd) -> None:
    _refused(lambda: fields.seconds("timeout", given_), "timeout must be a number of seconds above 0")


@attrs.frozen(kw_only=True)
class _Form:
    text: str = attrs.field(default="a", validator=fields.text)
    any_text: str = attrs.field(default="", validator=fields.any_text)
    optional_text: str | None = attrs.field(default=None, validator=fields.optional_text)
    qty: int = attrs.field(default=1, validator=fields.quantity)
    flag: bool = attrs.field(default=True, validator=fields.flag)
    from_zero: float = attrs.field(default=0.0, validator=fields.Number(from_=0, below=1))
    above_zero: float | None = attrs.field(default=None, validator=fields.Number(above=0, optional=True))
    any_number: float = attrs.field(default=0.0, validator=fields.Number())


_TEXTS = ("text", "any_text", "optional_text")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "é😀") for name in _TEXTS),
        ("any_text", ""),
        ("optional_text", ""),
        ("optional_text", None),
        ("qty", 10**9),
        ("flag", False),
        ("from_zero", 0),
        ("from_zero", 0.999),
        ("above_zero", None),
        ("above_zero", 0.001),
        ("any_number", -5),
    ],
)
def test_a_validator_accepts_a_right_value(name: str, value: Odd) -> None:
    assert getattr(_Form(**{name: value}), name) == value


@pytest.mark.parametrize("name", _TEXTS)
@pytest.mark.parametrize(
    ("given_", "kept"), [("  Amara Kamara\n", "Amara Kamara"), (" Zoe\u0301 ", "Zo\u00e9"), ("a  b", "a  b")]
)
def test_text_is_kept_as_it_is_sent_and_compared(name: str, given_: Odd, kept: str) -> None:
    assert getattr(_Form(**{name: given_}), name) == kept


@pytest.mark.parametrize("value", ["LR", "lr", "LBR", "lbr", None])
def test_the_country_of_an_account_is_two_or_three_letters_as_given(value: str | None) -> None:
    assert fields.account_country(value) == value


@pytest.mark.parametrize("value", ["", "L", "LBRX", "L1", " LR", 7])
def test_anything_but_the_country_of_an_account_is_refused(value: Odd) -> None:
    _refused(lambda: fields.account_country(value), "write two or three letters, as in 'LR' or 'LBR'")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("text", "", "text must be text with at least one character"),
        ("text", " \n", "text must be text with at least one character"),
        ("text", None, "text must be text"),
        ("text", 7, "text must be text"),
        ("any_text", None, "any_text must be text, not NoneType"),
        ("optional_text", 7, "optional_text must be text, not int"),
        *((name, "a\ud800", f"{name} has a character that cannot be sent") for name in _TEXTS),
        *((name, "a\x00b", f"{name} has a control character ('\\x00') at position 1: remove it") for name in _TEXTS),
        *((name, "é\nb", f"{name} has a control character ('\\n') at position 1: remove it") for name in _TEXTS),
        *(("qty", value, "write a whole number from 1 up") for value in (0, -1, 1.0, True, "2", None, 10**9 + 1)),
        *(("flag", value, "flag must be True or False") for value in (0, 1, "yes", None)),
        *(
            ("from_zero", value, "from_zero must be a number from 0 up and below 1")
            for value in (-0.1, 1, math.nan, math.inf, "0", None, True)
        ),
        *(("above_zero", value, "above_zero must be a number above 0") for value in (0, -1, math.nan, math.inf, "1")),
        ("any_number", "1", "any_number must be a number"),
        ("any_number", math.nan, "any_number must be a number"),
    ],
)  # fmt: skip
def test_a_validator_refuses_a_wrong_value(name: str, value: Odd, shown: str) -> None:
    _refused(lambda: _Form(**{name: value}), shown)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("digits", [309, 5_000])
def test_an_integer_that_no_float_can_hold_is_refused_and_not_printed(sign: int, digits: int) -> None:
    beyond = sign * 10**digits
    _refused(lambda: _Form(above_zero=beyond), "above_zero must be a number above 0, not an integer beyond 1e308")
    _refused(lambda: fields.seconds("timeout", beyond), "number of seconds above 0, not an integer beyond 1e308")
    assert _Form(any_number=sign * 10**308).any_number == sign * 10**308


# Secrets


def test_a_secret_is_sent_and_never_shown() -> None:
    secret = fields.Secret("s3cr3t")
    assert secret.reveal() == "s3cr3t"
    assert (str(secret), repr(secret), f"{[secret]}") == ("***", "Secret('***')", "[Secret('***')]")
    assert secret == fields.Secret("s3cr3t") != fields.Secret("other")
    assert copy.copy(secret) == pickle.loads(pickle.dumps(secret)) == secret  # noqa: S301 - our own bytes
