"""Reading a request: every field is checked, and all problems are reported at once, in the form of FastAPI."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from dollr_async.sandbox.requests.fields import AtLeast, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = TypeVar("Shape")
Where = tuple[str | int, ...]


@attrs.frozen
class _Field:
    name: str
    required: bool
    nullable: bool
    check: Callable[[object], object] | None
    nested: type[object] | None
    at_least: int | None


@cache
def _fields(shape: type[attrs.AttrsInstance]) -> tuple[_Field, ...]:
    hints = get_type_hints(shape, include_extras=True)
    return tuple(_field(field, hints[field.name]) for field in attrs.fields(shape))


def _field(field: attrs.Attribute[object], hint: object) -> _Field:
    nullable = get_origin(hint) in {Union, UnionType}
    if nullable:
        hint = next(part for part in get_args(hint) if part is not type(None))
    required = field.default is attrs.NOTHING
    if get_origin(hint) is not Annotated:
        nested = hint if isinstance(hint, type) else None
        return _Field(field.name, required, nullable, check=None, nested=nested, at_least=None)
    inner, extra = get_args(hint)
    if isinstance(extra, AtLeast):
        entry = get_args(inner)[0]
        return _Field(field.name, required, nullable, check=None, nested=entry, at_least=extra.length)
    return _Field(field.name, required, nullable, check=extra.check, nested=None, at_least=None)


def read(shape: type[Shape], raw: Mapping[str, object], where: Where, problems: list[object]) -> Shape | None:
    """Build a `shape` from raw values, or add every problem found to `problems` and return None."""
    before = len(problems)
    values: dict[str, object] = {}
    for field in _fields(shape):  # type: ignore[arg-type]  # every shape is an attrs class
        value = raw.get(field.name)
        if value is None and (field.name not in raw or field.nullable):
            if field.required:
                problems.append(problem((*where, field.name), "missing", "Field required"))
        else:
            values[field.name] = _value(field, value, (*where, field.name), problems)
    return shape(**values) if len(problems) == before else None


def _value(field: _Field, value: object, where: Where, problems: list[object]) -> object:
    if field.check is not None:
        try:
            return field.check(value)
        except Invalid as error:
            problems.append(problem(where, error.kind, error.message))
            return None
    if field.at_least is not None:
        return _entries(field, value, where, problems)
    return _nested(field, value, where, problems)


def _entries(field: _Field, value: object, where: Where, problems: list[object]) -> tuple[object, ...]:
    if not isinstance(value, list):
        problems.append(problem(where, "list_type", "Input should be a valid list"))
        return ()
    if len(value) < (field.at_least or 0):
        expected = f"List should have at least {field.at_least} item after validation, not {len(value)}"
        problems.append(problem(where, "too_short", expected))
    return tuple(_nested(field, entry, (*where, number), problems) for number, entry in enumerate(value))


def _nested(field: _Field, value: object, where: Where, problems: list[object]) -> object:
    if not isinstance(value, dict) or field.nested is None:
        problems.append(problem(where, "model_attributes_type", "Input should be a valid dictionary or object"))
        return None
    return read(field.nested, value, where, problems)


def problem(where: Where, kind: str, message: str) -> dict[str, object]:
    """One entry of a validation answer's `detail`."""
    return {"loc": list(where), "msg": message, "type": kind}
