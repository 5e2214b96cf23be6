"""The generated readers: each makes the same object that the constructor of its class would make."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

import attrs
import pytest

import dollr_async.client  # noqa: F401 - imports every module that has answers
from dollr_async.base.enums import ExecutionStatus
from dollr_async.base.secret import Secret
from dollr_async.wire.codec import Answer, shaped
from dollr_async.wire.readers import AS_WRITTEN
from dollr_async.wire.tokens import TokenAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

_FACTORY: type = type(attrs.Factory(list))
_VALUES: dict[type, tuple[object, object]] = {
    str: ("some", "some"),
    int: (7, 7),
    bool: (True, True),
    Secret: ("some", Secret("some")),
    Decimal: (Decimal("1.50"), Decimal("1.50")),
    datetime: ("2026-07-01T09:00:00+00:00", datetime.fromisoformat("2026-07-01T09:00:00+00:00")),
}


def _of(cls: type[Answer]) -> Iterator[type[Answer]]:
    for found in cls.__subclasses__():
        if found.__module__.startswith("dollr_async."):
            yield found
        yield from _of(found)


ANSWERS = sorted(set(_of(Answer)), key=lambda cls: cls.__qualname__)


def _value(wanted: Any) -> tuple[object, object]:  # noqa: ANN401 - any form of a type
    """Return a value as it is in JSON, and as it is read."""
    kinds = [kind for kind in get_args(wanted) if kind is not NoneType]
    if getattr(wanted, "__origin__", None) is tuple:
        raw, read = _value(kinds[0])
        return [raw], (read,)
    kind = kinds[0] if kinds else wanted
    if issubclass(kind, Answer):
        raws, reads = _all(kind)
        return raws, kind(**reads)
    if issubclass(kind, Enum):
        member = next(iter(kind))
        return member.value, member
    return _VALUES[kind]


def _all(cls: type[Answer]) -> tuple[dict[str, object], dict[str, Any]]:
    fields = [
        field
        for field in attrs.fields(attrs.resolve_types(cls))
        if field.name != "extra" and AS_WRITTEN not in field.metadata
    ]
    values = {field.alias: _value(field.type) for field in fields}
    return {name: raw for name, (raw, _) in values.items()}, {name: read for name, (_, read) in values.items()}


@pytest.mark.parametrize("cls", ANSWERS, ids=lambda cls: cls.__name__)
def test_a_reader_makes_the_object_that_the_constructor_would_make(cls: type[Answer]) -> None:
    raws, reads = _all(cls)
    read = shaped(raws, cls)
    assert read == cls(**reads)
    assert not hasattr(read, "__dict__")
    assert shaped({**raws, "new": 1}, cls) == cls(**reads, extra={"new": 1})
    required = {field.alias for field in attrs.fields(cls) if field.default is attrs.NOTHING}
    least = cls(**{name: read for name, read in reads.items() if name in required})
    assert shaped({name: raw for name, raw in raws.items() if name in required}, cls) == least


@pytest.mark.parametrize("cls", ANSWERS, ids=lambda cls: cls.__name__)
def test_no_answer_class_has_code_that_a_reader_would_skip(cls: type[Answer]) -> None:
    # A reader fills the slots itself: it runs no converter, no validator and no `__attrs_post_init__`.
    assert not hasattr(cls, "__attrs_post_init__")
    for field in attrs.fields(cls):
        # Its converter makes the `Secret` that the reader's own hook makes.
        converter = None if field.name == "_client_secret" else field.converter
        assert (field.validator, converter) == (None, None), field.name
        is_made_by_the_reader = field.name == "extra" or AS_WRITTEN in field.metadata
        assert is_made_by_the_reader or not isinstance(field.default, _FACTORY), field.name


def test_every_answer_class_is_tested() -> None:
    names = {cls.__name__ for cls in ANSWERS}
    assert {"Execution", "Party", "SourceState", TokenAnswer.__name__} <= names
    assert len(names) > 20


def test_two_objects_do_not_share_extra() -> None:
    raws, _ = _all(TokenAnswer)
    first, second = shaped(raws, TokenAnswer), shaped(raws, TokenAnswer)
    assert first.extra == {}
    assert first.extra is not second.extra


def test_a_word_in_another_case_is_read_by_its_enum() -> None:
    cls = next(cls for cls in ANSWERS if cls.__name__ == "Execution")
    raws, _ = _all(cls)
    read: Any = shaped(raws | {"status": "processing"}, cls)
    assert read.status is ExecutionStatus.PROCESSING
    assert read.raw_status == "processing"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("COMPLETED", ExecutionStatus.COMPLETED),
        ("SUCCESSFUL", ExecutionStatus.COMPLETED),
        (" Successful", ExecutionStatus.COMPLETED),
        ("ON_HOLD", ExecutionStatus("ON_HOLD")),
    ],
)
def test_a_status_is_kept_as_the_api_wrote_it_too(word: str, status: ExecutionStatus) -> None:
    cls = next(cls for cls in ANSWERS if cls.__name__ == "Execution")
    raws, _ = _all(cls)
    read: Any = shaped(raws | {"status": word, "raw_status": "an unknown key"}, cls)
    assert (read.status, read.raw_status) == (status, word)
    assert read.extra == {"raw_status": "an unknown key"}
    again: Any = shaped(raws | {"status": word}, cls)
    assert word not in {member.value for member in ExecutionStatus} or again.raw_status is ExecutionStatus(word).value
