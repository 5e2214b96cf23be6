"""Rounds: in each, every contestant runs once, in a fresh process and in another order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.harness.processes import run_in_process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Figures = dict[str, list[float]]
"""For each figure, its values round by round."""


def run_rounds(module: str, arguments: Mapping[str, Sequence[object]], rounds: int) -> dict[str, Figures]:
    """Run a module with each contestant's arguments once per round: A B C, B C A, C A B; return each one's figures."""
    found: dict[str, Figures] = {name: {} for name in arguments}
    names = list(arguments)
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            print(f"  round {turn + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            for figure, value in run_in_process(module, arguments[name]).items():
                found[name].setdefault(figure, []).append(value)
    return found
