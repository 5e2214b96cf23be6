"""Tables of what one call and one collection cost with each rival."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness.figures import ratio
from benchmarks.harness.processes import stub_server
from benchmarks.harness.rounds import run_rounds
from benchmarks.harness.tables import table
from benchmarks.rivals.registry import FLOOR, RIVALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness.rounds import Figures

_TITLES = {
    "status": "Check a payment's status (GET)",
    "party": "Create a party (POST)",
    "direct": "Collect with one checkout (5 requests)",
    "document_first": "Collect for an invoice of one line (9 requests)",
}
_MILLISECOND = 1000.0


class Amount(NamedTuple):
    """How much is run: how many at the same time, how often each, and how many rounds."""

    at_once: Sequence[int]
    times: int
    rounds: int


def measured(rivals: Sequence[str], work: Sequence[str], amount: Amount, *, delay: float = 0.0) -> dict[str, Figures]:
    """Run the rivals alternately against one stub server."""
    with stub_server(delay) as url:
        arguments = {}
        for name in rivals:
            times = max(int(amount.times * RIVALS[name].share), 1)
            arguments[name] = [name, url, "--work", *work, "--at-once", *amount.at_once, "--times", times]
        return run_rounds("calls.cost_per_call", arguments, amount.rounds)


def cpu_tables(figures: dict[str, Figures], work: Sequence[str], amount: Amount) -> str:
    """Return, for each kind of work, the CPU time of one and its ratio to the floor."""
    head = ["CPU time of one", *(f"{number} at once" for number in amount.at_once)]
    sections = []
    for kind in work:
        names = [f"{kind} {number} cpu" for number in amount.at_once]
        rows = [[RIVALS[name].shown, *(_cell(figures, name, figure) for figure in names)] for name in figures]
        sections.append(f"**{_TITLES[kind]}**\n\n{table(head, rows)}")
    return "\n\n".join(sections)


def _cell(figures: dict[str, Figures], name: str, figure: str) -> str:
    values = figures[name][figure]
    median = statistics.median(values)
    shown = f"{median / _MILLISECOND:.2f} ms" if median >= _MILLISECOND else f"{median:.0f} µs"
    if name == FLOOR or FLOOR not in figures:
        return shown
    return f"{shown}, {ratio(values, figures[FLOOR][figure])}"


def rate_table(figures: dict[str, Figures], work: Sequence[str], amount: Amount) -> str:
    """Return how many calls per second one process makes."""
    columns = [(kind, number) for kind in work for number in amount.at_once]
    head = ["calls per second", *(f"{kind}, {number} at once" for kind, number in columns)]
    rows = [
        [
            RIVALS[name].shown,
            *(f"{1e6 / statistics.median(figures[name][f'{kind} {number} wall']):.0f}" for kind, number in columns),
        ]
        for name in figures
    ]
    return table(head, rows)


def latency_table(figures: dict[str, Figures], work: Sequence[str]) -> str:
    """Return how long one takes when nothing else runs."""
    head = ["time of one", *(_TITLES[kind] for kind in work)]
    rows = [
        [
            RIVALS[name].shown,
            *(f"{statistics.median(figures[name][f'{kind} 1 wall']) / _MILLISECOND:.0f} ms" for kind in work),
        ]
        for name in figures
    ]
    return table(head, rows)
