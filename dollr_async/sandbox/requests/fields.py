"""The kinds of field in requests, each with the check that turns a raw value into a clean one."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import attrs

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII)
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_SMALLEST = Decimal("0.01")
_LARGEST = Decimal(1_000_000_000_000)
_MOST_DECIMALS = 8


class Invalid(Exception):  # noqa: N818 - never leaves this package; it names what the value is
    """One field breaks its rule; `kind` and `message` are pydantic's words for it."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep pydantic's error type and its message."""
        super().__init__(message)
        self.kind = kind
        self.message = message


@attrs.frozen
class Rule:
    """What turns a raw value into a clean one, or raises `Invalid`."""

    check: Callable[[object], object]


@attrs.frozen
class AtLeast:
    """How many entries a list must have at least."""

    length: int


def text(value: object) -> str:
    """Any string."""
    if not isinstance(value, str):
        raise Invalid("string_type", "Input should be a valid string")
    return value


def matching(pattern: str) -> Callable[[object], str]:
    """Make the rule for a string that matches `pattern` from end to end."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        if not compiled.fullmatch(text(value)):
            raise Invalid("string_pattern_mismatch", f"String should match pattern '{pattern}'")
        return text(value)

    return check


def one_of(*words: str) -> Callable[[object], str]:
    """Make the rule for a string that is one of `words`."""
    quoted = [f"'{word}'" for word in words]
    listed = " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise Invalid("enum", f"Input should be {listed}")
        return value

    return check


def integer(value: object) -> int:
    """A JSON integer; a string of digits is refused."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < _LARGEST and value == int(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid("int_type", "Input should be a valid integer")
    return value


def quantity(value: object) -> int:
    """A JSON integer from 1 to a million."""
    number = integer(value)
    if number < 1:
        raise Invalid("greater_than_equal", "Input should be greater than or equal to 1")
    if number > 10**6:
        raise Invalid("less_than_equal", "Input should be less than or equal to 1000000")
    return number


def integer_in_text(value: object) -> int:
    """An integer written in a path or a query."""
    if not _INTEGER.fullmatch(text(value)):
        raise Invalid("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
    return int(text(value))


def flag(value: object) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise Invalid("bool_type", "Input should be a valid boolean")
    return value


def money(value: object) -> Decimal:
    """A JSON number of at least 0.01; money as a string is refused."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Invalid("decimal_type", "Input should be a valid number")
    amount = Decimal(value)
    if not amount.is_finite():
        raise Invalid("finite_number", "Input should be a finite number")
    if amount < _SMALLEST:
        raise Invalid("greater_than_equal", "Input should be greater than or equal to 0.01")
    if amount > _LARGEST:
        raise Invalid("less_than_equal", f"Input should be less than or equal to {_LARGEST}")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _MOST_DECIMALS:
        raise Invalid("decimal_max_places", f"Input should have no more than {_MOST_DECIMALS} decimal places")
    return amount


def money_in_text(value: object) -> Decimal:
    """An amount written in a query."""
    try:
        amount = Decimal(text(value))
    except InvalidOperation:
        raise Invalid("decimal_parsing", "Input should be a valid decimal") from None
    return money(amount)


def reference(value: object) -> str:
    """A version-4 UUID, returned in lower case with its hyphens."""
    candidate = text(value).lower()
    if not _UUID.fullmatch(candidate):
        raise Invalid("uuid_parsing", "Input should be a valid UUID")
    if not _UUID4.fullmatch(candidate):
        raise Invalid("uuid_version", "UUID version 4 expected")
    return candidate


def date_time(value: object) -> datetime:
    """A date and time in ISO 8601, returned timezone-aware; one without an offset is read as UTC."""
    candidate = text(value)
    refused = Invalid("datetime_parsing", "Input should be a valid datetime")
    if "T" not in candidate.upper():
        raise refused
    try:
        parsed = datetime.fromisoformat(candidate)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused from None


def three_letters(value: object) -> str:
    """A currency of three letters, returned in upper case."""
    return matching_currency(value).upper()


matching_currency = matching(r"^[A-Za-z]{3}$")

Text = Annotated[str, Rule(text)]
Phone = Annotated[str, Rule(matching(r"^[1-9]\d{7,14}$"))]
Country = Annotated[str, Rule(matching(r"^[A-Za-z]{2}$"))]
AccountCountry = Annotated[str, Rule(matching(r"^[A-Za-z]{2,3}$"))]
Currency = Annotated[str, Rule(three_letters)]
QueryCurrency = Annotated[str, Rule(matching(r"^[A-Z]{3}$"))]
Integer = Annotated[int, Rule(integer)]
Quantity = Annotated[int, Rule(quantity)]
TextInteger = Annotated[int, Rule(integer_in_text)]
Flag = Annotated[bool, Rule(flag)]
Money = Annotated[Decimal, Rule(money)]
TextMoney = Annotated[Decimal, Rule(money_in_text)]
Reference = Annotated[str, Rule(reference)]
DateTime = Annotated[datetime, Rule(date_time)]

CheckoutMode = Annotated[str, Rule(one_of("HOSTED", "DIRECT"))]
DocumentType = Annotated[str, Rule(one_of("INVOICE", "ORDER"))]
OperationType = Annotated[str, Rule(one_of("COLLECTION", "PAYOUT", "TRANSFER", "REFUND"))]
SourceType = Annotated[str, Rule(one_of("INVOICE", "ORDER", "SUBSCRIPTION"))]
SourceStatus = Annotated[str, Rule(one_of("IDLE", "ACTIVE", "PROCESSING", "PAID", "CANCELED"))]
OwnerType = Annotated[str, Rule(one_of("USER", "MICRO_ORGANIZATION", "ORGANIZATION"))]
MerchantType = Annotated[str, Rule(one_of("MICRO_ORGANIZATION", "ORGANIZATION"))]
FeeBearer = Annotated[str, Rule(one_of("PAYER", "PAYEE"))]
Relationship = Annotated[
    str,
    Rule(
        one_of(
            "CUSTOMER",
            "SUPPLIER",
            "EMPLOYEE",
            "BENEFICIARY",
            "FRIEND",
            "FAMILY",
            "DONOR",
            "DONEE",
            "CONTACT",
            "SERVICE_PROVIDER",
            "PARTNER",
            "SELF",
        ),
    ),
]
Method = Annotated[
    str,
    Rule(
        one_of(
            "MTN_MOMO_LBR",
            "ORANGE_MONEY_LBR",
            "AIRTEL_RWA",
            "MTN_MOMO_RWA",
            "ORANGE_MONEY_RWA",
            "CREDIT_CARD",
            "WALLET",
        ),
    ),
]
Provider = Annotated[str, Rule(one_of("MTN_MOMO_LBR", "ORANGE_MONEY_LBR", "PAWAPAY", "STRIPE", "PLATFORM"))]
