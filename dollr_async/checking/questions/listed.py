"""Every question, those with a number first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.checking.questions import answers, documents, payments, predictions, unanswerable

if TYPE_CHECKING:
    from dollr_async.checking.questions.question import Question

_LAST = 1000


def _place(question: Question) -> int:
    return _LAST if question.number is None else question.number


QUESTIONS: tuple[Question, ...] = tuple(
    sorted(
        (
            *answers.QUESTIONS,
            *documents.QUESTIONS,
            *payments.QUESTIONS,
            *predictions.QUESTIONS,
            *unanswerable.QUESTIONS,
        ),
        key=_place,
    )
)
"""The 38 questions, and the others."""
