"""How long payments take to settle: the distributions that the capacity of polling is worked out for."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_LEAST = 1e-6


class Settling(NamedTuple):
    """The settling time of payments, in seconds from their beginning.

    `pending` is the share that has not settled at an age; `within` is the age by which a share of them has, and
    infinite for those that never do.
    """

    name: str
    pending: Callable[[float], float]
    within: Callable[[float], float]

    def times(self, count: int, chance: random.Random) -> list[float]:
        """Draw the settling times of `count` payments: one from each of as many equal parts, in any order."""
        parts = [(part + chance.uniform(_LEAST, 1.0 - _LEAST)) / count for part in range(count)]
        chance.shuffle(parts)
        return [self.within(part) for part in parts]


def uniform(least: float, most: float) -> Settling:
    """Return a settling time for which every length from `least` to `most` is as likely."""

    def pending(age: float) -> float:
        return 1.0 - min(max((age - least) / (most - least), 0.0), 1.0)

    return Settling(f"uniform, {least:g} to {most:g} s", pending, lambda share: least + (most - least) * share)


def lognormal(median: float, sigma: float) -> Settling:
    """Return a settling time whose logarithm is normal: half within the median, and a long tail."""
    logarithm = NormalDist(math.log(median), sigma)

    def pending(age: float) -> float:
        return 1.0 - logarithm.cdf(math.log(age)) if age > 0.0 else 1.0

    name = f"lognormal, median {median:g} s, sigma {sigma:g}"
    return Settling(name, pending, lambda share: math.exp(logarithm.inv_cdf(share)))


def with_some_that_never(settling: Settling, share: float) -> Settling:
    """Return the same for all but a `share` of the payments, which never settle."""
    others = 1.0 - share

    def within(part: float) -> float:
        return settling.within(part / others) if part < others else math.inf

    name = f"{settling.name}; {share:.0%} never settle"
    return Settling(name, lambda age: share + others * settling.pending(age), within)
