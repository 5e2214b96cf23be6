"""How long payments take to settle: the distributions for which the capacity of polling is calculated."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SMALLEST_SHARE = 1e-6


class SettlingTime(NamedTuple):
    """A distribution of settling times, in seconds from the beginning of a payment.

    `pending` returns the share of payments that have not settled at an age. `within` returns the age by which a share
    of them has settled; it is infinite for those that never do.
    """

    name: str
    pending: Callable[[float], float]
    within: Callable[[float], float]

    def times(self, count: int, chance: random.Random) -> list[float]:
        """Draw the settling times of `count` payments: one from each of `count` equal parts, in random order."""
        parts = [(part + chance.uniform(_SMALLEST_SHARE, 1.0 - _SMALLEST_SHARE)) / count for part in range(count)]
        chance.shuffle(parts)
        return [self.within(part) for part in parts]


def uniform(shortest: float, longest: float) -> SettlingTime:
    """Return settling times that are spread evenly from `shortest` to `longest`."""

    def pending(age: float) -> float:
        return 1.0 - min(max((age - shortest) / (longest - shortest), 0.0), 1.0)

    name = f"uniform, {shortest:g} to {longest:g} s"
    return SettlingTime(name, pending, lambda share: shortest + (longest - shortest) * share)


def lognormal(median: float, sigma: float) -> SettlingTime:
    """Return settling times whose logarithm is normally distributed: half are within the median, and few are long."""
    logarithm = NormalDist(math.log(median), sigma)

    def pending(age: float) -> float:
        return 1.0 - logarithm.cdf(math.log(age)) if age > 0.0 else 1.0

    name = f"lognormal, median {median:g} s, sigma {sigma:g}"
    return SettlingTime(name, pending, lambda share: math.exp(logarithm.inv_cdf(share)))


def with_some_that_never_settle(settling: SettlingTime, share: float) -> SettlingTime:
    """Return the same settling times, except that this `share` of the payments never settles."""
    others = 1.0 - share

    def within(part: float) -> float:
        return settling.within(part / others) if part < others else math.inf

    name = f"{settling.name}; {share:.0%} never settle"
    return SettlingTime(name, lambda age: share + others * settling.pending(age), within)
