"""The chain of a collection on its three routes: which step waits for which, and in which round trip each begins.

The steps and what they wait for stand here as data, and the round trips follow from them. tests/docs/test_figures.py
collects on each route and compares.
"""

from __future__ import annotations

from typing import NamedTuple

from docs.figures.drawing import WIDTH, Drawing

_LABELS, _COLUMN, _GUTTER = 108.0, 50.0, 22.0
_ROW, _NODE = 24.0, 18.0
_LANE, _ENTRY = 3.5, 5.5
_MONEY = 8.5
"""How far left of the execution the line stands from which on money can move."""
_TOP, _BETWEEN = 40.0, 34.0


class Step(NamedTuple):
    """One step, and the steps whose results it needs; a quote is asked only for a charge in another currency."""

    name: str
    after: tuple[str, ...] = ()
    is_optional: bool = False


class Route(NamedTuple):
    """One way to collect: what it is called, how it is asked for, and its steps from top to bottom."""

    name: str
    more: str
    steps: tuple[Step, ...]

    def columns(self) -> dict[str, int]:
        """Return the round trip in which each step begins, the first being 1."""
        columns: dict[str, int] = {}
        waiting = list(self.steps)
        while waiting:
            step = next(step for step in waiting if all(other in columns for other in step.after))
            columns[step.name] = 1 + max((columns[other] for other in step.after), default=0)
            waiting.remove(step)
        return columns


EXECUTION = "execution"
_OPERATOR = Step("operator")
ROUTES = (
    Route(
        "Document first",
        "one more for each further item",
        (
            Step("party"),
            Step("counterparty", ("party",)),
            Step("document", ("counterparty",)),
            Step("items", ("document",)),
            Step("publish", ("items",)),
            Step("session", ("publish",)),
            _OPERATOR,
            Step("quote", ("publish", "operator"), is_optional=True),
            Step("payment account", ("party", "operator")),
            Step(EXECUTION, ("session", "quote", "payment account")),
        ),
    ),
    Route(
        "Direct",
        "with any number of items",
        (
            Step("checkout"),
            Step("session", ("checkout",)),
            _OPERATOR,
            Step("quote", ("checkout", "operator"), is_optional=True),
            Step("payment account", ("checkout", "operator")),
            Step(EXECUTION, ("session", "quote", "payment account")),
        ),
    ),
    Route(
        "Existing document",
        "the document is only read",
        (
            Step("document"),
            Step("party"),
            Step("session", ("document", "party")),
            _OPERATOR,
            Step("quote", ("document", "party", "operator"), is_optional=True),
            Step("payment account", ("party", "operator")),
            Step(EXECUTION, ("session", "quote", "payment account")),
        ),
    ),
)


def figure() -> str:
    """Return the figure as SVG."""
    drawing = Drawing("figure-chain")
    y = 0.0
    for route in ROUTES:
        _Lane(drawing, route, y).draw()
        y += _TOP + _ROW * len(route.steps) + _BETWEEN
    y += 6.0
    drawing.text(0.0, y, "Dashed: only when the payer is charged in another currency.", "quiet")
    return drawing.svg(
        y + 6.0,
        title="The chain of a collection and its round trips, on three routes",
        description=" ".join(_told(route) for route in ROUTES),
    )


def _told(route: Route) -> str:
    columns = route.columns()
    trips = (
        f"in round trip {trip}: {', '.join(name for name, column in columns.items() if column == trip)}"
        for trip in range(1, columns[EXECUTION] + 1)
    )
    return f"{route.name}: {'; '.join(trips)}. Money can move from the execution on, not before."


class _Lane:
    """One route of the figure, from `top` down."""

    def __init__(self, drawing: Drawing, route: Route, top: float) -> None:
        self._drawing = drawing
        self._route = route
        self._top = top
        self._columns = route.columns()
        self._rows = {step.name: number for number, step in enumerate(route.steps)}

    def _left(self, name: str) -> float:
        return _LABELS + (self._columns[name] - 1) * _COLUMN

    def _right(self, name: str) -> float:
        return self._left(name) + _COLUMN - _GUTTER

    def _middle(self, name: str) -> float:
        return self._top + _TOP + (self._rows[name] + 0.5) * _ROW

    def draw(self) -> None:
        drawing, trips = self._drawing, self._columns[EXECUTION]
        drawing.text(0.0, self._top + 14.0, self._route.name, "title")
        drawing.text(WIDTH, self._top + 14.0, f"{trips} round trips, {self._route.more}", "quiet", anchor="end")
        drawing.text(0.0, self._top + 34.0, "round trip", "quiet")
        for trip in range(1, trips + 1):
            x = _LABELS + (trip - 1) * _COLUMN + (_COLUMN - _GUTTER) / 2
            drawing.text(x, self._top + 34.0, str(trip), "quiet", anchor="middle")
        for step in self._route.steps:
            self._draw_label(step)
        self._draw_money()
        for step in self._route.steps:
            self._draw_node(step)
        for step in self._route.steps:
            self._draw_edges(step)

    def _draw_label(self, step: Step) -> None:
        y = self._middle(step.name)
        if self._rows[step.name] % 2 == 0:
            self._drawing.box(0.0, y - _ROW / 2, WIDTH, _ROW, "band")
        self._drawing.text(4.0, y + 4.0, step.name)

    def _draw_node(self, step: Step) -> None:
        y = self._middle(step.name) - _NODE / 2
        style = "money" if step.name == EXECUTION else "optional" if step.is_optional else ""
        self._drawing.box(self._left(step.name), y, _COLUMN - _GUTTER, _NODE, "node", style)

    def _draw_edges(self, step: Step) -> None:
        # What comes from the left arrives lowest, so that it crosses nothing that comes down beside the step.
        sources = sorted(step.after, key=self._lane, reverse=True)
        for number, source in enumerate(sources):
            y = self._middle(step.name) + (number - (len(sources) - 1) / 2) * _ENTRY
            lane, start = self._lane(source), self._middle(source)
            is_optional = step.is_optional or self._route.steps[self._rows[source]].is_optional
            points = [(self._right(source), start), (lane, start), (lane, y), (self._left(step.name), y)]
            self._drawing.line(points, "optional" if is_optional else "")

    def _lane(self, source: str) -> float:
        """Return where the lines of a step go down: right of it, each step of a column in a lane of its own."""
        beside = [name for name in self._rows if self._columns[name] == self._columns[source]]
        return self._right(source) + 3.0 + _LANE * beside.index(source)

    def _draw_money(self) -> None:
        x, top = self._left(EXECUTION) - _MONEY, self._top + _TOP - 16.0
        bottom = self._top + _TOP + _ROW * len(self._rows) + 18.0
        self._drawing.line([(x, top), (x, bottom)], "money", has_head=False)
        words = "money can move from this line on"
        if x > WIDTH / 2:
            self._drawing.text(x - 6.0, bottom - 4.0, words, anchor="end")
        else:
            self._drawing.text(x + 6.0, bottom - 4.0, words)
