"""Rounds of runs in turns, each in a fresh process, and what they come to: medians, and ratios to the floor."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness.processes import a_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Figures = dict[str, list[float]]
"""For each figure, its values round by round."""


class Ratio(NamedTuple):
    """How many times the floor: the median of the rounds, the least and the most."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Show all three."""
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def in_turns(module: str, arguments: Mapping[str, Sequence[object]], rounds: int) -> dict[str, Figures]:
    """Run each one's arguments once in every round: A B C, B C A, C A B; return all figures of each."""
    found: dict[str, Figures] = {name: {} for name in arguments}
    names = list(arguments)
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            print(f"  round {turn + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            for figure, value in a_run(module, arguments[name]).items():
                found[name].setdefault(figure, []).append(value)
    return found


def ratio(values: Sequence[float], floor: Sequence[float]) -> Ratio:
    """Compare round by round, so that what slows a whole round slows both."""
    ratios = [value / least for value, least in zip(values, floor, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown whose columns are lined up for the terminal."""
    written = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    first, *others = (
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in written
    )
    return "\n".join([first, f"|{'|'.join('-' * (width + 2) for width in widths)}|", *others])
