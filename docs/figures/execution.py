"""An execution as a state machine: a box for each action, with a row for each that may follow and what leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from docs.figures.drawing import LINE, NORMAL, SMALL, WIDTH, Drawing, text_width, wrapped
from docs.figures.transitions import transitions
from dollr_async.flows.attempt import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.figures.transitions import Edge

_CARD, _PADDING = 224.0, 9.0
_CARD_GAP, _ROW_GAP = 22.0, 7.0
_LANE = 8.0
_TOP, _BASE = 14.0, 17.0


class _Row(NamedTuple):
    """The results of an action that lead to one other, as lines of words with their styles, and where they stand."""

    target: Action
    lines: list[list[tuple[str, str]]]
    y: float

    @property
    def end(self) -> float:
        return self.y + LINE * len(self.lines)

    @property
    def middle(self) -> float:
        return (self.y + self.end) / 2


class _Card(NamedTuple):
    """An action after which it goes on, with a row for each that may follow."""

    action: Action
    title: list[str]
    y: float
    rows: list[_Row]

    @property
    def end(self) -> float:
        return self.rows[-1].end + _PADDING


def _lines(words: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    lines: list[list[tuple[str, str]]] = [[]]
    for number, (word, style) in enumerate(words):
        written = word if number == len(words) - 1 else f"{word},"
        taken = sum(text_width(f"{other} ") for other, _ in lines[-1])
        if lines[-1] and taken + text_width(written) > _CARD - 2 * _PADDING:
            lines.append([])
        lines[-1].append((written, style))
    return lines


def _cards(edges: Sequence[Edge], ends: Sequence[Action]) -> list[_Card]:
    cards: list[_Card] = []
    y = _TOP
    for action in dict.fromkeys(edge.source for edge in edges):
        rows: list[_Row] = []
        title = wrapped(action.value, (_CARD - 2 * _PADDING) * SMALL / NORMAL * 0.95)
        row_y = y + LINE * len(title) + 10.0
        targets = {edge.target for edge in edges if edge.source is action}
        for target in sorted(targets, key=lambda target: (target in ends, list(Action).index(target))):
            words = [
                (edge.result, "" if edge.is_always else "sometimes")
                for edge in edges
                if (edge.source, edge.target) == (action, target)
            ]
            rows.append(_Row(target, _lines(words), row_y))
            row_y = rows[-1].end + _ROW_GAP
        cards.append(_Card(action, title, y, rows))
        y = cards[-1].end + _CARD_GAP
    return cards


def figure() -> str:
    """Return the figure as SVG."""
    edges = transitions()
    ends = [action for action in Action if all(edge.source is not action for edge in edges)]
    cards = _cards(edges, ends)
    drawing = Drawing("figure-execution")
    left = _LANE * len(cards) + 12.0
    for card in cards:
        _draw_card(drawing, card, left, ends)
    _draw_going_on(drawing, cards, left)
    _draw_ends(drawing, cards, left + _CARD, ends)
    height = cards[-1].end + 20.0
    drawing.text(0.0, height, "Slanted: it depends on what is known then. The tables say how.", "quiet", "sometimes")
    told = (f"{edge.source.value}, {edge.result}: {edge.target.value}" for edge in edges)
    return drawing.svg(
        height + 6.0,
        title="The state machine of one execution",
        description=f"It begins with: send. Each action, its result, and the next action. {'; '.join(told)}.",
    )


def _draw_card(drawing: Drawing, card: _Card, left: float, ends: Sequence[Action]) -> None:
    drawing.box(left, card.y, _CARD, card.end - card.y)
    for number, words in enumerate(card.title):
        drawing.text(left + _PADDING, card.y + _BASE + LINE * number, words, "title")
    for row in card.rows:
        is_end = row.target in ends
        x = left + _CARD - _PADDING if is_end else left + _PADDING
        for number, line in enumerate(row.lines):
            drawing.words(x, row.y + 11.5 + LINE * number, line, anchor="end" if is_end else "")


def _draw_going_on(drawing: Drawing, cards: Sequence[_Card], left: float) -> None:
    """Draw the lines to actions after which it goes on: left of the boxes, with a lane for each of them."""
    start = cards[0].y + 7.0
    drawing.dot(6.0, start)
    drawing.line([(6.0, start), (left, start)])
    for number, card in enumerate(cards):
        lane, enters = left - 10.0 - _LANE * number, card.y + _BASE + 1.0
        for leaves in (row.middle for other in cards for row in other.rows if row.target is card.action):
            drawing.line([(left, leaves), (lane, leaves), (lane, enters), (left, enters)])


def _draw_ends(drawing: Drawing, cards: Sequence[_Card], right: float, ends: Sequence[Action]) -> None:
    """Draw the actions with which it ends: right of the boxes, with a lane for the lines to each of them."""
    left, lowest = right + _LANE * (len(ends) + 1) + 8.0, _TOP
    for number, end in enumerate(ends):
        sources = [row.middle for card in cards for row in card.rows if row.target is end]
        lines = _lines_of_end(end.value, WIDTH - left - 1.0 - 2 * _PADDING)
        height = LINE * len(lines) + 12.0
        y = max(lowest, sum(sources) / max(len(sources), 1) - height / 2)
        lowest = y + height + _CARD_GAP
        style = "good" if end is Action.ADOPT else ""
        drawing.box(left, y, WIDTH - left - 1.0, height, style)
        for count, line in enumerate(lines):
            drawing.text(left + _PADDING, y + _BASE + LINE * count, line, "" if count else "title")
        lane, enters = right + _LANE * (number + 1), y + height / 2
        for leaves in sources:
            drawing.line([(right, leaves), (lane, leaves), (lane, enters), (left, enters)], style)


def _lines_of_end(value: str, width: float) -> list[str]:
    name, colon, more = value.partition(":")
    return [f"{name}{colon}", *(wrapped(more, width) if more else [])]
