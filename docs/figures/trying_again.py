"""What to do after a call that did not return a payment: which reference to use, and when to follow instead."""

from __future__ import annotations

from typing import NamedTuple

from docs.figures.drawing import LINE, WIDTH, Drawing, wrapped

_ASKED, _TOLD = 190.0, 190.0
_TOP, _PAD, _GAP = 2.0, 8.0, 22.0


class Question(NamedTuple):
    """A question, the errors that it is about, and what to do when the answer is yes."""

    asked: str
    errors: tuple[str, ...]
    told: str
    style: str = ""


QUESTIONS = (
    Question(
        "Was it refused before anything was sent: InvalidInputError, ConfigurationError?",
        ("InvalidInputError", "ConfigurationError"),
        "Fix it. Call again with the same reference.",
        "good",
    ),
    Question(
        "Is it a CollectError?",
        ("CollectError",),
        "No money moved. Fix the cause. Call again with the same reference, unless the message asks for a new one.",
        "good",
    ),
    Question(
        "Is the payment FAILED: PaymentFailedError?",
        ("PaymentFailedError",),
        "Tell the payer. A new attempt is a new payment: a new reference.",
        "good",
    ),
    Question(
        "Do you use a journal?",
        (),
        "Call again with the same reference. It finds the payment, or resumes it.",
        "good",
    ),
)
LAST = "Follow the reference: dollr.wait(reference). Do not pay again before you know how it ended."


def figure() -> str:
    """Return the figure as SVG."""
    drawing, y = Drawing("figure-trying-again"), _TOP
    for number, question in enumerate(QUESTIONS):
        asked, told = wrapped(question.asked, _ASKED - 2 * _PAD), wrapped(question.told, _TOLD - 2 * _PAD)
        height = LINE * max(len(asked), len(told)) + 2 * _PAD
        _box(drawing, 1.0, y, _ASKED, height, asked)
        _box(drawing, WIDTH - 1.0 - _TOLD, y, _TOLD, height, told, question.style)
        middle = y + height / 2
        drawing.line([(1.0 + _ASKED, middle), (WIDTH - 1.0 - _TOLD, middle)], question.style)
        drawing.text(WIDTH / 2, middle - 5.0, "yes", "quiet", anchor="middle")
        below = y + height + _GAP
        drawing.line([(1.0 + _ASKED / 2, y + height), (1.0 + _ASKED / 2, below)], *_money(number))
        drawing.text(1.0 + _ASKED / 2 + 7.0, below - 7.0, "no", "quiet")
        y = below
    lines = wrapped(LAST, _ASKED - 2 * _PAD)
    height = LINE * len(lines) + 2 * _PAD
    _box(drawing, 1.0, y, _ASKED, height, lines, "money")
    spoken = " If not: ".join(f"{question.asked} If so: {question.told}" for question in QUESTIONS)
    description = f"Questions from top to bottom. {spoken} If not: {LAST}"
    return drawing.svg(y + height + 2.0, title="Can I try again?", description=description)


def _money(number: int) -> tuple[str, ...]:
    return ("money",) if number == len(QUESTIONS) - 1 else ()


def _box(drawing: Drawing, x: float, y: float, width: float, height: float, lines: list[str], *styles: str) -> None:
    drawing.box(x, y, width, height, *styles)
    first = y + (height - LINE * len(lines)) / 2 + LINE - 4.0
    for number, line in enumerate(lines):
        drawing.text(x + _PAD, first + LINE * number, line)
