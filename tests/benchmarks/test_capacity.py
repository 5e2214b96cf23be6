"""Capacity: the program runs and fills its page, and the library does what is calculated."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import attrs
import pytest

from benchmarks.capacity import calculation
from benchmarks.capacity.__main__ import SECTIONS
from benchmarks.capacity.scenarios import (
    DEFAULT,
    FIXED,
    MOBILE_MONEY,
    ROUND_TRIP,
    SETTLING_TIMES,
    simulate_unhurried,
)
from benchmarks.capacity.settling_times import SettlingTime, lognormal, uniform, with_some_that_never_settle
from benchmarks.capacity.simulation import Load, delays, simulate
from benchmarks.harness.figures import quantile
from dollr_async import PollPolicy
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ["--detection-payments=40", "--curve-payments=10", "--payments=150"]
SLOW, QUICK = SETTLING_TIMES
AT_FIVE = SettlingTime("all at 5 s", lambda age: float(age < 5.0), lambda _: 5.0)
EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)


# The program and its page


@pytest.mark.full(reason="it starts the whole program")
def test_the_program_runs_and_fills_its_page(tmp_path: Path) -> None:
    page = tmp_path / "page.inc"
    command = [sys.executable, "-m", "benchmarks.capacity", *SMALL, f"--page={page}", f"--plots={tmp_path}"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True)
    parts = page.read_text().split("## ")[1:]
    assert [part.partition("\n")[0] for part in parts] == [title for title, _ in SECTIONS.values()]
    assert all(part.count("\n|") > 4 for part in parts)
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert drawn == (set() if find_spec("matplotlib") is None else {"capacity_curve.svg", "capacity_load.svg"})


def test_the_documentation_shows_the_last_run() -> None:
    shown = (ROOT / "docs" / "capacity_last.inc").read_text()
    assert re.findall(r"^## (.*)$", shown, flags=re.MULTILINE) == [title for title, _ in SECTIONS.values()]
    plots = [ROOT / "docs" / "guides" / name for name in re.findall(r"\]\((.*\.svg)\)", shown)]
    assert len(plots) == 2
    assert all(plot.read_text().startswith("<?xml") and plot.stat().st_size < 100_000 for plot in plots)


def test_the_pages_example_gives_the_calculated_figures() -> None:
    load = Load(DEFAULT, MOBILE_MONEY, 100_000, 1800.0)
    made = calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP)
    polls, followed = (
        calculation.polls_per_second(made, load.rate, 1800.0),
        calculation.in_flight(made, load, since_first=1800.0),
    )
    page = (ROOT / "docs" / "guides" / "capacity.md").read_text()
    (said,) = re.findall(r"^all: (\d+) polls (?:a|per) second, (\d+) payments in flight$", page, flags=re.MULTILINE)
    assert [float(figure) for figure in said] == pytest.approx([polls, followed], rel=0.005)


# How long payments take to settle


@pytest.mark.parametrize("settling", [SLOW, QUICK, MOBILE_MONEY], ids=lambda settling: settling.name)
def test_the_share_that_is_pending_fits_the_time_within_which_they_settle(settling: SettlingTime) -> None:
    shares = (0.01, 0.25, 0.5, 0.75, 0.95)
    assert [1.0 - settling.pending(settling.within(share)) for share in shares] == pytest.approx(shares)


def test_settling_times_are_what_they_are_called() -> None:
    assert [uniform(30.0, 300.0).within(share) for share in (0.0, 0.5, 1.0)] == [30.0, 165.0, 300.0]
    assert lognormal(20.0, 1.0).within(0.5) == pytest.approx(20.0)
    some_never = with_some_that_never_settle(uniform(1.0, 2.0), 0.1)
    assert some_never.pending(1e9) == pytest.approx(0.1)
    assert some_never.within(0.91) == float("inf")


# The calculation


def test_a_payment_is_polled_until_a_poll_finds_it_settled() -> None:
    made = calculation.polls(EVEN, AT_FIVE, 0.0)
    assert made == [(0.0, 1.0), (2.0, 1.0), (4.0, 1.0), (6.0, 1.0)]
    assert calculation.delays(made, AT_FIVE, 0.0, youngest=0.0, oldest=10.0)[0] == 1.0


def test_polls_and_payments_in_flight_rise_and_fall() -> None:
    load = Load(EVEN, AT_FIVE, 100, 10.0, round_trip=0.0)
    made = calculation.polls(EVEN, AT_FIVE, 0.0)
    assert calculation.polls_per_second(made, load.rate, 3.0) == 20.0  # of payments that are 0 and 2 seconds old
    assert calculation.polls_per_second(made, load.rate, 100.0, 5.0) == 10.0  # the last are 5 seconds old
    assert calculation.in_flight(made, load, since_first=100.0) == pytest.approx(60.0)  # each for six seconds
    assert calculation.in_flight(made, load, since_first=100.0, since_last=5.0) == pytest.approx(10.0)


def test_payments_that_never_settle_are_in_flight_until_the_timeout() -> None:
    never = SettlingTime("never", lambda _: 1.0, lambda _: float("inf"))
    policy = attrs.evolve(EVEN, timeout=9.0)
    load = Load(policy, never, 100, 10.0, round_trip=0.0)
    made = calculation.polls(policy, never, 0.0)
    assert calculation.polls_per_payment(made) == 5.0
    assert calculation.in_flight(made, load, since_first=100.0) == pytest.approx(90.0)


def test_a_ceiling_slows_the_polls_until_their_number_fits() -> None:
    needed = calculation.polls_per_payment(calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP))
    slower = calculation.slowed_by(DEFAULT, MOBILE_MONEY, ROUND_TRIP, needed / 2.0)
    made = calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP, slower=slower)
    assert calculation.polls_per_payment(made) == pytest.approx(needed / 2.0, rel=0.01)
    assert calculation.slowed_by(DEFAULT, MOBILE_MONEY, ROUND_TRIP, needed) == 1.0


# The calculation and the library


@pytest.mark.full(reason="it simulates thousands of payments")
@pytest.mark.parametrize("policy", [DEFAULT, FIXED], ids=["default", "fixed"])
@pytest.mark.parametrize("settling", SETTLING_TIMES, ids=lambda settling: settling.name)
def test_the_library_makes_as_many_polls_as_calculated(settling: SettlingTime, policy: PollPolicy) -> None:
    made = calculation.polls(policy, settling, ROUND_TRIP)
    run = simulate_unhurried(policy, settling, 200)
    assert run.polls_per_payment() == pytest.approx(calculation.polls_per_payment(made), rel=0.02)
    assert sum(payment.polls for payment in run.payments) == sum(run.polls_by_second)


@pytest.mark.full(reason="it simulates thousands of payments")
@pytest.mark.parametrize("share", [1.0, 0.5], ids=["no ceiling", "half"])
def test_the_load_is_as_calculated(share: float) -> None:
    needed = calculation.polls_per_payment(calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP))
    load = Load(DEFAULT, MOBILE_MONEY, 1500, 1800.0, clients=2)
    most = share * needed * load.rate
    if share < 1.0:
        load = attrs.evolve(load, per_second=most / load.clients)
    run = simulate(load)
    slower = calculation.slowed_by(DEFAULT, MOBILE_MONEY, ROUND_TRIP, share * needed)
    made = calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP, slower=slower)
    assert statistics.mean(run.polls_by_second[700:1700]) == pytest.approx(most, rel=0.05)
    expected = calculation.in_flight(made, load, since_first=1000.0)
    assert statistics.mean(run.in_flight()[700:1700]) == pytest.approx(expected, rel=0.1)
    assert all(payment.left < float("inf") for payment in run.payments)


@pytest.mark.full(reason="it simulates thousands of payments")
def test_at_a_ceiling_new_payments_are_reported_first() -> None:
    needed = calculation.polls_per_payment(calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP))
    load = Load(DEFAULT, MOBILE_MONEY, 1500, 1800.0)
    ceiling = needed * load.rate / 2.0
    run = simulate(attrs.evolve(load, per_second=ceiling))
    steady = [payment for payment in run.payments if 600.0 <= payment.settles < 1500.0]
    new = delays(payment for payment in steady if payment.settles - payment.began < 15.0)
    old = delays(payment for payment in steady if payment.settles - payment.began > 60.0)
    assert quantile(new, 0.5) < DEFAULT.max_interval
    assert quantile(old, 0.5) > 1.5 * quantile(new, 0.5)
    assert statistics.mean(run.polls_by_second[600:1500]) == pytest.approx(ceiling, rel=0.01)


# What the default policy is meant to do


@pytest.mark.full(reason="it simulates thousands of payments")
def test_for_slow_payers_the_default_makes_half_of_the_polls_and_is_late_by_half_of_its_interval() -> None:
    default, fixed = (simulate_unhurried(policy, SLOW, 400) for policy in (DEFAULT, FIXED))
    assert default.polls_per_payment() <= 0.5 * fixed.polls_per_payment()
    # Half of the interval, plus the round trip; a tenth of a second is chance, with four hundred payments.
    assert quantile(delays(default.payments), 0.5) <= DEFAULT.max_interval / 2.0 + ROUND_TRIP + 0.1


@pytest.mark.full(reason="it simulates thousands of payments")
def test_for_quick_payers_half_of_the_polls_needs_a_longer_interval() -> None:
    default, fixed, longer = (
        simulate_unhurried(policy, QUICK, 400) for policy in (DEFAULT, FIXED, attrs.evolve(DEFAULT, max_interval=8.0))
    )
    assert quantile(delays(default.payments), 0.5) <= DEFAULT.max_interval / 2.0
    assert 0.5 < default.polls_per_payment() / fixed.polls_per_payment() < 0.6
    assert longer.polls_per_payment() <= 0.5 * fixed.polls_per_payment()
    assert quantile(delays(longer.payments), 0.5) <= 8.0 / 2.0


def test_a_simulation_is_the_same_each_time() -> None:
    load = Load(DEFAULT, QUICK, 50, 60.0)
    assert simulate(load) == simulate(load)
    assert simulate(load) != simulate(attrs.evolve(load, seed=2))
