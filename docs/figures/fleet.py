"""Who writes what where, when a web process makes payments and workers handle their outcomes."""

from __future__ import annotations

from typing import NamedTuple

from docs.figures.drawing import WIDTH, Drawing

_TOP, _HEAD, _ROW = 2.0, 24.0, 34.0
_BOX = 76.0


class Message(NamedTuple):
    """One arrow: from whom, to whom, and what is written or asked."""

    source: str
    target: str
    words: str
    style: str = ""


PARTIES = ("web", "database", "queue", "worker", "Dollr")
MESSAGES = (
    Message("web", "database", "the order"),
    Message("web", "queue", "a job for the payment"),
    Message("web", "database", "the journal: what is about to be sent"),
    Message("web", "Dollr", "the payment", "money"),
    Message("queue", "worker", "the job"),
    Message("worker", "Dollr", "a status check"),
    Message("worker", "database", "the journal: how it ended"),
    Message("worker", "database", "the order and the mark, together", "good"),
    Message("database", "worker", "the sweep: what is open, or not handled"),
    Message("worker", "queue", "jobs that are missing"),
)


def figure() -> str:
    """Return the figure as SVG."""
    drawing = Drawing("figure-fleet")
    gap = (WIDTH - _BOX - 2.0) / (len(PARTIES) - 1)
    middles = {name: 1.0 + _BOX / 2 + gap * number for number, name in enumerate(PARTIES)}
    height = _TOP + _HEAD + _ROW * len(MESSAGES) + 14.0
    for name, x in middles.items():
        drawing.box(x - _BOX / 2, _TOP, _BOX, _HEAD)
        drawing.text(x, _TOP + 16.0, name, "title", anchor="middle")
        drawing.line([(x, _TOP + _HEAD), (x, height)], "rule", has_head=False)
    for number, message in enumerate(MESSAGES, start=1):
        y = _TOP + _HEAD + _ROW * number
        left, right = sorted((middles[message.source], middles[message.target]))
        drawing.line([(middles[message.source], y), (middles[message.target], y)], message.style)
        if left < WIDTH / 2:
            drawing.text(left + 5.0, y - 6.0, message.words)
        else:
            drawing.text(right - 5.0, y - 6.0, message.words, anchor="end")
    spoken = "; ".join(f"{message.source} to {message.target}: {message.words}" for message in MESSAGES)
    return drawing.svg(height + 2.0, title="Who writes what where", description=f"In this order: {spoken}.")
