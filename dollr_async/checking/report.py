"""The report: one Markdown file to attach to an issue. It has no secret, no name, no phone, no id and no amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async.base.version import VERSION
from dollr_async.checking.timing import ClockOffset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dollr_async.checking.findings import Answered, Findings


@attrs.frozen(kw_only=True)
class Basics:
    """Whether the API can be used at all: what `dollr check` says, and the head of a report. Seconds are floats."""

    address: str
    minutes: str
    """How long a token lives, in minutes, as the API says it."""
    offset: ClockOffset | None
    first: float
    """How long the first request took, with the connection that it opened."""
    latency: float
    """The median of the reads after it."""
    reads: int
    changes: int

    @property
    def clock(self) -> str:
        """The clocks, in words."""
        return "not known: the answers have no Date" if self.offset is None else str(self.offset)

    @property
    def times(self) -> str:
        """The latency, in words."""
        return (
            f"{_milliseconds(self.latency)} for a read (the median), {_milliseconds(self.first)} for the first request"
        )


def markdown(basics: Basics, findings: Findings, *, made_at: datetime, with_phone: bool, with_draft: bool) -> str:
    """Return the report as text."""
    options = " --phone" * with_phone + " --drafts" * with_draft
    lines = [
        "# What the API answers",
        "",
        (
            f"dollr-async {VERSION}, {made_at:%Y-%m-%d %H:%M} UTC, `dollr check --report{options}`. "
            "No money was moved. This report has no secret, no name, no phone, no id and no amount."
        ),
        "",
        "| | |",
        "|---|---|",
        f"| Address | {basics.address} |",
        f"| Credentials | accepted; a token lives for {basics.minutes} minutes |",
        f"| Clock | {basics.clock} |",
        f"| Latency | {basics.times} |",
        f"| Requests | {basics.reads} reads, {basics.changes} changes of a draft invoice |",
        *_differences(findings),
        *_contract(findings),
        *_questions(findings),
    ]
    return "\n".join(lines) + "\n"


def _differences(findings: Findings) -> Iterator[str]:
    """Yield the answers that are not the sandbox's own."""
    yield from ("", "## What differs from the sandbox", "")
    different = [found for found in findings.answered if found.answer is not None and found.answer.quirks]
    if not different:
        yield "Nothing: every answer is what the sandbox answers by default."
        return
    yield from (f"- **{_title(found)}**: {found.answer.words}" for found in different if found.answer is not None)
    settings = ", ".join(f"{name}={value!r}" for name, value in sorted(findings.quirks.items()))
    yield from ("", f"With this setting the sandbox answers the same: `Sandbox(quirks=Quirks({settings}))`")


def _contract(findings: Findings) -> Iterator[str]:
    """Yield where the contract is not kept, and the calls that failed."""
    yield from ("", "## The contract", "")
    yield f"{findings.fitting} answers fit the contract."
    if findings.departures:
        yield from ("", "| field | found | operations |", "|---|---|---|")
        for departure in findings.departures:
            place = f"`{departure.place}`" if departure.place else "the answer"
            operations = ", ".join(f"`{name}`" for name in departure.operations)
            yield f"| {place} | {departure.rule} | {operations} |"
    if findings.failures:
        yield from ("", "Refused or not answered:", "")
        yield from (f"- {failure}" for failure in findings.failures)


def _questions(findings: Findings) -> Iterator[str]:
    """Yield every question with its answer."""
    yield from ("", "## The open questions", "", "| | question | answer |", "|---|---|---|")
    for found in findings.answered:
        number = "" if found.question.number is None else str(found.question.number)
        yield f"| {number} | {found.question.title}: {found.question.asks} | {_answer(found)} |"


def _answer(found: Answered) -> str:
    if found.answer is not None:
        return f"**{found.answer.words}**"
    if found.question.answer is None:
        return f"cannot be answered this way: it needs {found.question.needs}"
    return f"not answered: it needs {found.question.needs}"


def _title(found: Answered) -> str:
    number = found.question.number
    return found.question.title if number is None else f"{found.question.title} (question {number})"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
