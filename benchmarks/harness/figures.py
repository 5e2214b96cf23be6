"""What measured values come to: quantiles, and ratios to the floor."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Ratio(NamedTuple):
    """A ratio to the floor: the median of the rounds, the smallest and the largest."""

    median: float
    smallest: float
    largest: float

    def __str__(self) -> str:
        """Show all three."""
        return f"{self.median:.2f} ({self.smallest:.2f} to {self.largest:.2f})"


def ratio(values: Sequence[float], floor: Sequence[float]) -> Ratio:
    """Compare round by round, so that what slows a whole round slows both."""
    ratios = [value / lowest for value, lowest in zip(values, floor, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the sorted values lies: 0.5 is the median, 0.99 the p99."""
    return values[min(int(len(values) * share), len(values) - 1)]
