"""What a call and a collection cost, by who wrote the code: bars of the last run of the benchmarks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from docs.figures.drawing import WIDTH, Drawing

_LAST = Path(__file__).parents[1] / "benchmarks_last.inc"
_UNITS = {"µs": 1.0, "ms": 1000.0}
_LABELS, _VALUES = 188.0, 64.0
_HEAD, _ROW, _BAR = 30.0, 22.0, 12.0


class Chart(NamedTuple):
    """One group of bars: its title, the row that begins its table in the page, and the column of the figure."""

    title: str
    table: str
    column: int


CHARTS = (
    Chart("CPU time of a status check", "**Check a payment's status (GET)**", 1),
    Chart("Time of a collection, when each answer takes 20 ms", "## A whole collection, when each answer", 2),
)
PROGRAMS = {
    "dollr_async": "dollr_async",
    "by hand: aiohttp and orjson (the floor)": "by hand: aiohttp, orjson",
    "by hand: requests in threads": "by hand: requests",
    "by hand: httpx": "by hand: httpx",
}


def costs(chart: Chart) -> dict[str, tuple[str, float]]:
    """Return what each program took: as it is shown, and in microseconds."""
    text = _LAST.read_text()
    found = {}
    for line in text[text.index(chart.table) :].split("\n\n", 2)[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        value = re.match(r"([\d.]+) (µs|ms)", cells[chart.column])
        if cells[0] in PROGRAMS and value:
            found[PROGRAMS[cells[0]]] = value[0], float(value[1]) * _UNITS[value[2]]
    return {shown: found[shown] for shown in PROGRAMS.values()}


def figure() -> str:
    """Return the figure as SVG."""
    drawing = Drawing("figure-costs")
    y, spoken = 0.0, []
    for chart in CHARTS:
        found = costs(chart)
        most = max(size for _, size in found.values())
        drawing.text(0.0, y + 18.0, chart.title, "title")
        y += _HEAD
        for name, (shown, size) in found.items():
            length = (WIDTH - _LABELS - _VALUES) * size / most
            drawing.text(0.0, y + 11.0, name, "name" if name == "dollr_async" else "")
            drawing.box(_LABELS, y, length, _BAR, *(["node"] if name == "dollr_async" else []))
            drawing.text(_LABELS + length + 6.0, y + 11.0, shown)
            y += _ROW
        y += 12.0
        spoken.append(f"{chart.title}: {', '.join(f'{name} {shown}' for name, (shown, _) in found.items())}.")
    return drawing.svg(y, title="What a call and a collection cost", description=" ".join(spoken))
