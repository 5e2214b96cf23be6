"""How many polls per second many payments need, and how late they are reported under a ceiling: the tables."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.capacity import calculation
from benchmarks.capacity.points import LoadPoint
from benchmarks.capacity.scenarios import scenarios
from benchmarks.capacity.simulation import delays, simulate
from benchmarks.harness.figures import quantile
from benchmarks.harness.tables import quantile_cells, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from benchmarks.capacity.calculation import Poll
    from benchmarks.capacity.simulation import Load, Payment, Simulated

AGES = ((0.0, 15.0), (15.0, 60.0), (60.0, 180.0), (180.0, 600.0))
STEADY = (0.5, 0.75)
"""The measured part of the time in which payments begin: payments of all ages are there, and new ones still begin."""

BIN = 10
"""Seconds of one point of a plot over time."""


def load(options: argparse.Namespace) -> str:
    """Return the polls per second, the payments in flight and the delays of each scenario, and draw them over time."""
    begin, end = (int(options.window * part) for part in STEADY)
    loads, by_age, runs = [], [], []
    for scenario in scenarios(options.payments, options.window):
        run, made = simulate(scenario.load), scenario.polls()
        steady = [payment for payment in run.payments if begin <= payment.settles < end]
        late = quantile_cells(delays(steady), 0.5, 0.9, 0.99)
        loads.append([scenario.name, *_simulated_and_calculated(scenario.load, run, made, begin, end), *late])
        by_age.append([scenario.name, *_delays_by_age(scenario.load, steady, made)])
        runs.append((scenario.load, run, made))
    head = [
        f"{options.payments} payments in {options.window:g} s",
        *("polls per second", "calculated", "in flight", "calculated", "delay p50", "p90", "p99"),
    ]
    ages = [f"{youngest:g} to {oldest:g} s" for youngest, oldest in AGES]
    written = f"{table(head, loads)}\n\n{table(['delay p50 (calculated), by age when settled', *ages], by_age)}"
    if options.plots is not None:
        from benchmarks.capacity import plots  # noqa: PLC0415 - its package is only there when plots are drawn

        plots.draw_load(options.plots / "capacity_load.svg", _lines(runs))
        written += "\n\n![Polls per second and payments in flight over time](../capacity_load.svg)"
    return written


def _simulated_and_calculated(load: Load, run: Simulated, made: list[Poll], begin: int, end: int) -> list[str]:
    """Return the polls per second and the payments in flight between two times, each simulated and calculated."""
    in_flight = run.in_flight()
    figures = (
        statistics.mean(run.polls_by_second[begin:end]),
        calculation.polls_per_second(made, load.rate, begin),
        statistics.mean(in_flight[begin:end]),
        calculation.in_flight(made, load, since_first=begin),
    )
    return [f"{figure:.0f}" for figure in figures]


def _delays_by_age(load: Load, settled: list[Payment], made: list[Poll]) -> list[str]:
    """Return the median delay for each range of ages at which payments settled, simulated and calculated."""
    cells = []
    for youngest, oldest in AGES:
        late = delays(payment for payment in settled if youngest <= payment.settles - payment.began < oldest)
        calculated = calculation.delays(made, load.settling, load.round_trip, youngest=youngest, oldest=oldest)
        cells.append(f"{quantile(late, 0.5):.1f} s ({quantile(calculated, 0.5):.1f})" if late and calculated else "")
    return cells


def _lines(runs: Sequence[tuple[Load, Simulated, list[Poll]]]) -> dict[str, list[LoadPoint]]:
    """Return the lines of the plot: the first scenario, which has no ceiling, and the second one."""
    (free, free_run, free_polls), (_, limited_run, _), *_ = runs
    return {
        "no ceiling: simulated": _over_time(free_run),
        "no ceiling: calculated": _calculated_over_time(free, free_polls, len(free_run.polls_by_second)),
        "at a ceiling of half of the polls: simulated": _over_time(limited_run),
    }


def _over_time(run: Simulated) -> list[LoadPoint]:
    """Return a point for every `BIN` seconds of a simulation."""
    in_flight, polls = run.in_flight(), run.polls_by_second
    return [
        LoadPoint(begin + BIN / 2, statistics.mean(polls[begin : begin + BIN]), in_flight[begin + BIN // 2])
        for begin in range(0, len(polls) - BIN, BIN)
    ]


def _calculated_over_time(load: Load, made: list[Poll], length: int) -> list[LoadPoint]:
    """Return the calculated points for as many seconds."""
    points = []
    for begin in range(0, length - BIN, BIN):
        second = begin + BIN / 2
        since_last = max(second - load.window, 0.0)
        polls = calculation.polls_per_second(made, load.rate, second, since_last)
        in_flight = calculation.in_flight(made, load, since_first=second, since_last=since_last)
        points.append(LoadPoint(second, polls, in_flight))
    return points
