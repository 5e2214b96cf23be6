"""HTTP answers: the reason in any form, `Retry-After`, and whether the token was refused."""

from __future__ import annotations

import html
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base.answered import FieldProblem
from dollr_async.wire.answers import error_of, is_unauthenticated, retry_after
from tests.support.fakes import MORNING, FakeClock, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.errors import APIStatusError


class _StillClock(FakeClock):
    def monotonic(self) -> float:
        return 0.0


def _error(body: object, status: int = 422, *secrets: str) -> APIStatusError:
    return error_of(raw(status, body), "POST", "x", _StillClock(), secrets=secrets)


_ONE = {"loc": ["body", "items", 0, "amount"], "msg": "Input should be greater than 0", "type": "greater_than"}


@pytest.mark.parametrize(
    ("body", "detail", "fields"),
    [
        pytest.param({"detail": "no"}, "no", [], id="text"),
        pytest.param({"detail": ""}, "", [], id="empty text"),
        pytest.param(
            {"detail": [_ONE, {"loc": ["query", "phone"], "msg": "bad", "type": "value_error"}]},
            "body.items.0.amount: Input should be greater than 0; query.phone: bad",
            [
                ("body.items.0.amount", "Input should be greater than 0", "greater_than"),
                ("query.phone", "bad", "value_error"),
            ],
            id="list",
        ),
        pytest.param({"detail": []}, "", [], id="empty list"),
        pytest.param({"detail": ["a", "b"]}, "a; b", [("", "a", ""), ("", "b", "")], id="list of texts"),
        pytest.param({"detail": [{}]}, "", [("", "", "")], id="list of nothing"),
        pytest.param({"detail": [{"msg": "m"}]}, "m", [("", "m", "")], id="no place"),
        pytest.param({"detail": [{"loc": "body", "msg": None}]}, "", [("", "", "")], id="a place that is not a list"),
        pytest.param(
            {"detail": [None, 7, 1.5, [[1]]]},
            "; 7; 1.5; ",
            [("", "", ""), ("", "7", ""), ("", "1.5", ""), ("", "", "")],
            id="list of anything",
        ),
        pytest.param({"detail": {"reason": "no"}}, "", [], id="object"),
        pytest.param({"detail": 7}, "", [], id="number"),
        pytest.param({"detail": None}, "", [], id="null"),
        pytest.param({"message": "no"}, "", [], id="another key"),
        pytest.param(["no"], "", [], id="not an object"),
        pytest.param(b"<html>Bad gateway</html>", "", [], id="html"),
        pytest.param(b"", "", [], id="nothing"),
        pytest.param(b"\xff\xfe\x00", "", [], id="not text"),
        pytest.param(b'{"detail": "\\ud800"}', "", [], id="half a surrogate pair"),
        pytest.param(b"[" * 100_000, "", [], id="too deep"),
    ],
)  # fmt: skip
def test_the_reason_is_read_in_any_form(body: object, detail: str, fields: list[tuple[str, str, str]]) -> None:
    error = _error(body)
    assert error.detail == detail
    assert error.fields == tuple(FieldProblem(path=path, message=message, type=kind) for path, message, kind in fields)
    assert str(error) == f"POST /v1/x was answered 422: {detail or 'no reason given'}"


@pytest.mark.parametrize("depth", range(0, 1000, 23))
def test_a_reason_of_any_depth_is_read_or_ignored(depth: int) -> None:
    assert _error(b'{"detail": [' + b"[" * depth + b"]" * depth + b"]}").status == 422


@given(st.binary(max_size=200))
def test_any_bytes_are_kept_as_the_body(content: bytes) -> None:
    assert _error(content).body == content.decode(errors="replace")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["loc", "msg", "type", "x"]), inner),
)


@given(_JSON)
def test_any_json_is_accepted_as_a_reason(detail: object) -> None:
    error = _error(json.dumps({"detail": detail}, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert isinstance(error.detail, str)


def test_long_answers_are_cut() -> None:
    error = _error({"detail": "x" * 100_000})
    assert (len(error.detail), len(error.body)) == (500, 2000)


@pytest.mark.parametrize("before", [0, 470, 1990])
def test_a_secret_is_hidden_before_the_answer_is_cut(before: int) -> None:
    secret = "very-secret-" * 4
    error = _error({"detail": "x" * before + secret}, 500, "other", secret)
    assert "very" not in f"{error} {vars(error)}"


@pytest.mark.parametrize("secret", ['s"3\\cret', "café-clé", "s3&<cret>", "s3 c%2Bret", "😀"])
@pytest.mark.parametrize("echo", [str, html.escape, quote, quote_plus])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_nothing_that_is_kept_of_an_answer_has_a_secret_in_any_spelling(
    secret: str, echo: Callable[[str], str], *, ensure_ascii: bool
) -> None:
    entry = {"loc": ["body", echo(secret)], "msg": f"bad {echo(secret)}", "type": echo(secret), "input": echo(secret)}
    for detail in ([entry, echo(secret)], f"no {echo(secret)} here"):
        error = _error(json.dumps({"detail": detail}, ensure_ascii=ensure_ascii).encode(), 422, secret)
        assert error.body.count("***") == (5 if isinstance(detail, list) else 1)
        assert error.detail in {"body.***: bad ***; ***", "no *** here"}
        assert {field.path for field in error.fields} <= {"body.***", ""}
        assert {field.type for field in error.fields} <= {"***", ""}


# Retry-After

_YEAR = 366 * 86_400.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("120", 120.0),
        ("0.5", 0.5),
        ("  9  ", 9.0),
        (format_datetime(MORNING + timedelta(seconds=90), usegmt=True), 90.0),
        ("Friday, 31-Jul-26 08:01:30 GMT", 90.0),
        ("Fri Jul 31 08:01:30 2026", 90.0),
        ("Fri, 31 Jul 2026 10:01:30 +0200", 90.0),
        (format_datetime(MORNING - timedelta(seconds=90), usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1,5", None),
        ("nan", None),
        ("inf", None),
        ("Fri, 31 Jul 99999 08:01:30 GMT", None),
        ("Fri, 32 Jul 2026 08:01:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}, _StillClock()) == seconds


def test_a_missing_retry_after_is_none() -> None:
    assert retry_after({}, _StillClock()) is None


_ANY_HEADER = st.one_of(
    st.text(max_size=40),
    st.integers(min_value=-(10**400), max_value=10**400).map(str),
    st.floats().map(str),
    st.datetimes(timezones=st.timezones()).map(format_datetime),
    st.datetimes().map(lambda moment: f"{format_datetime(moment)[:-5]}+2359"),
)


@given(_ANY_HEADER, _ANY_HEADER)
def test_any_retry_after_is_a_finite_wait_or_none(value: str, date: str) -> None:
    for headers in ({"Retry-After": value}, {"Retry-After": value, "Date": date}):
        found = retry_after(headers, _StillClock())
        assert found is None or 0.0 <= found <= _YEAR


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("86400", 86_400.0),
        ("9" * 15, _YEAR),
        ("9" * 400, _YEAR),
        ("9" * 5_000, _YEAR),
        ("Fri, 31 Dec 9999 23:59:59 GMT", _YEAR),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("-" + "9" * 400, None),
        ("1e400", None),
    ],
)
def test_a_retry_after_of_any_size_is_read(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}, _StillClock()) == seconds


@pytest.mark.parametrize(
    ("ahead", "date", "seconds"),
    [
        pytest.param(3600.0, True, 20.0, id="the server's clock is an hour ahead"),
        pytest.param(-3600.0, True, 20.0, id="the server's clock is an hour behind"),
        pytest.param(3600.0, False, 3620.0, id="without a Date our clock decides"),
    ],
)
def test_a_retry_after_date_is_read_by_the_servers_own_clock(ahead: float, date: bool, seconds: float) -> None:  # noqa: FBT001 - a column of the table
    servers = MORNING + timedelta(seconds=ahead)
    headers = {"Retry-After": format_datetime(servers + timedelta(seconds=20), usegmt=True)}
    if date:
        headers["Date"] = format_datetime(servers, usegmt=True)
    assert retry_after(headers, _StillClock()) == seconds


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 31 Dec 99999 08:00:00 GMT"])
def test_an_unreadable_date_of_an_answer_is_ignored(date: str) -> None:
    headers = {"Retry-After": format_datetime(MORNING + timedelta(seconds=20), usegmt=True), "Date": date}
    assert retry_after(headers, _StillClock()) == 20.0


# Whether the token was refused


@pytest.mark.parametrize(
    ("status", "detail", "refused"),
    [
        (401, "anything", True),
        (401, [], True),
        (403, "Not authenticated", True),
        (403, "not authenticated.", True),
        (403, "Could not validate credentials", True),
        (403, [{"loc": [], "msg": "Not authenticated", "type": ""}], True),
        (403, "Merchant is not authenticated", False),
        (403, "", False),
        (403, None, False),
        (404, "Not authenticated", False),
        (200, "Not authenticated", False),
        (422, "Could not validate credentials", False),
    ],
)
def test_a_refused_token_is_distinguished_from_a_missing_permission(status: int, detail: object, refused: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_unauthenticated(raw(status, {"detail": detail})) is refused
