"""JSON in both directions: `encode` a `Body` that is sent, `decode` an `Answer` that arrives, with exact money.

Numbers with a decimal point are read as `Decimal` from their own text and written back digit by digit. `Body` and
`Answer` are the bases of attrs classes; both keep fields that this library does not know in `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, DecimalException
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, override

from dollr_async.base import money
from dollr_async.base.errors import DecodeError, InvalidInputError
from dollr_async.base.fields import check_sendable
from dollr_async.base.record import JsonRecord, Record, field_names, fields_of
from dollr_async.base.secret import Secret
from dollr_async.wire import values
from dollr_async.wire.readers import reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

T = TypeVar("T")

_NOTHING: Mapping[str, object] = MappingProxyType({})
_UNREADABLE = (RecursionError, DecimalException, OverflowError, msgspec.DecodeError, UnicodeDecodeError)
_SENT_AS_IT_IS = frozenset((str, int, bool, Decimal))  # not their subclasses, such as a string enum
_decoder = msgspec.json.Decoder(float_hook=money.read)
_encoder = msgspec.json.Encoder(decimal_format="number")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Answer(JsonRecord):
    """The base of every answer: `extra` has the keys that this library does not know, unchanged."""

    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Body(Record):
    """The base of every body that is sent: `extra` is merged into it, for fields that this library does not know."""

    extra: Mapping[str, object] = attrs.field(default=_NOTHING, repr=False)


def encode(body: Body) -> bytes:
    """Return a body as JSON: fields that are None are left out, and `extra` is merged in and replaces fields.

    Raises:
        InvalidInputError: `extra` has a value that JSON cannot express.
    """
    try:
        return _encoder.encode(_as_mapping(body))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"extra must hold plain JSON values: text, numbers, True, False, None, lists and dicts ({error})"
        raise InvalidInputError(message) from None


def secrets_of(body: Body | None) -> list[str]:
    """Return the secret values in a body, so that they can be hidden where an answer repeats them."""
    found: list[str] = []
    for field in () if body is None else fields_of(type(body)):
        value = getattr(body, field.name)
        if isinstance(value, Body):
            found += secrets_of(value)
        elif isinstance(value, str) and value and not field.repr:
            found.append(value)
    return found


PERSONAL = frozenset(
    {"fullname", "phone", "email", "party_name", "party_phone", "party_email", "account_name"}
    | {"insensitive_account_number", "user_id", "client_ip"}
)
"""The names of fields and filters that may say who somebody is."""

SHORTEST_PERSONAL = 3
"""Shorter values stand in any text by chance."""


def personal_of(body: Body | None) -> list[str]:
    """Return the phones, names and addresses in a body, so that no error's text has them."""
    found: list[str] = []
    for name in () if body is None else field_names(type(body)):
        value = getattr(body, name)
        if isinstance(value, Body):
            found += personal_of(value)
        elif isinstance(value, str) and name in PERSONAL and len(value) >= SHORTEST_PERSONAL:
            found.append(value)
    return found


def _as_mapping(body: Body) -> dict[str, object]:
    """Return a body as the plain mapping that is sent."""
    sent: dict[str, object] = {}
    for name in _sent_names(type(body)):
        value = getattr(body, name)
        if value is not None:
            sent[name] = value if type(value) in _SENT_AS_IT_IS else _sendable(value)
    if body.extra:
        _check_text("extra", body.extra)
        sent.update(body.extra)
    return sent


def _check_text(name: str, value: object) -> None:
    """Refuse text in `extra` that cannot be sent; `name` says where it is."""
    if isinstance(value, str):
        check_sendable(name, value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _check_text(f"{name}[{key!r}]", inner)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _check_text(f"{name}[{place}]", inner)


_sent_names: Callable[[type], list[str]] = cache(lambda cls: [name for name in field_names(cls) if name != "extra"])


def _sendable(value: object) -> object:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Body):
        return _as_mapping(value)
    if isinstance(value, tuple):
        return [_sendable(item) for item in value]
    return value


def decode(content: bytes, shape: type[T], *, reference_id: UUID | None = None) -> T:
    """Return a success answer's body as `shape`.

    One `data` wrapper at the top is accepted. An empty body and null count as an empty object.

    Raises:
        DecodeError: the body is not JSON, or a documented field is missing or unreadable; `path` names it.
    """
    try:
        raw = _decoder.decode(content) if content.strip() else None
    except _UNREADABLE as error:
        message = f"the answer is not readable JSON ({type(error).__name__})"
        raise DecodeError(message, reference_id=reference_id) from None
    unwrapped = raw if type(raw) is dict and "data" not in raw else _unwrapped(raw, shape)
    hook: Callable[[object, type[T]], T] = _hook_of(shape)
    try:
        return hook(unwrapped, shape)
    except cattrs.BaseValidationError as error:
        path, reason = _first_problem(error)
    except (ValueError, TypeError, *_UNREADABLE) as error:
        path, reason = "", str(error)
    status = unwrapped.get("status") if isinstance(unwrapped, dict) else None
    message = f"the answer does not have the documented shape: {reason} at {path or 'the top'}"
    raise DecodeError(
        message,
        path=path,
        status=status if isinstance(status, str) and status.strip() else None,
        reference_id=reference_id,
    )


def also_named(name: str) -> dict[str, str]:
    """Return the metadata of a field that the API may send under another `name`."""
    return {"also": name}


def reader_of(shape: type[T]) -> Callable[[msgspec.Raw], T]:
    """Return the function that makes an object of `shape` from JSON; it raises what msgspec and cattrs raise."""
    hook: Callable[[object, type[T]], T] = _hook_of(shape)
    parse = _decoder.decode
    return lambda content: hook(parse(content), shape)


def shaped(value: Mapping[str, object], shape: type[T]) -> T:
    """Return plain JSON values as `shape`; it raises the same errors as `decode`."""
    return decode(_encoder.encode(value), shape)


def decode_loosely(content: bytes) -> object:
    """Return a body as plain JSON values, or None if it is not JSON; for the bodies of errors."""
    try:
        return _decoder.decode(content)
    except _UNREADABLE:
        return None


def _unwrapped(raw: object, shape: type[object]) -> object:
    if raw is None:
        return {}
    if not isinstance(raw, dict) or "data" not in raw or not isinstance(raw["data"], dict | list):
        return raw
    if attrs.has(shape) and _required(shape) <= raw.keys() and _required(shape):
        return raw
    return raw["data"]


def _required(shape: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset(field.alias for field in attrs.fields(shape) if field.default is attrs.NOTHING)


def _first_problem(error: BaseException) -> tuple[str, str]:
    first = cattrs.transform_error(error, format_exception=_reason)[0]
    reason, _, path = first.rpartition(" @ ")
    return path.removeprefix("$").removeprefix("."), reason


def _reason(error: BaseException, _: type | None) -> str:
    return "a required field is missing" if isinstance(error, KeyError) else str(error)


# Detailed validation is on, since it names the path of a field.
_converter = cattrs.Converter(prefer_attrib_converters=False, detailed_validation=True)
_hook_of: Callable[[type], Callable[[Any, Any], Any]] = cache(_converter.get_structure_hook)


def _answer_hook(cls: type[Answer]) -> Callable[[object, object], Answer]:
    in_detail = make_dict_structure_fn(cls, _converter, _cattrs_use_alias=True, extra=override(omit=True))
    renamed = {field.metadata["also"]: field.name for field in attrs.fields(cls) if "also" in field.metadata}
    required = _required(cls)

    def explain(value: dict[str, Any]) -> None:
        # cattrs' own function names the path of a field with a wrong shape.
        in_detail({key: value[key] for key in value if value[key] is not None or key in required}, cls)

    return reader(cls, renamed, hook_of=_converter.get_structure_hook, explain=explain)


def _list_hook(shape: type[tuple[object, ...]]) -> Callable[[object, object], tuple[object, ...]]:
    item = get_args(shape)[0]
    base = _converter.get_structure_hook(list[item])  # type: ignore[valid-type] # a type made at run time

    def structure(value: object, _: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise values.wrong_shape("a list", value)
        return tuple(base(value, list[item]))  # type: ignore[valid-type] # a type made at run time

    return structure


_converter.register_structure_hook(str, values.text)
_converter.register_structure_hook(Secret, lambda value, _: Secret(values.text(value, str)))
_converter.register_structure_hook(int, values.whole_number)
_converter.register_structure_hook(bool, values.boolean)
_converter.register_structure_hook(Decimal, values.amount)
_converter.register_structure_hook(datetime, values.utc_time)
_converter.register_structure_hook_factory(lambda t: isinstance(t, type) and issubclass(t, Answer), _answer_hook)
_converter.register_structure_hook_factory(lambda t: getattr(t, "__origin__", None) is tuple, _list_hook)
