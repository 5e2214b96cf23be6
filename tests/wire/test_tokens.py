"""The token: its age and freshness by two clocks, its lifetime, and what a header can hold."""

from __future__ import annotations

import base64
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base.errors import DecodeError
from dollr_async.base.fields import Secret
from dollr_async.wire.answers import RawAnswer
from dollr_async.wire.tokens import Freshness, Token, checked_token, lifetime_of, token_of, token_until
from tests.support.fakes import MORNING, FakeClock

_HOUR = 3600.0
_NOW = 1_800_000_000.0


class _Clock(FakeClock):
    """A clock whose loop time is `loop` seconds and whose time of day is `day` seconds after `MORNING`."""

    def __init__(self, loop: float, day: float) -> None:
        super().__init__()
        self._loop = loop
        self.moved = day - loop

    def monotonic(self) -> float:
        return self._loop


def _token(lifetime: float = _HOUR, jitter: float = 0.0) -> Token:
    return Token(
        secret=Secret("s3cr3t"),
        lifetime=lifetime,
        requested_monotonic=100.0,
        requested_time=MORNING.timestamp() + 100.0,
        jitter=jitter,
    )


@pytest.mark.parametrize(
    ("lifetime", "age", "freshness"),
    [
        (_HOUR, 0.0, Freshness.FRESH),
        (_HOUR, _HOUR - 300.1, Freshness.FRESH),
        (_HOUR, _HOUR - 300.0, Freshness.STALE),
        (_HOUR, _HOUR - 5.1, Freshness.STALE),
        (_HOUR, _HOUR - 5.0, Freshness.EXPIRED),
        (_HOUR, 10 * _HOUR, Freshness.EXPIRED),
        (60.0, 47.9, Freshness.FRESH),
        (60.0, 48.0, Freshness.STALE),
        (60.0, 56.9, Freshness.STALE),
        (60.0, 57.0, Freshness.EXPIRED),
        (1.0, 0.0, Freshness.FRESH),
    ],
)
def test_a_token_is_stale_before_it_expires(lifetime: float, age: float, freshness: Freshness) -> None:
    assert _token(lifetime).freshness(_Clock(100.0 + age, 100.0 + age)) is freshness


@pytest.mark.parametrize(
    ("loop", "day", "age"),
    [(160.0, 160.0, 60.0), (160.0, 9100.0, 9000.0), (160.0, -9000.0, 60.0), (100.0, 100.0, 0.0)],
)
def test_the_larger_of_the_two_ages_counts(loop: float, day: float, age: float) -> None:
    assert _token().age(_Clock(loop, day)) == age


@given(st.floats(min_value=1.0, max_value=1e9), st.floats(min_value=0.0, max_value=0.2))
def test_a_token_of_any_lifetime_is_fresh_then_stale_then_expired(lifetime: float, jitter: float) -> None:
    token = _token(lifetime, jitter)
    assert 0 < token.refresh_after < token.expires_after < lifetime


def test_the_jitter_only_makes_the_refresh_earlier() -> None:
    assert _token(jitter=0.2).refresh_after == _HOUR - 360.0
    assert _token(jitter=0.0).refresh_after == _HOUR - 300.0


def test_a_token_shows_no_secret() -> None:
    assert "s3cr3t" not in f"{_token()} {_token()!r}"


# Its lifetime


def _jwt(payload: bytes) -> str:
    return f"head.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.sign"


@pytest.mark.parametrize(
    ("claims", "lifetime"),
    [
        ({"iat": 1000, "exp": 1000 + 1800}, 1800.0),
        ({"iat": 1000.5, "exp": 1900.5}, 900.0),
        ({"iat": 1000, "exp": 1000 + 7200}, _HOUR),
        ({"iat": 1000, "exp": 1000}, _HOUR),
        ({"iat": 1000, "exp": 1}, _HOUR),
        ({"exp": 1000}, _HOUR),
        ({"iat": 1000}, _HOUR),
        ({"iat": None, "exp": 5}, _HOUR),
        ({"iat": "1000", "exp": "2000"}, _HOUR),
        ({"iat": 0, "exp": 0.001}, 1.0),
        ([], _HOUR),
        ("x", _HOUR),
    ],
)
def test_the_shorter_lifetime_counts(claims: object, lifetime: float) -> None:
    assert lifetime_of(_jwt(json.dumps(claims).encode()), Decimal(60), now=_NOW) == lifetime


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "",
        "a.b",
        "..",
        "a.b.c.d",
        "a.!!!.c",
        "a.AAAAA.c",
        "a.é.c",
        _jwt(b"not json"),
        _jwt(b"\xff"),
        _jwt(b"[" * 100_000),
        _jwt(b'{"exp": 1e400, "iat": 0}'),
        _jwt(b'{"exp": %s, "iat": 0}' % (b"9" * 400)),
    ],
)
def test_an_unreadable_token_has_the_lifetime_that_the_answer_gives(token: str) -> None:
    assert lifetime_of(token, Decimal(60), now=_NOW) == _HOUR


@pytest.mark.parametrize(
    ("expires_in", "lifetime"), [("60", _HOUR), ("59.5", 3570.0), ("1", 60.0), ("0", 1.0), ("-60", 1.0)]
)
def test_expires_in_is_in_minutes(expires_in: str, lifetime: float) -> None:
    assert lifetime_of("opaque", Decimal(expires_in), now=_NOW) == lifetime


@pytest.mark.parametrize(
    ("claims", "lifetime"),
    [
        ({"iat": _NOW, "exp": _NOW + 900}, 900.0),
        ({"exp": _NOW + 600}, 600.0),
        ({"exp": _NOW - 600}, 1.0),
        pytest.param({"iat": _NOW - 3000, "exp": _NOW + 600}, 600.0, id="a token that was made a while ago"),
        pytest.param({"iat": _NOW - 5400, "exp": _NOW - 1800}, 3600.0, id="our clock is ahead"),
        pytest.param({"iat": _NOW - 3600, "exp": _NOW}, 3600.0, id="our clock is ahead by its whole life"),
        pytest.param({"iat": _NOW + 5400, "exp": _NOW + 9000}, 3600.0, id="our clock is behind"),
    ],
)
def test_without_expires_in_the_tokens_own_end_counts(claims: dict[str, float], lifetime: float) -> None:
    assert lifetime_of(_jwt(json.dumps(claims).encode()), None, now=_NOW) == lifetime


@pytest.mark.parametrize("expires_in", ["1E+9", "-1E+9", "1E+999999", "NaN", "Infinity"])
def test_a_lifetime_out_of_all_bounds_is_refused(expires_in: str) -> None:
    with pytest.raises(DecodeError, match=r"^its expires_in is not a number of minutes$") as caught:
        lifetime_of("opaque", Decimal(expires_in), now=_NOW)
    assert caught.value.path == "expires_in"


@pytest.mark.parametrize("token", ["opaque", _jwt(b"{}"), _jwt(b'{"iat": 7}'), _jwt(b'{"iat": 7, "exp": 7}')])
def test_a_token_of_which_nobody_says_how_long_it_lives_is_refused(token: str) -> None:
    with pytest.raises(DecodeError, match=r"^it has no expires_in, and its token does not say when it ends$") as caught:
        lifetime_of(token, None, now=_NOW)
    assert caught.value.path == "expires_in"


@given(st.text(max_size=50), st.binary(max_size=50), st.integers(min_value=-(10**8), max_value=10**8))
def test_any_token_has_a_lifetime(text: str, payload: bytes, expires_in: int) -> None:
    for token in (text, _jwt(payload)):
        assert lifetime_of(token, Decimal(expires_in), now=_NOW) >= 1.0


def _answer(**fields: object) -> RawAnswer:
    return RawAnswer(200, {"Content-Type": "application/json"}, json.dumps(fields).encode())


def test_the_token_of_an_answer_lives_from_its_request_on() -> None:
    answer = _answer(access_token=_jwt(json.dumps({"exp": _NOW + 900}).encode()))
    token = token_of(answer, 7.0, _NOW - 2.0, now=_NOW)
    assert (token.requested_monotonic, token.requested_time, token.lifetime) == (7.0, _NOW - 2.0, 900.0)


@pytest.mark.parametrize("path", ["access_token", "expires_in"])
def test_an_answer_without_a_usable_token_names_the_field(path: str) -> None:
    answer = _answer(**{"access_token": "a b", "expires_in": 60} if path == "access_token" else {"access_token": "x"})
    with pytest.raises(DecodeError, match=r"^the answer to the token request cannot be used: POST /v1/jwt") as caught:
        token_of(answer, 7.0, _NOW, now=_NOW)
    assert caught.value.path == path


# A token that another process has fetched

_REMAINING = 600.0


@pytest.mark.parametrize(
    ("claims", "lifetime"),
    [
        ({"iat": 1000, "exp": 1000 + _HOUR}, _HOUR),
        pytest.param({"iat": 1000, "exp": 1060}, _REMAINING, id="its times say less than what remains"),
        pytest.param({"exp": 1000 + _HOUR}, _REMAINING, id="it does not say when it began"),
        pytest.param({"iat": 1000}, _REMAINING, id="it does not say when it ends"),
        pytest.param({"iat": -1e308, "exp": 1e308}, _REMAINING, id="its times are out of all bounds"),
        pytest.param([], _REMAINING, id="it says nothing"),
    ],
)
def test_a_token_of_another_process_has_lived_for_a_while(claims: object, lifetime: float) -> None:
    clock = _Clock(50_000.0, 60_000.0)
    token = token_until(Secret(_jwt(json.dumps(claims).encode())), _REMAINING, clock)
    lived = lifetime - _REMAINING
    assert token.lifetime == lifetime
    assert (token.requested_monotonic, token.requested_time) == (clock.monotonic() - lived, clock.time() - lived)


def test_a_token_of_another_process_is_replaced_when_the_others_replace_it() -> None:
    secret = Secret(_jwt(json.dumps({"iat": 1000, "exp": 1000 + _HOUR}).encode()))
    for remaining, freshness in [(361.0, Freshness.FRESH), (299.0, Freshness.STALE), (4.9, Freshness.EXPIRED)]:
        clock = _Clock(100.0, 100.0)
        assert token_until(secret, remaining, clock).freshness(clock) is freshness


# What a header can hold


@pytest.mark.parametrize("given_", ["abc", "a.b.c", "!#$%&'*+-.^_`|~", "a" * 10_000, " abc\n"])
def test_a_token_that_a_header_can_hold_is_accepted(given_: str) -> None:
    assert checked_token(given_).reveal() == given_.strip()


_EMPTY, _SPACE = "it is empty", "it has a space or a line break"
_OTHER = "it has characters that are not ASCII"


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        *[(given_, _EMPTY) for given_ in ("", " ", "\n")],
        *[(given_, _SPACE) for given_ in ("a b", "a\r\nX: 1", "a\tb", "a\u00a0b")],
        *[(given_, _OTHER) for given_ in ("a\x00", "a\x7f", "é", "😀", "\ud800")],
    ],
)
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(given_: str, problem: str) -> None:
    with pytest.raises(DecodeError, match=f"^its token cannot be sent in a header: {problem}$") as caught:
        checked_token(given_)
    assert caught.value.path == "access_token"
    assert not given_.strip() or given_ not in f"{caught.value} {vars(caught.value)}"
