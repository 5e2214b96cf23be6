"""How late polling reports that a payment has settled, and how many polls that takes: the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from benchmarks.capacity import calculation
from benchmarks.capacity.points import DelayPoint
from benchmarks.capacity.scenarios import DEFAULT, FIXED, ROUND_TRIP, SETTLING_TIMES, simulate_unhurried
from benchmarks.capacity.simulation import delays
from benchmarks.harness.figures import quantile
from benchmarks.harness.tables import quantile_cells, table

if TYPE_CHECKING:
    import argparse

MAX_INTERVALS = (2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0)


def detection(options: argparse.Namespace) -> str:
    """Return the delay and the polls of the default policy and of polling every 2 seconds, and what to compare."""
    rows, verdicts = [], []
    for settling in SETTLING_TIMES:
        polls, late = {}, {}
        for name, policy in (("every 2 s", FIXED), ("the default", DEFAULT)):
            run = simulate_unhurried(policy, settling, options.detection_payments)
            polls[name], late[name] = run.polls_per_payment(), delays(run.payments)
            calculated = calculation.polls_per_payment(calculation.polls(policy, settling, ROUND_TRIP))
            figures = f"{polls[name]:.1f}", f"{calculated:.1f}", *quantile_cells(late[name], 0.5, 0.9, 0.99)
            rows.append([settling.name, name, *figures])
        share, median = polls["the default"] / polls["every 2 s"], quantile(late["the default"], 0.5)
        is_half, is_early = share <= 0.5, median <= DEFAULT.max_interval / 2.0  # noqa: PLR2004 - a half
        verdicts.append([settling.name, f"{share:.2f}", _yes_or_no(is_half), f"{median:.2f} s", _yes_or_no(is_early)])
    head = [
        f"{options.detection_payments} payments per row",
        *("policy", "polls per payment", "calculated", "delay p50", "p90", "p99"),
    ]
    target = ["the default", "polls, as a share of every 2 s", "at most half", "delay p50"]
    target.append(f"at most {DEFAULT.max_interval / 2.0:g} s, half of `max_interval`")
    return f"{table(head, rows)}\n\n{table(target, verdicts)}"


def _yes_or_no(holds: bool) -> str:  # noqa: FBT001 - its only argument
    return "yes" if holds else "no"


def max_interval(options: argparse.Namespace) -> str:
    """Return the delay and the polls for each choice of `max_interval`, and draw them."""
    lines: dict[str, list[DelayPoint]] = {}
    for settling in SETTLING_TIMES:
        lines[settling.name] = points = []
        for longest in MAX_INTERVALS:
            policy = attrs.evolve(DEFAULT, max_interval=longest)
            run = simulate_unhurried(policy, settling, options.curve_payments)
            points.append(DelayPoint(longest, run.polls_per_payment(), quantile(delays(run.payments), 0.5)))
    written = []
    for name, points in lines.items():
        head = [
            f"`max_interval`, {options.curve_payments} payments per row",
            *("polls per payment", "as a share of every 2 s", "delay p50"),
        ]
        rows = [
            (f"{longest:g} s", f"{polls:.1f}", f"{polls / points[0].polls:.2f}", f"{delay:.2f} s")
            for longest, polls, delay in points
        ]
        written.append(f"**{name}**\n\n{table(head, rows)}")
    if options.plots is not None:
        from benchmarks.capacity import plots  # noqa: PLC0415 - its package is only there when plots are drawn

        plots.draw_delays(options.plots / "capacity_curve.svg", lines)
        written.append("![Polls per payment and median detection delay](../capacity_curve.svg)")
    return "\n\n".join(written)
