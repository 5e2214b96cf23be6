"""One call, and a whole collection, of each rival: the tables."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness.processes import a_stub
from benchmarks.harness.rounds import in_turns, ratio, table
from benchmarks.rivals.roster import FLOOR, RIVALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness.rounds import Figures

_SHOWN = {
    "status": "Ask for a payment's status (GET)",
    "party": "Create a party (POST)",
    "direct": "Collect by one checkout (5 requests)",
    "document_first": "Collect for an invoice of one line (9 requests)",
}
_MILLISECOND = 1000.0


class Amount(NamedTuple):
    """How much is run: how many at once, how often each, and how many rounds."""

    at_once: Sequence[int]
    times: int
    rounds: int


def measured(rivals: Sequence[str], work: Sequence[str], amount: Amount, *, delay: float = 0.0) -> dict[str, Figures]:
    """Run the rivals in turns against one stub."""
    with a_stub(delay) as url:
        arguments = {}
        for name in rivals:
            times = max(int(amount.times * RIVALS[name].share), 1)
            arguments[name] = [name, url, "--work", *work, "--at-once", *amount.at_once, "--times", times]
        return in_turns("calls.one_run", arguments, amount.rounds)


def cpu_tables(figures: dict[str, Figures], work: Sequence[str], amount: Amount) -> str:
    """Return, for each kind of work, the CPU time of one and its ratio to the floor."""
    head = ["CPU time of one", *(f"{number} at once" for number in amount.at_once)]
    sections = []
    for kind in work:
        names = [f"{kind} {number} cpu" for number in amount.at_once]
        rows = [[RIVALS[name].shown, *(_cell(figures, name, figure) for figure in names)] for name in figures]
        sections.append(f"**{_SHOWN[kind]}**\n\n{table(head, rows)}")
    return "\n\n".join(sections)


def _cell(figures: dict[str, Figures], name: str, figure: str) -> str:
    values = figures[name][figure]
    median = statistics.median(values)
    shown = f"{median / _MILLISECOND:.2f} ms" if median >= _MILLISECOND else f"{median:.0f} µs"
    if name == FLOOR or FLOOR not in figures:
        return shown
    return f"{shown}, {ratio(values, figures[FLOOR][figure])}"


def rate_table(figures: dict[str, Figures], work: Sequence[str], amount: Amount) -> str:
    """Return how many a second one process makes."""
    columns = [(kind, number) for kind in work for number in amount.at_once]
    head = ["a second", *(f"{kind}, {number} at once" for kind, number in columns)]
    rows = [
        [
            RIVALS[name].shown,
            *(f"{1e6 / statistics.median(figures[name][f'{kind} {number} wall']):.0f}" for kind, number in columns),
        ]
        for name in figures
    ]
    return table(head, rows)


def latency_table(figures: dict[str, Figures], work: Sequence[str]) -> str:
    """Return how long one takes alone."""
    head = ["time of one, alone", *(_SHOWN[kind] for kind in work)]
    rows = [
        [
            RIVALS[name].shown,
            *(f"{statistics.median(figures[name][f'{kind} 1 wall']) / _MILLISECOND:.0f} ms" for kind in work),
        ]
        for name in figures
    ]
    return table(head, rows)
