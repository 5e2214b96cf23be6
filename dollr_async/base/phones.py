"""Phone numbers as people type them, in the form that the API wants: 8 to 15 digits with the country code."""

from __future__ import annotations

import re
import unicodedata

from dollr_async.base.errors import InvalidInputError

_PHONE = re.compile(r"[1-9]\d{7,14}", re.ASCII)
_PUNCTUATION = frozenset("().-/")
# Spaces of every width, dashes of every length, and the invisible marks of direction that a copied number brings along.
_IGNORED_CATEGORIES = frozenset({"Zs", "Pd", "Cf"})
_TRUNK_PREFIX_IN_BRACKETS = "(0)"
_LONGEST_WITHOUT_COUNTRY_CODE = 9

_CALLING_CODES = {"LR": "231", "RW": "250"}
_LENGTHS = {"LR": range(7, 10), "RW": range(9, 10)}
"""How many digits a number has after the 0 that people dial inside the country."""


def phone_number(value: str, country_code: str | None = None) -> str:
    """Return a phone number as the API wants it.

    Spaces, dashes, dots, brackets, marks of direction, one leading plus sign and a "(0)" are removed. With a
    `country_code` of LR or RW, a number as it is dialled inside the country ("0771234567") gets its calling code. Any
    other local number is refused, since its country cannot be guessed.
    """
    if not isinstance(value, str):
        raise InvalidInputError(_message(value))
    if value.isascii() and value.isdecimal() and len(value) > _LONGEST_WITHOUT_COUNTRY_CODE and value[0] != "0":
        digits, is_marked = value, False
    else:
        cleaned = _cleaned(value)
        is_marked = cleaned.startswith("+")
        digits = cleaned.removeprefix("+")
    digits = _with_calling_code(digits, country_code)
    if not _PHONE.fullmatch(digits) or (len(digits) <= _LONGEST_WITHOUT_COUNTRY_CODE and not is_marked):
        raise InvalidInputError(_message(value))
    return digits


def optional_phone(value: str | None) -> str | None:
    """Return a phone number as the API wants it, or None for None."""
    return None if value is None else phone_number(value)


def _cleaned(value: str) -> str:
    kept = "".join(character for character in value if unicodedata.category(character) not in _IGNORED_CATEGORIES)
    code, bracketed, rest = kept.strip().partition(_TRUNK_PREFIX_IN_BRACKETS)
    if any(character.isdecimal() for character in code):
        bracketed = ""  # after a country code it says what is dialled inside the country, and is no digit of the number
    return "".join(character for character in code + bracketed + rest if character not in _PUNCTUATION)


def _with_calling_code(digits: str, country_code: str | None) -> str:
    calling_code = _CALLING_CODES.get(country_code or "")
    if calling_code is None or not digits.startswith("0") or digits.startswith("00"):
        return digits
    return calling_code + digits[1:] if len(digits) - 1 in _LENGTHS[country_code or ""] else digits


def _message(value: object) -> str:
    shown = f"{value[:1]}… ({len(value)} characters)" if isinstance(value, str) else type(value).__name__
    return (
        f"phone {shown} is not an international number: write the country code and the number, digits only and "
        "without a leading 0, as in '231771234567'"
    )
