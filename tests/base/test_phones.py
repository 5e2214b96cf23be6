"""Phone numbers as people type them: which are accepted, how they are sent, and what a refusal says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base import phones
from dollr_async.base.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

Odd: TypeAlias = Any
"""Any value that a caller may pass, right or wrong."""

_ODD: list[Any] = [None, True, 1.5, b"231771234567", [], {}, object()]


def _refused(call: Callable[[], object], shown: str) -> str:
    with pytest.raises(InvalidInputError, match=re.escape(shown)) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given_", "taken"),
    [
        ("231771234567", "231771234567"),
        ("+231771234567", "231771234567"),
        ("  +231 77 123 45 67 ", "231771234567"),
        ("+231-77-123-4567", "231771234567"),
        ("+231 (77) 123.4567", "231771234567"),
        ("+231\u00a0771\u00a0234567", "231771234567"),
        ("+231 (0)77 123 4567", "231771234567"),
        ("231(0)771234567", "231771234567"),
        ("\u200e+231 77\u202f123\u20114567\u202c", "231771234567"),
        ("231/77/1234567", "231771234567"),
        ("+12345678", "12345678"),
        ("123456789012345", "123456789012345"),
    ],
)
def test_a_phone_is_sent_as_digits(given_: str, taken: str) -> None:
    assert phones.phone_number(given_) == taken
    assert phones.optional_phone(given_) == taken


@pytest.mark.parametrize(
    "given_",
    [
        "",
        "   ",
        "+",
        "1234567",
        "+1234567",
        "12345678",
        "771234567",
        "1234567890123456",
        "0771234567",
        "+0771234567",
        "00231771234567",
        "++231771234567",
        "231771234567x",
        "231771234567#1",
        "phone",
        "٢٣١٧٧١٢٣٤٥٦٧",
        "\uff12\uff13\uff11771234567",
        "231771234567\n231771234567",
        231771234567,
        *_ODD,
    ],
)
def test_anything_but_an_international_phone_is_refused(given_: Odd) -> None:
    _refused(lambda: phones.phone_number(given_), "as in '231771234567'")


def test_the_error_names_the_type_of_what_is_not_a_phone() -> None:
    number: Odd = 231886123456
    _refused(lambda: phones.phone_number(number), "phone int is not")


@pytest.mark.parametrize("given_", ["0886123456", "886123", "+0886123456", "231886123456x"])
def test_the_error_does_not_show_the_phone(given_: str) -> None:
    assert "886123" not in _refused(lambda: phones.phone_number(given_), f"{len(given_)} characters")


@pytest.mark.parametrize(
    ("given_", "country"),
    [
        *(("771234567", "LR"), ("77123456", "LR"), ("788123456", "RW"), ("0771234567", "US"), ("0771234567", None)),
        *(("078812345", "RW"), ("07881234567", "RW"), ("00231771234567", "LR"), ("0231771234567", "LR"), ("0", "LR")),
    ],
)
def test_a_local_number_is_refused_where_its_country_would_be_a_guess(given_: str, country: str | None) -> None:
    _refused(lambda: phones.phone_number(given_, country), "write the country code and the number")


@pytest.mark.parametrize(
    ("given_", "country"),
    [
        ("231771234567", "LR"),
        ("+250788123456", "RW"),
        ("250788123456", "LR"),
        ("+23177123", "LR"),
        ("1771234567", None),
    ],
)
def test_an_international_number_of_any_country_is_accepted(given_: str, country: str | None) -> None:
    assert phones.phone_number(given_, country) == given_.removeprefix("+")


@pytest.mark.parametrize(
    ("given_", "country", "taken"),
    [
        ("0771234567", "LR", "231771234567"),
        ("(0)77 123 4567", "LR", "231771234567"),
        (" 077-123-4567 ", "LR", "231771234567"),
        ("0886123", "LR", None),
        ("04123456", "LR", "2314123456"),
        ("0788123456", "RW", "250788123456"),
    ],
)
def test_a_number_as_it_is_dialled_inside_a_known_country_gets_its_calling_code(
    given_: str, country: str, taken: str | None
) -> None:
    if taken is None:
        _refused(lambda: phones.phone_number(given_, country), "write the country code and the number")
    else:
        assert phones.phone_number(given_, country) == taken


@given(st.text(max_size=20))
def test_any_text_is_accepted_as_a_phone_or_refused(given_: str) -> None:
    try:
        digits = phones.phone_number(given_)
    except InvalidInputError:
        return
    assert re.fullmatch(r"[1-9][0-9]{7,14}", digits)


def test_none_is_accepted_where_a_phone_is_optional() -> None:
    assert phones.optional_phone(None) is None
