"""What polling costs and how late it tells, on paper and by simulation: `python -m benchmarks.capacity`.

The tables go to the terminal and, with `--page`, into the file that the documentation shows; with `--plots`, the plots
into a directory. All times are virtual: the same figures come out on any machine.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import attrs

from benchmarks import pages
from benchmarks.capacity import paper
from benchmarks.capacity.settling import lognormal, uniform, with_some_that_never
from benchmarks.capacity.simulation import Load, Simulated, delays, quantile, simulate
from benchmarks.harness.rounds import table
from dollr_async import PollPolicy
from dollr_async.following.schedule import MOST_POLLS_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.capacity.settling import Settling
    from benchmarks.capacity.simulation import Payment

ROUND_TRIP = 0.1
DEFAULT = PollPolicy()
FIXED = PollPolicy(interval=2.0, max_interval=2.0)
SETTLING = (uniform(30.0, 300.0), lognormal(20.0, 1.0))
MOBILE_MONEY = with_some_that_never(lognormal(20.0, 1.0), 0.03)
MAX_INTERVALS = (2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0)
AGES = ((0.0, 15.0), (15.0, 60.0), (60.0, 180.0), (180.0, 600.0))
STEADY = (0.5, 0.75)
"""The part of the time in which payments begin that is measured: all ages are there by then, and none is left alone."""

BIN = 10
"""Seconds of one point of a plot over time."""

_UNHURRIED = 300.0
"""Looks a second at which payments wait for nobody else's: half of what `MOST_POLLS_IN_FLIGHT` lets one client make."""


def alone(policy: PollPolicy, settling: Settling, payments: int) -> Simulated:
    """Follow payments of which none waits for another."""
    needed = paper.looks_per_payment(paper.looks(policy, settling, ROUND_TRIP))
    window = payments * needed / _UNHURRIED
    return simulate(Load(policy, settling, payments, window, round_trip=ROUND_TRIP))


def seconds(values: list[float], *shares: float) -> list[str]:
    """Show the given quantiles of sorted seconds."""
    return [f"{quantile(values, share):.2f} s" if values else "" for share in shares]


def detection(options: argparse.Namespace) -> str:
    """Detection delay against polls."""
    rows, verdicts = [], []
    for settling in SETTLING:
        polls, late = {}, {}
        for name, policy in (("every 2 s", FIXED), ("the default", DEFAULT)):
            run = alone(policy, settling, options.alone)
            polls[name], late[name] = run.looks_per_payment(), delays(run.payments)
            on_paper = paper.looks_per_payment(paper.looks(policy, settling, ROUND_TRIP))
            figures = f"{polls[name]:.1f}", f"{on_paper:.1f}", *seconds(late[name], 0.5, 0.9, 0.99)
            rows.append([settling.name, name, *figures])
        share, median = polls["the default"] / polls["every 2 s"], quantile(late["the default"], 0.5)
        is_half, is_early = share <= 0.5, median <= DEFAULT.max_interval / 2.0  # noqa: PLR2004 - a half
        verdicts.append([settling.name, f"{share:.2f}", said(is_half), f"{median:.2f} s", said(is_early)])
    head = [f"{options.alone} payments settle", "policy", "polls of a payment", "on paper", "delay p50", "p90", "p99"]
    target = ["the default", "share of the polls every 2 s", "at most half", "delay p50"]
    target.append(f"at most {DEFAULT.max_interval / 2.0:g} s, half of `max_interval`")
    return f"{table(head, rows)}\n\n{table(target, verdicts)}"


def said(holds: bool) -> str:  # noqa: FBT001 - it is what is said
    """Say whether something holds."""
    return "yes" if holds else "no"


class Point(NamedTuple):
    """One point of the curve; the delay is the median, in seconds."""

    max_interval: float
    polls: float
    delay: float


def curve(options: argparse.Namespace) -> str:
    """The choice of `max_interval`."""
    lines: dict[str, list[Point]] = {}
    for settling in SETTLING:
        lines[settling.name] = points = []
        for longest in MAX_INTERVALS:
            run = alone(attrs.evolve(DEFAULT, max_interval=longest), settling, options.curve)
            points.append(Point(longest, run.looks_per_payment(), quantile(delays(run.payments), 0.5)))
    written = []
    for name, points in lines.items():
        head = [f"`max_interval`, {options.curve} payments each", "polls of a payment", "beside every 2 s", "delay p50"]
        rows = [
            (f"{longest:g} s", f"{polls:.1f}", f"{polls / points[0].polls:.2f}", f"{delay:.2f} s")
            for longest, polls, delay in points
        ]
        written.append(f"**{name}**\n\n{table(head, rows)}")
    if options.plots is not None:
        from benchmarks.capacity import plots  # noqa: PLC0415 - its package is only there when plots are drawn

        plots.curve(options.plots / "capacity_curve.svg", lines)
        written.append("![Polls of a payment against the median detection delay](../capacity_curve.svg)")
    return "\n\n".join(written)


class Case(NamedTuple):
    """One way to follow the same payments."""

    name: str
    load: Load

    def looks(self) -> list[paper.Poll]:
        """Return the looks at a payment on paper, slowed by as much as the ceiling takes."""
        load = self.load
        each = load.per_second or math.inf
        most = load.clients * min(each, MOST_POLLS_IN_FLIGHT / load.round_trip) / load.rate
        slower = paper.slowed_by(load.policy, load.settling, load.round_trip, most)
        return paper.looks(load.policy, load.settling, load.round_trip, slower=slower)


def cases(options: argparse.Namespace) -> list[Case]:
    """Return the loads of the capacity section: without a ceiling, below two, and with too few looks at once."""
    free = Load(DEFAULT, MOBILE_MONEY, options.payments, options.window, round_trip=ROUND_TRIP, clients=2)
    demand = free.rate * paper.looks_per_payment(paper.looks(DEFAULT, MOBILE_MONEY, ROUND_TRIP))
    half, quarter = (attrs.evolve(free, per_second=share * demand / free.clients) for share in (0.5, 0.25))
    slow = attrs.evolve(free, clients=1, round_trip=2.0 * ROUND_TRIP)
    return [
        Case("two clients, no ceiling", free),
        Case(f"two clients, ceilings of {half.per_second:.0f} a second each", half),
        Case(f"two clients, ceilings of {quarter.per_second:.0f} a second each", quarter),
        Case(f"one client, no ceiling, round trips of {slow.round_trip:g} s", slow),
    ]


def capacity(options: argparse.Namespace) -> str:
    """Polls a second and payments in flight."""
    begin, end = (int(options.window * part) for part in STEADY)
    loads, by_age, runs = [], [], []
    for case in cases(options):
        run, made = simulate(case.load), case.looks()
        steady = [payment for payment in run.payments if begin <= payment.settles < end]
        late = seconds(delays(steady), 0.5, 0.9, 0.99)
        loads.append([case.name, *against_paper(case.load, run, made, begin, end), *late])
        by_age.append([case.name, *delay_by_age(case.load, steady, made)])
        runs.append((case, run, made))
    head = [
        f"{options.payments} payments in {options.window:g} s",
        "polls a second",
        "on paper",
        "in flight",
        "on paper",
    ]
    first = table([*head, "delay p50", "p90", "p99"], loads)
    second = table(["delay p50 (on paper), settled at the age of", *(f"{a:g} to {b:g} s" for a, b in AGES)], by_age)
    written = f"{first}\n\n{second}"
    if options.plots is not None:
        from benchmarks.capacity import plots  # noqa: PLC0415 - its package is only there when plots are drawn

        lines = {
            "no ceiling: simulated": over_time(runs[0][1]),
            "no ceiling: on paper": over_time_on_paper(runs[0][0].load, runs[0][2], len(runs[0][1].polls)),
            "at a ceiling of half of the polls: simulated": over_time(runs[1][1]),
        }
        plots.load(options.plots / "capacity_load.svg", lines)
        written += "\n\n![Polls a second and payments in flight over time](../capacity_load.svg)"
    return written


def against_paper(load: Load, run: Simulated, made: list[paper.Poll], begin: int, end: int) -> list[str]:
    """Return the polls a second and the payments in flight between two times, each as simulated and on paper."""
    followed = run.in_flight()
    figures = (
        statistics.mean(run.polls[begin:end]),
        paper.polls_per_second(made, load.rate, begin),
        statistics.mean(followed[begin:end]),
        paper.in_flight(made, load, since_first=begin),
    )
    return [f"{figure:.0f}" for figure in figures]


def delay_by_age(load: Load, settled: list[Payment], made: list[paper.Poll]) -> list[str]:
    """Return the median delay of those settled at each range of ages, as simulated and on paper."""
    cells = []
    for least, most in AGES:
        late = delays(payment for payment in settled if least <= payment.settles - payment.began < most)
        on_paper = paper.delays(made, load.settling, load.round_trip, least=least, most=most)
        cells.append(f"{quantile(late, 0.5):.1f} s ({quantile(on_paper, 0.5):.1f})" if late and on_paper else "")
    return cells


class Moment(NamedTuple):
    """One moment of a load, in seconds from its beginning."""

    second: float
    polls: float
    in_flight: float


def over_time(run: Simulated) -> list[Moment]:
    """Return a point for every few seconds of a simulation."""
    followed = run.in_flight()
    return [
        Moment(begin + BIN / 2, statistics.mean(run.polls[begin : begin + BIN]), followed[begin + BIN // 2])
        for begin in range(0, len(run.polls) - BIN, BIN)
    ]


def over_time_on_paper(load: Load, made: list[paper.Poll], length: int) -> list[Moment]:
    """Return the same points from the formula: those that began until then, less those that never began."""
    moments = []
    for begin in range(0, length - BIN, BIN):
        second = begin + BIN / 2
        last = max(second - load.window, 0.0)
        polls = paper.polls_per_second(made, load.rate, second, last)
        moments.append(Moment(second, polls, paper.in_flight(made, load, since_first=second, since_last=last)))
    return moments


SECTIONS: dict[str, tuple[str, Callable[[argparse.Namespace], str]]] = {
    "detection": ("Detection delay against polls", detection),
    "curve": ("The choice of max_interval", curve),
    "capacity": ("Polls a second and payments in flight", capacity),
}


def main() -> None:
    """Read the options, simulate, and show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all, unless given")
    parser.add_argument("--alone", type=int, default=20_000, help="payments for each row of detection")
    parser.add_argument("--curve", type=int, default=5_000, help="payments for each point of the curve")
    parser.add_argument("--payments", type=int, default=100_000, help="payments for each row of capacity")
    parser.add_argument("--window", type=float, default=1800.0, help="seconds within which those begin")
    parser.add_argument("--page", type=Path, help="the file to write the tables to")
    parser.add_argument("--plots", type=Path, help="the directory to draw the plots into")
    options = pages.read(parser, SECTIONS)
    if options.plots is not None and find_spec("matplotlib") is None:
        print("the plots are left out: matplotlib is not installed", file=sys.stderr)
        options.plots = None
    pages.show(options, SECTIONS)


if __name__ == "__main__":
    main()
