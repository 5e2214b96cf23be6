"""The API's enums: known words in any case, and unknown words that are kept."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base import enums
from dollr_async.base.enums import ExecutionKind, ExecutionStatus, OpenEnum, SourceStatus

if TYPE_CHECKING:
    from tests.contract import Contract

Odd: TypeAlias = Any
"""Any value that a caller may pass, right or wrong."""

_ENUMS: list[type[OpenEnum]] = [
    found for found in vars(enums).values() if isinstance(found, type) and issubclass(found, OpenEnum) and len(found)
]


@pytest.mark.parametrize("kind", _ENUMS)
def test_every_word_is_read_in_any_case_and_equals_its_text(kind: type[OpenEnum]) -> None:
    for member in kind:
        for written in (member.value, member.value.lower(), f" {member.value.title()} "):
            assert kind(written) is member
        assert member == member.value == str(member) == f"{member}"
        assert hash(member) == hash(member.value)
        assert member.is_known
        assert json.dumps(member) == f'"{member.value}"'


_UNKNOWN = ["On hold", "REVERSED", "", " ", "pending later", "name", "value", "__class__", "mro", "é\u0000", "is_final"]


@pytest.mark.parametrize("written", _UNKNOWN)
@pytest.mark.parametrize("kind", _ENUMS)
def test_an_unknown_word_keeps_its_raw_text(kind: type[OpenEnum], written: str) -> None:
    word = kind(written)
    assert isinstance(word, kind)
    assert word == written == word.value == word.name == str(word)
    assert not word.is_known
    assert {word: 1}[kind(written)] == 1
    assert word not in list(kind)


@pytest.mark.parametrize("written", ["On hold", "PENDING"])
def test_a_word_can_be_copied_and_pickled(written: str) -> None:
    word = ExecutionStatus(written)
    for arrived in (copy.copy(word), copy.deepcopy(word), pickle.loads(pickle.dumps(word))):  # noqa: S301 - our own bytes
        assert (arrived, type(arrived), arrived.is_known) == (word, ExecutionStatus, word.is_known)


@given(st.text(max_size=20))
def test_any_text_is_read_as_a_word(written: str) -> None:
    word = ExecutionStatus(written)
    assert word == written or (word.is_known and word.value == written.strip().upper())
    assert repr(word)


@pytest.mark.parametrize("written", [None, 7, 1.5, True, b"PENDING", [], object()])
def test_anything_but_text_is_refused(written: Odd) -> None:
    with pytest.raises(ValueError, match="is not a valid ExecutionStatus"):
        ExecutionStatus(written)


_EXECUTION_WORDS = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "On hold", "COMPLETE", ""]
_SOURCE_WORDS = ["IDLE", "ACTIVE", "PROCESSING", "PAID", "CANCELED", "CANCELLED", "EXPIRED"]


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        *((ExecutionStatus(word), word in {"COMPLETED", "FAILED"}) for word in _EXECUTION_WORDS),
        *((SourceStatus(word), word in {"PAID", "CANCELED"}) for word in _SOURCE_WORDS),
    ],
)  # fmt: skip
def test_an_unknown_word_is_never_final(status: ExecutionStatus | SourceStatus, is_final: bool) -> None:  # noqa: FBT001 - a column of the table
    assert status.is_final is is_final


def test_a_status_compares_in_the_case_of_the_api() -> None:
    assert ExecutionStatus("completed") == "COMPLETED"
    assert ExecutionStatus("completed").is_final


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (ExecutionKind, "OperationType"),
        *((getattr(enums, name), name) for name in (
            "FeeBearer", "MerchantType", "OwnerType", "PaymentMethod", "PaymentProvider", "RelationshipType",
            "SourceStatus", "SourceType",
        )),
    ],
)  # fmt: skip
def test_the_words_are_those_of_the_contract(contract: Contract, kind: type[OpenEnum], schema: str) -> None:
    described = contract.document["components"]["schemas"][schema]
    words = [word for part in described.get("anyOf", [described]) for word in part.get("enum") or [part["const"]]]
    assert list(kind.__members__) == words
