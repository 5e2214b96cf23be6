"""Generates, once for each class of answers, the function that makes an object from a decoded JSON object.

The code is what one would write by hand: field by field, a value that already has the wanted type is taken as it is,
and each value is put directly into its slot. A loop over the fields and the class's own `__init__` take 3.4 µs for an
execution instead of 1.3; inside a call of 100 µs, where none of it is in the processor's caches, 8 instead of 4.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import attrs

from dollr_async.wire import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

AS_WRITTEN = "as written"
"""In a field's metadata: the key whose text the field keeps as the API wrote it."""

WORDS = "words"
"""In the same metadata: the enum of that key."""

_TAKEN_AS_IT_IS = {
    str: "type(found) is str",
    bool: "type(found) is bool",
    Decimal: "type(found) is Decimal",
    int: f"type(found) is int and -{values.LARGEST} < found < {values.LARGEST}",
}

_READER = """
def read(value, _):
    if type(value) is not dict:
        raise wrong_shape("an object", value)
    try:
        made = new(cls)
        {lines}
        unknown = {{}} if value.keys() <= known else {{key: value[key] for key in value if key not in named}}
        set_extra(made, unknown)
        return made
    except Exception:
        explain(value)
        raise
"""


def reader(
    cls: type[T],
    renamed: Mapping[str, str],
    *,
    hook_of: Callable[[Any], Callable[[Any, Any], Any]],
    explain: Callable[[dict[str, Any]], object],
) -> Callable[[object, object], T]:
    """Return the function that reads `cls`, an attrs class with slots and an `extra` for unknown keys.

    `renamed` maps another name that the API may use to the field's name. `hook_of` returns the function that reads a
    value of a type. After an error `explain` is called with the whole value, to raise an error that names the path; if
    it raises nothing, the first error is raised.
    """
    fields = [field for field in attrs.fields(attrs.resolve_types(cls)) if field.name != "extra"]  # type: ignore[type-var, arg-type] # it is an attrs class
    # The key is the alias, which is the name without the underscore of a private field.
    known = frozenset(field.alias for field in fields if AS_WRITTEN not in field.metadata)
    scope: dict[str, Any] = {
        "Decimal": Decimal,
        "cls": cls,
        "explain": explain,
        "known": known,
        "wrong_shape": values.wrong_shape,
        "named": known | renamed.keys(),
        "new": object.__new__,
        "set_extra": _setter(cls, "extra"),
    }
    renamings = [
        f"if {other!r} in value and {name!r} not in value: value = {{**value, {name!r}: value[{other!r}]}}"
        for other, name in renamed.items()
    ]
    lines = [*renamings, "get = value.get", *(_line(cls, field, hook_of, scope) for field in fields)]
    source = _READER.format(lines="\n        ".join(lines))
    exec(compile(source, f"<the reader of {cls.__name__}>", "exec"), scope)  # noqa: S102 - it has only the names of our classes and fields
    read: Callable[[object, object], T] = scope["read"]
    return read


def _line(
    cls: type, field: attrs.Attribute[Any], hook_of: Callable[[Any], Callable[[Any, Any], Any]], scope: dict[str, Any]
) -> str:
    """Return the line of code that reads one field, and put the names that it uses into `scope`."""
    name, key, default, kinds = field.name, field.alias, field.default, get_args(field.type)
    if (written := field.metadata.get(AS_WRITTEN)) is not None:
        # A known word is shared, so that it is not kept once for each of 100,000 payments.
        scope[f"set_{name}"] = _setter(cls, name)
        scope[f"shared_{name}"] = {word.value: word.value for word in field.metadata[WORDS]}
        return f'found = value["{written}"]; set_{name}(made, shared_{name}.get(found, found))'
    # For an optional field null is the same as a missing key, so no hook for "or None" is needed.
    wanted = kinds[0] if default is None and kinds[1:] == (NoneType,) else field.type
    scope |= {f"set_{name}": _setter(cls, name), f"hook_{name}": hook_of(wanted), f"wanted_{name}": wanted}
    read = f"hook_{name}(found, wanted_{name})"
    if wanted in _TAKEN_AS_IT_IS:
        read = f"found if {_TAKEN_AS_IT_IS[wanted]} else {read}"
    elif isinstance(wanted, type) and issubclass(wanted, Enum):
        scope[f"words_{name}"] = {member.value: member for member in wanted}
        read = f"words_{name}[found] if type(found) is str and found in words_{name} else {read}"
    if default is attrs.NOTHING:
        return f'found = value["{key}"]; set_{name}(made, {read})'
    scope[f"default_{name}"] = default
    return f'found = get("{key}"); set_{name}(made, default_{name} if found is None else {read})'


def _setter(cls: type, name: str) -> Callable[[object, object], None]:
    """Return the function that sets a slot without the frozen class's own `__setattr__`, which refuses."""
    setter: Callable[[object, object], None] = getattr(cls, name).__set__
    return setter
