"""The plots of the capacity page, as SVG files; the same figures give the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.capacity.points import DelayPoint, LoadPoint

COLOURS = ("#1b6ca8", "#c8531c", "#3d8b37")
_CLOSE = 0.2
"""Seconds of delay: points that are closer than this share one label."""

_STYLE = {
    "svg.hashsalt": "dollr_async",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "path.simplify_threshold": 0.5,
}


def draw_delays(path: Path, lines: Mapping[str, Sequence[DelayPoint]]) -> None:
    """Draw the polls per payment over the median delay, a line for each settling time."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.0, 4.2), layout="constrained")
        axes = figure.subplots()
        for colour, (name, points) in zip(COLOURS, lines.items(), strict=False):
            delays, polls = [point.delay for point in points], [point.polls for point in points]
            axes.plot(delays, polls, "o-", color=colour, label=name, markersize=4)
            for label, where in _labels(points):
                axes.annotate(label, where, xytext=(4, 5), textcoords="offset points", color=colour)
        axes.set_xlabel("median detection delay, seconds")
        axes.set_ylabel("polls per payment")
        axes.set_xlim(left=0.0)
        axes.set_ylim(bottom=0.0)
        axes.legend(title="settling time; the numbers are max_interval in seconds", alignment="left")
        _save(figure, path)


def _labels(points: Sequence[DelayPoint]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the labels, which show `max_interval`, and their places; points that are close together share one."""
    while points:
        first = points[0]
        near = [point for point in points if point.delay - first.delay < _CLOSE]
        yield ", ".join(f"{point.max_interval:g}" for point in near), (first.delay, first.polls)
        points = points[len(near) :]


def draw_load(path: Path, lines: Mapping[str, Sequence[LoadPoint]]) -> None:
    """Draw polls per second and payments in flight over time, a line for each way to follow."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.0, 6.0), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        styles = (
            {"color": COLOURS[0], "linewidth": 1.2},
            {"color": "black", "linestyle": "--", "linewidth": 1.0},
            {"color": COLOURS[1], "linewidth": 1.2},
        )
        for style, (name, points) in zip(styles, lines.items(), strict=True):
            minutes = [point.second / 60.0 for point in points]
            above.plot(minutes, [point.polls for point in points], label=name, **style)
            below.plot(minutes, [point.in_flight for point in points], **style)
        above.set_ylabel("polls per second")
        below.set_ylabel("payments in flight")
        below.set_xlabel("minutes since the first payment began")
        for axes in (above, below):
            axes.set_xlim(left=0.0)
            axes.set_ylim(bottom=0.0)
        above.legend()
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
