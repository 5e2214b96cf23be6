"""JSON in both directions: exact money, unknown keys that are kept, and missing fields that are named."""

from __future__ import annotations

import contextlib
import json
import pickle
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base.enums import ExecutionStatus
from dollr_async.base.errors import DecodeError, InvalidInputError
from dollr_async.wire import codec
from dollr_async.wire.codec import Answer, Body, decode, decode_loosely, encode, secrets_of, shaped

_REFERENCE = UUID("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Line(Answer):
    amount: Decimal
    qty: int = 1


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Owner(Answer):
    name: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Paper(Answer):
    id: int
    lines: tuple[Line, ...] = ()
    owner: Owner | None = None
    tags: tuple[str, ...] = ()
    status: ExecutionStatus | None = None
    note: str | None = None
    at: datetime | None = None
    total: Decimal | None = None
    active: bool | None = None
    number: str | None = attrs.field(default=None, metadata=codec.also_named("paper_number"))
    hidden: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Money(Answer):
    amount: Decimal


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Wrapped(Answer):
    data: dict[str, Any]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Loose(Answer):
    name: str | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewLine(Body):
    amount: Decimal
    name: str | None = None
    key: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewPaper(Body):
    lines: tuple[NewLine, ...] = ()
    first: NewLine | None = None
    status: ExecutionStatus | None = None
    at: datetime | None = None


def _paper(**keys: object) -> Paper:
    return decode(json.dumps({"id": 1, **keys}, default=str).encode(), Paper)


# Money


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("250.00", "250.00"),
        ("250.10", "250.10"),
        ("0.1", "0.1"),
        ("250", "250"),
        ("0", "0"),
        ("-3.50", "-3.50"),
        ("1e3", "1E+3"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("99999999999999999999.99", "99999999999999999999.99"),
        ('"250.00"', "250.00"),
        ('" 250 "', "250"),
        ('"+1.5"', "1.5"),
        ('"-1.5"', "-1.5"),
        ('"0E-8"', "0E-8"),
        ('"1e5"', "1E+5"),
        ('"2.5E+2"', "2.5E+2"),
        ("0E-8", "0E-8"),
    ],
)
def test_an_amount_is_read_exactly_as_it_is_written(written: str, read: str) -> None:
    amount = decode(b'{"amount": %s}' % written.encode(), Money).amount
    assert (type(amount), str(amount)) == (Decimal, read)


@pytest.mark.parametrize(
    "written",
    ["null", "true", '""', '"a"', '"1,5"', '"1e100"', '"1e"', '"NaN"', '"Infinity"', '"1."', '".5"', '"0x1"',
     '"٣"', "[]", "{}", '"%s"' % ("9" * 41)],
)  # fmt: skip
def test_anything_but_an_amount_is_an_error(written: str) -> None:
    with pytest.raises(DecodeError, match=r"an amount expected, .* found at amount") as caught:
        decode(b'{"amount": %s}' % written.encode(), Money)
    assert caught.value.path == "amount"


_AMOUNTS = st.decimals(min_value="-1e15", max_value="1e15", places=2) | st.decimals(
    allow_nan=False, allow_infinity=False
)


@given(_AMOUNTS)
def test_an_amount_survives_encoding_and_decoding(amount: Decimal) -> None:
    back = decode(encode(NewLine(amount=amount)), Money).amount
    assert back == amount
    if -12 < int(amount.as_tuple().exponent) < 0:
        assert str(back) == str(amount)


@given(st.lists(_AMOUNTS, max_size=5))
def test_amounts_are_exact_inside_lists_and_unknown_keys_too(amounts: list[Decimal]) -> None:
    body = NewPaper(lines=tuple(NewLine(amount=amount) for amount in amounts), extra={"id": 1, "more": amounts})
    paper = decode(encode(body), Paper)
    assert [line.amount for line in paper.lines] == amounts
    assert [Decimal(amount) for amount in paper.extra["more"]] == amounts


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_an_amount_as_text_equals_the_same_amount_as_a_number(amount: Decimal) -> None:
    number = decode(b'{"amount": %s}' % format(amount, "f").encode(), Money)
    text = decode(b'{"amount": "%s"}' % format(amount, "f").encode(), Money)
    assert str(number.amount) in {str(text.amount), str(text.amount).removeprefix("-")}


# The other kinds of value


@pytest.mark.parametrize(
    ("written", "read"),
    [("5", 5), ("5.0", 5), ('"5"', 5), ('"-5"', -5), ("9007199254740993", 9007199254740993), ("5e2", 500), ("-0.0", 0)],
)
def test_an_id_is_read_from_any_form_of_a_whole_number(written: str, read: int) -> None:
    found = decode(b'{"id": %s}' % written.encode(), Paper).id
    assert (type(found), found) == (int, read)


@pytest.mark.parametrize(
    "written",
    ["5.5", '"5.0"', '"five"', '""', '" 5"', "true", "null", "[]", "1E+999999999", "-1E+999999999", "9" * 400,
     '"%s"' % ("9" * 5000)],
)  # fmt: skip
def test_anything_but_a_whole_number_is_an_error(written: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(b'{"id": %s}' % written.encode(), Paper)
    assert caught.value.path == "id"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-07-31T12:00:00Z", datetime(2026, 7, 31, 12, tzinfo=UTC)),
        ("2026-07-31T12:00:00+00:00", datetime(2026, 7, 31, 12, tzinfo=UTC)),
        ("2026-07-31T14:00:00+02:00", datetime(2026, 7, 31, 12, tzinfo=UTC)),
        ("2026-07-31T12:00:00", datetime(2026, 7, 31, 12, tzinfo=UTC)),
        ("2026-07-31T12:00:00.123456", datetime(2026, 7, 31, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-07-31T12:00:00.123456789Z", datetime(2026, 7, 31, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-07-31 12:00:00", datetime(2026, 7, 31, 12, tzinfo=UTC)),
        ("2026-07-31", datetime(2026, 7, 31, tzinfo=UTC)),
    ],
)
def test_a_time_is_timezone_aware_and_in_utc(written: str, read: datetime) -> None:
    at = _paper(at=written).at
    assert at == read
    assert at.tzinfo is UTC


def test_a_time_without_a_zone_is_utc_in_any_local_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XST-9")
    time.tzset()
    try:
        assert _paper(at="2026-07-31T12:00:00").at == datetime(2026, 7, 31, 12, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "written",
    ["", "soon", "31.07.2026", "2026-13-01", 1785499200, True, [], "0001-01-01T00:00:00+14:00"],
)
def test_anything_but_a_time_is_an_error(written: object) -> None:
    with pytest.raises(DecodeError, match=r"a time expected, .* found at at"):
        _paper(at=written)


@pytest.mark.parametrize(("written", "read"), [("a", "a"), ("", ""), (7, "7"), ("\u0000é😀", "\u0000é😀")])
def test_text_may_be_sent_as_a_whole_number(written: object, read: str) -> None:
    assert _paper(note=written).note == read


@pytest.mark.parametrize("written", [True, 1.5, [], {}])
def test_anything_but_text_is_an_error(written: object) -> None:
    with pytest.raises(DecodeError, match=r"text expected, .* found at note"):
        _paper(note=written)


@pytest.mark.parametrize("written", [0, 1, "true", "", []])
def test_anything_but_true_and_false_is_an_error(written: object) -> None:
    with pytest.raises(DecodeError, match=r"true or false expected, .* found at active"):
        _paper(active=written)


def test_true_and_false_are_read() -> None:
    assert (_paper(active=True).active, _paper(active=False).active) == (True, False)


def test_words_are_read_in_any_case_and_unknown_ones_are_kept() -> None:
    assert _paper(status="processing").status is ExecutionStatus.PROCESSING
    unknown = _paper(status="On hold").status
    assert unknown == "On hold"
    assert unknown is not None
    assert not unknown.is_known


@pytest.mark.parametrize("written", [7, True, []])
def test_anything_but_text_is_an_error_in_an_enum(written: object) -> None:
    with pytest.raises(DecodeError, match=r"text expected, .* found at status"):
        _paper(status=written)


# What is unknown, null or missing


def test_unknown_keys_are_kept_unchanged() -> None:
    paper = decode(b'{"id": 1, "new": {"a": 1.50}, "owner": {"name": "n", "vip": true}}', Paper)
    assert paper.extra == {"new": {"a": Decimal("1.50")}}
    assert paper.owner is not None
    assert paper.owner.extra == {"vip": True}
    assert _paper().extra == {}


def test_null_is_the_same_as_a_missing_key() -> None:
    keys = [field.name for field in attrs.fields(Paper) if field.name not in {"id", "extra"}]
    assert _paper(**dict.fromkeys(keys)) == _paper()


def test_a_field_is_read_under_its_other_name() -> None:
    assert _paper(paper_number="INV-1").number == "INV-1"
    assert _paper(paper_number="INV-1").extra == {}
    assert _paper(number="INV-2", paper_number="INV-1").number == "INV-2"


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ({}, "id", "a required field is missing"),
        ({"id": None}, "id", "a whole number expected, null found"),
        ({"id": 1, "lines": [{"amount": 1}, {}]}, "lines[1].amount", "a required field is missing"),
        ({"id": 1, "lines": [{"amount": "x"}]}, "lines[0].amount", "an amount expected, str found"),
        ({"id": 1, "lines": {"amount": 1}}, "lines", "a list expected, dict found"),
        ({"id": 1, "lines": "x"}, "lines", "a list expected, str found"),
        ({"id": 1, "lines": [None]}, "lines[0]", "an object expected, null found"),
        ({"id": 1, "owner": {}}, "owner.name", "a required field is missing"),
        ({"id": 1, "owner": []}, "owner", "an object expected, list found"),
        ({"id": 1, "tags": ["a", None]}, "tags[1]", "text expected, null found"),
    ],
)
def test_an_error_names_the_path_of_the_field(body: object, path: str, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(json.dumps(body).encode(), Paper, reference_id=_REFERENCE)
    error = caught.value
    assert error.path == path
    assert str(error) == f"the answer does not have the documented shape: {reason} at {path}"
    assert error.reference_id == _REFERENCE
    assert error.__cause__ is None


@pytest.mark.parametrize("body", [b"[]", b"[1]", b"1", b'"text"', b"true"])
def test_another_kind_of_body_is_an_error_at_the_top(body: bytes) -> None:
    with pytest.raises(DecodeError, match=r"an object expected, .* found at the top") as caught:
        decode(body, Paper)
    assert caught.value.path == ""


def test_an_error_names_the_path_inside_a_list_at_the_top() -> None:
    assert decode(b'[{"id": 1}, {"id": 2}]', tuple[Paper, ...]) == (Paper(id=1), Paper(id=2))
    with pytest.raises(DecodeError) as caught:
        decode(b'[{"id": 1}, {}]', tuple[Paper, ...])
    assert caught.value.path == "[1].id"
    with pytest.raises(DecodeError, match="a list expected, dict found at the top"):
        decode(b'{"id": 1}', tuple[Paper, ...])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "PENDING"}, "PENDING"),
        ({"data": {"status": "on hold"}}, "on hold"),
        ({"status": "  "}, None),
        ({"status": 7}, None),
        ({"status": None}, None),
        ({}, None),
        ([], None),
    ],
)
def test_an_error_keeps_the_status_of_an_unreadable_answer(body: object, status: str | None) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(json.dumps(body).encode(), Paper)
    assert caught.value.status == status


def test_an_error_shows_no_value() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(b'{"id": "a-secret", "status": "PENDING"}', Paper)
    assert "a-secret" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


# The data wrapper


@pytest.mark.parametrize(
    ("body", "shape", "read"),
    [
        ({"data": {"id": 1}}, Paper, Paper(id=1)),
        ({"data": {"id": 1}, "message": "ok"}, Paper, Paper(id=1)),
        ({"data": [{"id": 1}]}, tuple[Paper, ...], (Paper(id=1),)),
        ({"data": {"x": 1}}, Wrapped, Wrapped(data={"x": 1})),
        ({"id": 1, "data": {"id": 2}}, Paper, Paper(id=1, extra={"data": {"id": 2}})),
        ({"data": {"name": "x"}}, Loose, Loose(name="x")),
        ({"data": None, "name": "x"}, Loose, Loose(name="x", extra={"data": None})),
        ({"data": "text", "id": 1}, Paper, Paper(id=1, extra={"data": "text"})),
    ],
)
def test_one_data_wrapper_at_the_top_is_accepted(body: object, shape: type[Any], read: object) -> None:
    assert decode(json.dumps(body).encode(), shape) == read


def test_a_second_data_wrapper_is_an_error() -> None:
    with pytest.raises(DecodeError):
        decode(b'{"data": {"data": {"id": 1}}}', Paper)


@pytest.mark.parametrize("body", [b"", b"  \n", b"null", b"{}", b'{"data": {}}'])
def test_an_empty_body_is_an_empty_object(body: bytes) -> None:
    assert decode(body, Loose) == Loose()
    with pytest.raises(DecodeError, match="a required field is missing at id"):
        decode(body, Paper)


# What cannot be read

_UNREADABLE = {
    "html": b"<html>Bad gateway</html>",
    "cut": b'{"id": ',
    "two": b"{}{}",
    "trailing comma": b'{"id": 1,}',
    "single quotes": b"{'id': 1}",
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"id": -Infinity}',
    "half a surrogate pair": b'{"id": "\\ud800"}',
    "not UTF-8": b'{"id": "\xff"}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"id": 1}',
    "control characters": b'{"id": "\x01\n"}',
    "an exponent that is too large": b'{"id": 1e99999999999999999999}',
    "too deep": b"[" * 100_000,
    "too deep, but whole": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5,000 digits": b'{"id": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("content", _UNREADABLE.values(), ids=_UNREADABLE)
def test_anything_but_json_is_an_error_that_shows_nothing_of_it(content: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^the answer is not readable JSON \(\w+\)$") as caught:
        decode(content, Paper, reference_id=_REFERENCE)
    assert (caught.value.path, caught.value.status, caught.value.reference_id) == ("", None, _REFERENCE)
    assert decode_loosely(content) is None


@pytest.mark.parametrize("depth", range(0, 1000, 23))
def test_json_of_any_depth_is_read_or_is_an_error(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    try:
        paper = decode(b'{"id": 1, "deep": [%s]}' % deep, Paper)
    except DecodeError:
        return
    assert set(paper.extra) == {"deep"}


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_are_an_error(content: bytes) -> None:
    for shape in (Paper, tuple[Paper, ...], Loose):
        with contextlib.suppress(DecodeError):
            assert isinstance(decode(content, shape), Answer | tuple)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from([field.name for field in attrs.fields(Paper)] + ["data", "amount", "name"]), inner
        )
    ),
    max_leaves=10,
)


@given(_VALUES)
def test_any_json_is_read_or_is_an_error(value: object) -> None:
    with contextlib.suppress(DecodeError):
        assert isinstance(decode(json.dumps(value).encode(), Paper).id, int)


# What is sent


def test_none_is_left_out_and_extra_replaces_fields() -> None:
    body = NewPaper(
        lines=(NewLine(amount=Decimal("1.50"), name="a"), NewLine(amount=Decimal(2), extra={"k": None})),
        first=NewLine(amount=Decimal("0.10")),
        status=ExecutionStatus.PENDING,
        at=datetime(2026, 7, 31, 12, tzinfo=timezone(timedelta(hours=2))),
        extra={"status": "OTHER", "new": [1, {"a": Decimal("2.50")}]},
    )
    assert encode(body) == (
        b'{"lines":[{"amount":1.50,"name":"a"},{"amount":2,"k":null}],"first":{"amount":0.10},"status":"OTHER",'
        b'"at":"2026-07-31T12:00:00+02:00","new":[1,{"a":2.50}]}'
    )


def test_an_enum_member_is_sent_as_its_text() -> None:
    assert encode(NewPaper(status=ExecutionStatus.PENDING)) == b'{"lines":[],"status":"PENDING"}'
    assert encode(NewPaper(status=ExecutionStatus("On hold"))) == b'{"lines":[],"status":"On hold"}'


@pytest.mark.parametrize("odd", [object(), "\ud800", {(1, 2): 3}, 1j, {1, object()}])
def test_what_json_cannot_express_is_refused(odd: object) -> None:
    with pytest.raises(InvalidInputError, match="extra must hold plain JSON values: text, numbers"):
        encode(NewPaper(extra={"odd": odd}))


def test_a_circular_structure_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(InvalidInputError, match="extra must hold plain JSON values"):
        encode(NewPaper(extra={"odd": circle}))


def test_plain_values_are_read_as_a_shape() -> None:
    assert shaped({"id": 1, "total": Decimal("1.50")}, Paper) == Paper(id=1, total=Decimal("1.50"))
    with pytest.raises(DecodeError):
        shaped({}, Paper)


def test_the_secrets_of_a_body_are_found_at_any_depth() -> None:
    inner = NewLine(amount=Decimal(1), key="inner-key")
    assert secrets_of(NewPaper(first=inner)) == ["inner-key"]
    assert secrets_of(inner) == ["inner-key"]
    assert secrets_of(NewLine(amount=Decimal(1), key="")) == []
    assert secrets_of(None) == []


# Equality, hash and repr


def test_records_compare_by_class_and_value() -> None:
    assert _paper() == _paper()
    assert _paper() != _paper(note="x")
    assert _paper() != _paper(new=1)
    assert Loose(name="a") != Owner(name="a")
    assert Loose() != 7
    assert hash(_paper(new=1)) == hash(_paper())
    assert len({_paper(), _paper(), _paper(note="x")}) == 2


def test_a_repr_shows_neither_hidden_fields_nor_unknown_keys() -> None:
    shown = repr(_paper(hidden="secret", new="unknown", note="n"))
    assert shown.startswith("Paper(id=1, lines=(), owner=None")
    assert "note='n'" in shown
    assert "secret" not in shown
    assert "unknown" not in shown
    assert "key" not in repr(NewLine(amount=Decimal(1), key="key-of-mine"))


def test_a_record_can_be_pickled() -> None:
    paper = _paper(lines=[{"amount": 1.5}], status="On hold", new=1)
    assert pickle.loads(pickle.dumps(paper)) == paper  # noqa: S301 - our own bytes
