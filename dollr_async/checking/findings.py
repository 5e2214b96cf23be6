"""What all answers of a check come to: the answers to the questions, and where the contract is not kept."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs

from dollr_async.checking.questions.listed import QUESTIONS
from dollr_async.checking.questions.question import Answer, Question
from dollr_async.checking.schemas import UNKNOWN_FIELD

if TYPE_CHECKING:
    from dollr_async.checking.contract import Contract
    from dollr_async.checking.schemas import Problem
    from dollr_async.checking.seen import Observed, Seen


@attrs.frozen(order=True)
class Departure:
    """Where answers depart from the contract: the field, what is found there, and in which operations."""

    place: str
    rule: str
    operations: tuple[str, ...]


@attrs.frozen
class Answered:
    """A question, and its answer, or None."""

    question: Question
    answer: Answer | None


@attrs.frozen
class Findings:
    """What a report says."""

    answered: tuple[Answered, ...]
    departures: tuple[Departure, ...]
    failures: tuple[str, ...]
    """The calls that were refused or not answered, though they should have been."""
    fitting: int
    """How many answers are what the contract says."""
    quirks: Mapping[str, object]
    """The keywords of `Quirks` with which the sandbox answers the same."""


def find(seen: Seen, contract: Contract) -> Findings:
    """Return what was found."""
    answered = tuple(
        Answered(question, None if question.answer is None else question.answer(seen)) for question in QUESTIONS
    )
    quirks: dict[str, object] = {}
    for found in answered:
        quirks.update(found.answer.quirks if found.answer is not None else {})
    places: dict[tuple[str, str], list[str]] = {}
    fitting = 0
    for answer in seen.answers:
        rules = _rules(answer, contract, seen)
        fitting += bool(answer.status) and not rules
        for rule in rules:
            places.setdefault(rule, []).append(answer.operation)
    departures = [Departure(place, rule, tuple(sorted(set(names)))) for (place, rule), names in places.items()]
    failures = sorted({_failure(answer) for answer in seen.answers if _has_failed(answer)})
    return Findings(answered, tuple(sorted(departures)), tuple(failures), fitting, quirks)


def _rules(answer: Observed, contract: Contract, seen: Seen) -> set[tuple[str, str]]:
    if not answer.status:
        return set()
    found = contract.problems(answer.operation, answer.status, answer.body, answer.content)
    return {(_place(problem, seen), _words(problem, seen)) for problem in found}


def _place(problem: Problem, seen: Seen) -> str:
    """Return the field; that of a list's entries is the same as that of one object."""
    above, dot, name = problem.place.removeprefix("[]").lstrip(".").rpartition(".")
    return f"{above}{dot}{seen.word(name)}" if problem.rule == UNKNOWN_FIELD else f"{above}{dot}{name}"


def _words(problem: Problem, seen: Seen) -> str:
    return problem.rule if problem.word is None else f"{problem.rule}, {seen.word(problem.word)}"


def _has_failed(answer: Observed) -> bool:
    # A document may have a reference of this library's whose payment was never begun.
    is_without_payment = answer.operation == "get_collection_status" and answer.status == HTTPStatus.NOT_FOUND
    return not answer.purpose and not answer.is_success and not is_without_payment


def _failure(answer: Observed) -> str:
    return f"`{answer.operation}`: {answer.refused_with if answer.status else f'no answer ({answer.failure})'}"
