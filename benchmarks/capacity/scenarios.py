"""What the capacity page follows: the policies, the settling times and the loads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import attrs

from benchmarks.capacity import calculation
from benchmarks.capacity.settling_times import lognormal, uniform, with_some_that_never_settle
from benchmarks.capacity.simulation import Load, Simulated, simulate
from dollr_async import PollPolicy
from dollr_async.following.schedule import MOST_POLLS_IN_FLIGHT

if TYPE_CHECKING:
    from benchmarks.capacity.settling_times import SettlingTime

ROUND_TRIP = 0.1
DEFAULT = PollPolicy()
FIXED = PollPolicy(interval=2.0, max_interval=2.0)
SETTLING_TIMES = (uniform(30.0, 300.0), lognormal(20.0, 1.0))
MOBILE_MONEY = with_some_that_never_settle(lognormal(20.0, 1.0), 0.03)

_UNHURRIED = 300.0
"""Polls per second at which no payment waits for another: half of what `MOST_POLLS_IN_FLIGHT` lets one client make."""


def simulate_unhurried(policy: PollPolicy, settling: SettlingTime, payments: int) -> Simulated:
    """Follow payments that come so slowly that none waits for another."""
    needed = calculation.polls_per_payment(calculation.polls(policy, settling, ROUND_TRIP))
    window = payments * needed / _UNHURRIED
    return simulate(Load(policy, settling, payments, window, round_trip=ROUND_TRIP))


class Scenario(NamedTuple):
    """One way to follow the same payments."""

    name: str
    load: Load

    def polls(self) -> list[calculation.Poll]:
        """Return the calculated polls of a payment, slowed by the ceiling."""
        load = self.load
        per_client = load.per_second or math.inf
        most = load.clients * min(per_client, MOST_POLLS_IN_FLIGHT / load.round_trip) / load.rate
        slower = calculation.slowed_by(load.policy, load.settling, load.round_trip, most)
        return calculation.polls(load.policy, load.settling, load.round_trip, slower=slower)


def scenarios(payments: int, window: float) -> list[Scenario]:
    """Return the same load without a ceiling, below two ceilings, and with one client that has too few polls at once.

    `window` is the seconds within which the payments begin.
    """
    free = Load(DEFAULT, MOBILE_MONEY, payments, window, round_trip=ROUND_TRIP, clients=2)
    needed = free.rate * calculation.polls_per_payment(calculation.polls(DEFAULT, MOBILE_MONEY, ROUND_TRIP))
    half, quarter = (attrs.evolve(free, per_second=share * needed / free.clients) for share in (0.5, 0.25))
    slow = attrs.evolve(free, clients=1, round_trip=2.0 * ROUND_TRIP)
    return [
        Scenario("two clients, no ceiling", free),
        Scenario(f"two clients, ceilings of {half.per_second:.0f} per second each", half),
        Scenario(f"two clients, ceilings of {quarter.per_second:.0f} per second each", quarter),
        Scenario(f"one client, no ceiling, round trips of {slow.round_trip:g} s", slow),
    ]
