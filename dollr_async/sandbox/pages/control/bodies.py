"""The bodies and parameters that `/__control` takes, as data; fields that are not listed are ignored."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

import attrs

from dollr_async.sandbox.api.operations import OPERATIONS
from dollr_async.sandbox.pages.actions import DECLINED, LONGEST_LATENCY, LONGEST_SKIP, LONGEST_TOKEN
from dollr_async.sandbox.requests.fields import Flag, Invalid, Quantity, Rule, Text, integer_in_text, matching, one_of

OPERATION_IDS = ("*", *(operation.id for operation in OPERATIONS))
_MOST = 1000
_LONGEST_TEXT = 200


def _number(least: float, most: float, *, above: bool = False) -> Callable[[object], float]:
    """Make the rule for a JSON number between two bounds."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise Invalid("float_type", "Input should be a valid number")
        if not (least < value if above else least <= value) or value > most:
            raise Invalid("out_of_range", f"Input should be from {least:g} to {most:g}")
        return float(value)

    return check


def _limit(value: object) -> int:
    number = integer_in_text(value)
    if not 1 <= number <= _MOST:
        raise Invalid("out_of_range", f"Input should be from 1 to {_MOST}")
    return number


def _position(value: object) -> int:
    number = integer_in_text(value)
    if number < 0:
        raise Invalid("greater_than_equal", "Input should be greater than or equal to 0")
    return number


def _message(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_TEXT:
        raise Invalid("string_type", f"Input should be a text of 1 to {_LONGEST_TEXT} characters")
    return value


_Operation = Annotated[str, Rule(one_of(*OPERATION_IDS))]
_Status = Annotated[str, Rule(one_of("PENDING", "PROCESSING", "COMPLETED", "FAILED"))]
_Phone = Annotated[str, Rule(matching(r"^[1-9]\d{7,14}$"))]


@attrs.frozen(kw_only=True)
class ReferencePath:
    """A path with a payment's reference."""

    reference: Text


@attrs.frozen(kw_only=True)
class PhonePath:
    """A path with a phone."""

    phone: _Phone


@attrs.frozen(kw_only=True)
class PaymentFilter:
    """Which payments are listed."""

    status: _Status | None = None
    limit: Annotated[int, Rule(_limit)] = 100


@attrs.frozen(kw_only=True)
class RequestFilter:
    """Which requests are listed: those after a number, of one operation."""

    after: Annotated[int, Rule(_position)] = 0
    operation: _Operation = "*"
    limit: Annotated[int, Rule(_limit)] = 100


@attrs.frozen(kw_only=True)
class SessionFilter:
    """How many sessions are listed."""

    limit: Annotated[int, Rule(_limit)] = 100


@attrs.frozen(kw_only=True)
class OperationFilter:
    """One operation, or all for `*`."""

    operation: _Operation = "*"


@attrs.frozen(kw_only=True)
class Decline:
    """Why a payment is declined."""

    message: Annotated[str, Rule(_message)] = DECLINED


@attrs.frozen(kw_only=True)
class NewFault:
    """A fault for the next `times` requests of an operation, or for all of them with `always`."""

    operation: _Operation
    fault: Text
    times: Quantity = 1
    always: Flag = False
    chance: Annotated[float, Rule(_number(0, 1, above=True))] = 1.0


@attrs.frozen(kw_only=True)
class Latency:
    """How long each answer of an operation takes."""

    seconds: Annotated[float, Rule(_number(0, LONGEST_LATENCY))]
    operation: _Operation = "*"


@attrs.frozen(kw_only=True)
class Skip:
    """How many seconds the clock skips."""

    seconds: Annotated[float, Rule(_number(0, LONGEST_SKIP))]


@attrs.frozen(kw_only=True)
class TokenLifetime:
    """How long later tokens live."""

    minutes: Annotated[float, Rule(_number(0, LONGEST_TOKEN))]


@attrs.frozen(kw_only=True)
class ByHand:
    """Whether a person answers."""

    by_hand: Flag
