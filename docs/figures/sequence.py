"""Who writes what where, in the order of time: parties as columns, and an arrow for each message."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from docs.figures.drawing import WIDTH, Drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOP, _HEAD, _ROW = 2.0, 24.0, 34.0
_BOX = 86.0


class Message(NamedTuple):
    """One arrow: from whom, to whom, and what is written or asked."""

    source: str
    target: str
    words: str
    style: str = ""


class Event(NamedTuple):
    """Something that happens to all of them between two messages."""

    words: str


def sequence(name: str, title: str, parties: Sequence[str], steps: Sequence[Message | Event]) -> str:
    """Return a figure as SVG."""
    drawing = Drawing(f"figure-{name}")
    gap = (WIDTH - _BOX - 2.0) / (len(parties) - 1)
    middles = {party: 1.0 + _BOX / 2 + gap * number for number, party in enumerate(parties)}
    height = _TOP + _HEAD + _ROW * len(steps) + 14.0
    for party, x in middles.items():
        drawing.box(x - _BOX / 2, _TOP, _BOX, _HEAD)
        drawing.text(x, _TOP + 16.0, party, "title", anchor="middle")
        drawing.line([(x, _TOP + _HEAD), (x, height)], "rule", has_head=False)
    for number, step in enumerate(steps, start=1):
        y = _TOP + _HEAD + _ROW * number
        if isinstance(step, Event):
            drawing.line([(1.0, y), (WIDTH - 1.0, y)], "optional", has_head=False)
            drawing.text(WIDTH / 2, y - 6.0, step.words, "title", "over", anchor="middle")
            continue
        left, right = sorted((middles[step.source], middles[step.target]))
        drawing.line([(middles[step.source], y), (middles[step.target], y)], step.style)
        if left < WIDTH / 2:
            drawing.text(left + 5.0, y - 6.0, step.words, "over")
        else:
            drawing.text(right - 5.0, y - 6.0, step.words, "over", anchor="end")
    spoken = "; ".join(
        step.words if isinstance(step, Event) else f"{step.source} to {step.target}: {step.words}" for step in steps
    )
    return drawing.svg(height + 2.0, title=title, description=f"In this order: {spoken}.")
