"""The terms of a collection as JSON, as a job holds them, and back."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dollr_async.base.errors import InvalidInputError
from dollr_async.client import DollrClient
from dollr_async.flows.arguments import (
    Card,
    KnownPayer,
    KnownSource,
    LineItem,
    MobileMoney,
    Payer,
    SavedAccount,
    plain_values,
)
from dollr_async.flows.terms import Terms

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.base.record import Record

_ARGUMENTS = (Payer, KnownPayer, LineItem, MobileMoney, Card, SavedAccount, KnownSource)
_CLASSES: dict[str, type[Record]] = {kind.__name__: kind for kind in _ARGUMENTS}
_CLASS = "is"
_AMOUNTS = ("amount", "expected_total")
_DEFAULTS = {
    name: None if parameter.default is inspect.Parameter.empty else parameter.default
    for name, parameter in inspect.signature(DollrClient.collect).parameters.items()
    if name not in {"self", "reference_id"}
}


def encoded(terms: dict[str, Any], reference_id: UUID) -> dict[str, Any]:
    """Return the keywords of `DollrClient.collect` as plain JSON.

    Raises:
        InvalidInputError: `collect` has no such keyword, would refuse the terms, or a value is neither plain JSON nor
            one of the classes that `collect` takes.
    """
    unknown = sorted(set(terms) - set(_DEFAULTS))
    if unknown:
        sentence = f"collect() has no keyword {unknown[0]}: it takes {', '.join(_DEFAULTS)} and reference_id"
        raise InvalidInputError(sentence)
    values = {name: _plain(name, value) for name, value in terms.items()}
    _check(decoded(values), reference_id)
    return values


def decoded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of `DollrClient.collect` that a job holds."""
    return {name: _object(value) for name, value in values.items()}


def _plain(name: str, value: object) -> object:
    if isinstance(value, str):
        return str(value)  # a member of an enumeration too
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, _ARGUMENTS):
        return {key: _plain(key, part) for key, part in plain_values(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(name, part) for part in value]
    sentence = (
        f"{name} is a {type(value).__name__}, which a job cannot hold: give text, whole numbers, True, False, None, "
        f"lists of them, or one of {', '.join(_CLASSES)}"
    )
    raise InvalidInputError(sentence)


def _object(value: Any) -> Any:  # noqa: ANN401 - JSON in, an argument of any class out
    if isinstance(value, list):
        return [_object(part) for part in value]
    if not isinstance(value, dict):
        return value
    parts = {key: part for key, part in value.items() if key != _CLASS}
    for key in _AMOUNTS:
        if key in parts:
            parts[key] = Decimal(parts[key])
    return _CLASSES[value[_CLASS]](**parts)


def _check(terms: dict[str, Any], reference_id: UUID) -> None:
    """Refuse now what the job would refuse later."""
    values: dict[str, Any] = _DEFAULTS | terms
    if values["pay_with"] is None:
        values["pay_with"] = MobileMoney()
    if values["payer_currency"] is None:
        values["payer_currency"] = values["currency"]
    Terms(**values, reference_id=reference_id, is_own_reference=False)
