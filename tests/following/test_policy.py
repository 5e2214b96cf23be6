"""How often a payment is polled."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.base.errors import InvalidInputError
from dollr_async.following.policy import PollPolicy

AnyValue: TypeAlias = Any
"""What a caller may pass, right or wrong."""

_POLICY = PollPolicy()


def test_the_defaults_are_the_documented_ones() -> None:
    assert (
        PollPolicy(interval=2.0, max_interval=5.0, backoff=1.25, jitter=0.1, timeout=600.0, not_found_grace=30.0)
        == _POLICY
    )


@pytest.mark.parametrize(
    ("policy", "age", "interval"),
    [
        (_POLICY, 0.0, 2.0),
        (_POLICY, -5.0, 2.0),
        (_POLICY, 4.0, 3.0),
        (_POLICY, 12.0, 5.0),
        (_POLICY, 1e9, 5.0),
        (PollPolicy(interval=9.0, max_interval=5.0), 100.0, 9.0),
        (PollPolicy(backoff=1.0), 1e9, 2.0),
    ],
)
def test_the_interval_grows_with_the_age_up_to_its_bound(policy: PollPolicy, age: float, interval: float) -> None:
    assert policy.interval_at(age) == interval


def test_the_interval_is_what_growth_from_poll_to_poll_comes_to() -> None:
    policy = PollPolicy(interval=1.0, max_interval=1e6, backoff=1.5)
    age, interval = 0.0, 1.0
    for _ in range(20):
        assert policy.interval_at(age) == pytest.approx(interval)
        age, interval = age + interval, interval * 1.5


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=0, max_value=0.99))
def test_the_jitter_stays_within_its_share(age: float, jitter: float) -> None:
    policy = PollPolicy(jitter=jitter)
    interval = policy.interval_at(age)
    assert interval * (1 - jitter) * 0.999 <= policy.next_delay(age) <= interval * (1 + jitter) * 1.001


def test_the_jitter_uses_the_whole_of_its_share() -> None:
    policy = PollPolicy(jitter=0.5)
    delays = [policy.next_delay(0.0) for _ in range(500)]  # not under hypothesis, which seeds `random`
    assert 1.0 <= min(delays) < 1.1
    assert 2.9 < max(delays) <= 3.0


def test_without_jitter_the_delay_is_the_interval() -> None:
    assert PollPolicy(jitter=0).next_delay(4.0) == 3.0
    assert len({_POLICY.next_delay(0.0) for _ in range(50)}) > 40


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("interval", 0, "above 0"),
        ("max_interval", -1, "above 0"),
        ("backoff", 0.99, "from 1 up"),
        ("jitter", 1, "from 0 up and below 1"),
        ("jitter", -0.1, "from 0 up and below 1"),
        ("timeout", -1, "from 0 up"),
        ("not_found_grace", -1, "from 0 up"),
        ("not_found_grace", None, "from 0 up"),
        ("interval", "2", "above 0"),
        ("interval", True, "above 0"),
        ("interval", float("nan"), "above 0"),
        ("interval", float("inf"), "above 0"),
        ("max_interval", 10**400, "above 0"),
        ("backoff", 10**400, "from 1 up"),
        ("timeout", 10**400, "from 0 up"),
        ("not_found_grace", 10**400, "from 0 up"),
    ],
)
def test_a_policy_out_of_range_is_refused(name: str, value: AnyValue, shown: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} must be a number {shown}, not"):
        PollPolicy(**{name: value})


def test_no_timeout_is_no_limit() -> None:
    assert PollPolicy(timeout=None).timeout is None
    assert PollPolicy(timeout=0).timeout == 0
