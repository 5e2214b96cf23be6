"""Properties of every documented answer, in each form in which the API may send it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollr_async import APIStatusError, DecodeError, Execution, NewParty
from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import OpenEnum
from dollr_async.base.fields import tidy
from dollr_async.base.secret import Secret
from dollr_async.wire.answers import RawAnswer, error_of
from dollr_async.wire.codec import Answer, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

_encoder = msgspec.json.Encoder(decimal_format="number")
_quick = settings(max_examples=8, deadline=None, database=None)


def _shapes(base: type[Answer]) -> Iterator[type[Answer]]:
    for shape in base.__subclasses__():
        if shape.__module__.startswith("dollr_async.resources."):
            yield shape
        yield from _shapes(shape)


SHAPES = sorted(set(_shapes(Answer)), key=lambda shape: shape.__name__)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=[shape.__name__ for shape in SHAPES])

_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=9)
_sendable = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=9)
_zones = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=5, minutes=30))])
_beginning, _end = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - the zone is drawn


def _json_of(words: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | words,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
        max_leaves=4,
    )


_json = _json_of(_words)


class Written:
    """Draws pairs of values: one as the API may send it, one as the caller gets it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def shape(self, shape: type[Answer]) -> tuple[dict[str, object], Answer]:
        """Draw an answer with each of its fields in one of its forms, and with unknown keys."""
        wire: dict[str, object] = {}
        value: dict[str, object] = {}
        for name, hint, is_required in _fields(shape):
            if not is_required and self._draw(st.booleans()):
                wire |= self._draw(st.sampled_from([{}, {name: None}]))
            else:
                wire[name], value[name] = self.of(hint)
        extra = self._draw(st.dictionaries(_words.map("x_{}".format), _json, max_size=2))
        return {**wire, **extra}, shape(**value, extra=extra)

    def of(self, hint: Any) -> tuple[object, object]:  # noqa: ANN401 - a type made at run time
        """Draw a value of a field's type."""
        if NoneType in get_args(hint):
            return self.of(next(kind for kind in get_args(hint) if kind is not NoneType))
        if get_origin(hint) is tuple:
            pairs = [self.of(get_args(hint)[0]) for _ in range(self._draw(st.integers(0, 2)))]
            return [wire for wire, _ in pairs], tuple(value for _, value in pairs)
        if issubclass(hint, Answer):
            return self.shape(hint)
        if issubclass(hint, OpenEnum):
            return self._word_of(hint)
        return self._plain(hint)

    def _plain(self, kind: type) -> tuple[object, object]:
        if kind is datetime:
            return self._time()
        if kind is Secret:
            word = self._draw(_words)
            return word, Secret(word)
        if kind in (int, Decimal):
            return self._number(kind)
        drawn = self._draw(st.booleans() if kind is bool else _words)
        return drawn, drawn

    def _number(self, kind: type) -> tuple[object, object]:
        whole = self._draw(st.integers(-(10**15), 10**15))
        if kind is int:
            return self._draw(st.sampled_from([whole, str(whole), Decimal(f"{whole}.0")])), whole
        exact = self._draw(st.sampled_from([Decimal(whole), Decimal(whole).scaleb(-2), Decimal(whole).scaleb(-6)]))
        forms = [exact, format(exact, "f"), *([int(exact)] if exact == int(exact) else [])]
        return self._draw(st.sampled_from(forms)), exact

    def _word_of(self, kind: type[OpenEnum]) -> tuple[str, OpenEnum]:
        known = self._draw(st.sampled_from(list(kind)))
        unknown = "x_" + self._draw(_words)
        return self._draw(
            st.sampled_from([(known.value, known), (f" {known.lower()}", known), (unknown, kind(unknown))])
        )

    def _time(self) -> tuple[str, datetime]:
        moment = self._draw(st.datetimes(_beginning, _end, timezones=_zones))
        utc = moment.astimezone(UTC)
        naive, zulu = utc.replace(tzinfo=None).isoformat(), utc.isoformat().replace("+00:00", "Z")
        return self._draw(st.sampled_from([moment.isoformat(), naive, zulu])), utc


def _fields(shape: type[Answer]) -> list[tuple[str, Any, bool]]:
    hints = get_type_hints(shape)
    return [
        (field.alias, hints[field.name], field.default is attrs.NOTHING)
        for field in attrs.fields(shape)
        if field.name not in ("extra", "raw_status")  # made of another key; tests/wire/test_readers.py has it
    ]


def _rewritten(value: object) -> object:
    if isinstance(value, Answer):
        known = {name: _rewritten(getattr(value, name)) for name, _, _ in _fields(type(value))}
        return {**known, **value.extra}
    if isinstance(value, tuple):
        return [_rewritten(entry) for entry in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _without_raw_words(answer: Answer) -> Answer:
    return attrs.evolve(answer, raw_status=str(answer.status)) if isinstance(answer, Execution) else answer


@each_shape
@_quick
@given(data=st.data())
def test_a_documented_answer_is_read_in_all_its_forms_and_can_be_encoded_again(
    shape: type[Answer], data: st.DataObject
) -> None:
    wire, value = data.draw(st.composite(lambda draw: Written(draw).shape(shape))())
    found = _without_raw_words(decode(_encoder.encode(wire), shape))
    assert found == value
    assert _without_raw_words(decode(_encoder.encode(_rewritten(found)), shape)) == found


@each_shape
@_quick
@given(body=_json.map(_encoder.encode) | st.binary(max_size=20))
def test_an_answer_of_any_other_shape_is_read_or_is_a_decode_error(shape: type[Answer], body: bytes) -> None:
    try:
        found = decode(body, shape)
    except DecodeError:
        return
    assert isinstance(found, shape)


@each_shape
@pytest.mark.parametrize("is_null", [False, True], ids=["missing", "null"])
def test_a_required_field_that_is_missing_is_named_by_its_path(shape: type[Answer], *, is_null: bool) -> None:
    for path, hint in _required(shape):
        if is_null and NoneType in get_args(hint):
            continue
        answer = _complete(shape)
        _take_away(answer, path, is_null=is_null)
        with pytest.raises(DecodeError) as caught:
            decode(_encoder.encode(answer), shape)
        assert caught.value.path == _dotted(path)


def _required(shape: type[Answer]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for name, hint, is_required in _fields(shape):
        if is_required:
            yield (name,), hint
        for kind in (hint, *get_args(hint)):
            if isinstance(kind, type) and issubclass(kind, Answer):
                where = (name, 0) if get_origin(hint) is tuple else (name,)
                yield from (((*where, *path), inner) for path, inner in _required(kind))


def _complete(shape: type[Answer]) -> dict[str, Any]:
    return {name: _example(hint) for name, hint, _ in _fields(shape)}


def _example(hint: Any) -> object:  # noqa: ANN401 - a type made at run time
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if get_origin(hint) is tuple:
        return [_example(kinds[0])]
    kind = kinds[0] if kinds else hint
    if issubclass(kind, Answer):
        return _complete(kind)
    examples: dict[object, object] = {int: 1, Decimal: Decimal("1.50"), bool: True, datetime: "2026-07-01T09:00:00Z"}
    return examples.get(kind, "A word")


def _take_away(answer: Any, path: tuple[str | int, ...], *, is_null: bool) -> None:  # noqa: ANN401 - plain JSON
    for step in path[:-1]:
        answer = answer[step]
    if is_null:
        answer[path[-1]] = None
    else:
        del answer[path[-1]]


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


_problems = st.fixed_dictionaries({"loc": _json, "msg": _json, "type": _json})
_details = _words | st.lists(_problems | _json, max_size=3) | _json


@_quick
@given(
    status=st.integers(300, 599),
    body=_details.map(lambda detail: _encoder.encode({"detail": detail})) | _json.map(_encoder.encode) | st.binary(),
    retry_after=st.none() | _words | st.integers(0, 10**6).map(str) | st.datetimes().map(lambda at: at.ctime()),
)
def test_an_error_with_any_detail_can_be_read(status: int, body: bytes, retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    error = error_of(RawAnswer(status, headers, body), "GET", "parties/list", LoopClock())
    assert isinstance(error, APIStatusError)
    assert f"answered {status}" in str(error)
    assert all(isinstance(field.path, str) and isinstance(field.message, str) for field in error.fields)
    assert error.retry_after is None or error.retry_after >= 0


@_quick
@given(
    fullname=_sendable.filter(str.strip),
    extra=st.dictionaries(_sendable.map("x_{}".format), _json_of(_sendable), max_size=2),
)
def test_a_body_is_sent_with_its_fields_and_the_extra_ones(fullname: str, extra: dict[str, object]) -> None:
    sent = msgspec.json.decode(encode(NewParty(fullname=fullname, phone="231771234567", extra=extra)))
    assert sent == {"fullname": tidy(fullname), "phone": "231771234567", **extra}
