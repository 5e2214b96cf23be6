"""The retry policy: which errors are retried, and after how long."""

from __future__ import annotations

from itertools import islice
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base.errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    DecodeError,
    DollrError,
    InvalidInputError,
    NotFoundError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.wire.retry import RetryPolicy, is_ambiguous, is_redirect, is_redirect_or_timeout, retry_delay

Odd: TypeAlias = Any
"""Any value that a caller may pass, right or wrong."""

_POLICY = RetryPolicy()


def _status(
    status: int, cls: type[APIStatusError] = APIStatusError, retry_after: float | None = None
) -> APIStatusError:
    return cls(status=status, detail="", method="GET", path="/v1/x", retry_after=retry_after)


def _unsent(error: DollrError) -> DollrError:
    error.nothing_sent = True
    return error


def _unreachable(error: TransportError) -> TransportError:
    error.is_unreachable = True
    return error


# error, is it ambiguous, is a request retried that changes nothing, and one that may change something
_TABLE: list[tuple[DollrError, bool, bool, bool]] = [
    (ConnectError("m"), False, True, True),
    (TransportError("m"), True, True, False),
    (_unreachable(TransportError("m")), True, True, False),
    (RequestTimeoutError("m"), True, True, False),
    (_status(500, ServerError), True, True, False),
    (_status(503, ServerError), True, True, False),
    (_status(408), True, True, False),
    (_status(429, RateLimitError), False, True, True),
    (_status(301), True, False, False),
    (_status(307), True, False, False),
    (_status(304), True, False, False),
    (_status(400), False, False, False),
    (_status(401, AuthenticationError), False, False, False),
    (_status(404, NotFoundError), False, False, False),
    (_status(418), False, False, False),
    (DecodeError("m"), False, False, False),
    (ConfigurationError("m"), False, False, False),
    (InvalidInputError("m"), False, False, False),
    (_unsent(TransportError("m")), False, False, False),
    (_unsent(_status(500, ServerError)), False, False, False),
    (_unsent(_status(307)), False, False, False),
]


@pytest.mark.parametrize(("error", "ambiguous", "read", "write"), _TABLE)
def test_each_error_is_retried_or_not(error: DollrError, ambiguous: bool, read: bool, write: bool) -> None:  # noqa: FBT001 - columns of the table
    assert is_ambiguous(error) is ambiguous
    assert (retry_delay(_POLICY, error, sends=1, repeatable=True) is not None) is read
    assert (retry_delay(_POLICY, error, sends=1, repeatable=False) is not None) is write


@pytest.mark.parametrize(
    ("status", "redirect", "either"),
    [(300, True, True), (308, True, True), (408, False, True), (400, False, False), (500, False, False)],
)
def test_an_answer_of_a_server_in_front_of_the_api_is_recognised(status: int, redirect: bool, either: bool) -> None:  # noqa: FBT001 - columns of the table
    assert is_redirect(_status(status)) is redirect
    assert is_redirect_or_timeout(_status(status)) is either


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_no_retry_follows_the_last_attempt(attempts: int) -> None:
    policy = RetryPolicy(attempts=attempts)
    for sends in range(1, 10):
        delay = retry_delay(policy, ConnectError("m"), sends=sends, repeatable=True)
        assert (delay is not None) is (sends < attempts)


@pytest.mark.parametrize(("asked", "delay"), [(0.0, 0.0), (7.0, 7.0), (60.0, 60.0), (60.5, None), (float("inf"), None)])
def test_a_retry_after_is_waited_for_up_to_a_limit(asked: float, delay: float | None) -> None:
    error = _status(429, RateLimitError, asked)
    assert retry_delay(_POLICY, error, sends=1, repeatable=False) == delay


def test_the_limit_of_retry_after_is_set_by_the_caller() -> None:
    error = _status(429, RateLimitError, 5.0)
    assert retry_delay(RetryPolicy(max_retry_after=4.9), error, sends=1, repeatable=False) is None
    assert retry_delay(RetryPolicy(max_retry_after=5.0), error, sends=1, repeatable=False) == 5.0


@given(st.integers(min_value=1, max_value=10**6))
def test_a_wait_is_between_half_and_all_of_the_full_wait(sends: int) -> None:
    full = min(0.5 * 2.0 ** min(sends - 1, 60), 8.0)
    assert full / 2 <= _POLICY.delay(sends) <= full


def test_waits_are_spread_over_half_of_the_full_wait() -> None:
    waits = [_POLICY.delay(5) for _ in range(500)]  # not under hypothesis, which holds chance still
    assert 4.0 <= min(waits) < 4.2
    assert 7.8 < max(waits) <= 8.0


def test_waits_never_end_and_differ() -> None:
    waits = list(islice(_POLICY.delays(), 200))
    assert all(4.0 <= wait <= 8.0 for wait in waits[4:])
    assert waits[0] <= 0.5 < waits[2]
    assert len(set(waits)) > 150


@pytest.mark.parametrize(("base", "largest"), [(0, 8), (1, 0)])
def test_a_wait_may_be_zero(base: float, largest: float) -> None:
    assert RetryPolicy(base_delay=base, max_delay=largest).delay(5) == 0


@pytest.mark.parametrize("name", ["attempts", "base_delay", "max_delay", "max_retry_after", "recovery"])
@pytest.mark.parametrize("value", [-1, None, "1", float("nan"), float("inf"), True, 10**400])
def test_a_policy_out_of_range_is_refused(name: str, value: Odd) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} must be a number from [01] up"):
        RetryPolicy(**{name: value})


def test_a_policy_makes_at_least_one_attempt() -> None:
    with pytest.raises(InvalidInputError, match="attempts must be a number from 1 up, not 0"):
        RetryPolicy(attempts=0)
