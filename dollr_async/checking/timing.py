"""What the answers say about time: how far the two clocks are apart, and how long a request takes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from statistics import median
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TOO_FAR = 5.0
"""From so many seconds between the two clocks on, `dollr check` warns."""

_RESOLUTION = 1.0
"""The `Date` of an answer has whole seconds."""


@attrs.frozen
class Timed:
    """When a request was sent and its answer was there, by this machine's clock (Unix time), and its `Date`."""

    sent: float
    received: float
    date: str

    @property
    def seconds(self) -> float:
        """How long the request took."""
        return self.received - self.sent


@attrs.frozen
class ClockOffset:
    """How far the API's clock is ahead of this machine's, in seconds: between `least` and `most`."""

    least: float
    most: float

    @property
    def middle(self) -> float:
        """The best guess."""
        return (self.least + self.most) / 2

    @property
    def is_too_far(self) -> bool:
        """Whether one of the clocks is surely wrong."""
        return self.least > TOO_FAR or self.most < -TOO_FAR

    def __str__(self) -> str:
        """Return the offset in words."""
        where = "ahead of" if self.middle >= 0 else "behind"
        margin = (self.most - self.least) / 2
        return f"the API's clock is {abs(self.middle):.1f} s {where} this machine's, give or take {margin:.1f} s"


def clock_offset(answers: Iterable[Timed]) -> ClockOffset | None:
    """Return how far the clocks are apart, as exactly as all answers together say it; None where none has a `Date`.

    The server wrote its whole second at some moment between request and answer, so each answer gives two bounds.
    """
    least, most, is_known = float("-inf"), float("inf"), False
    for answer in answers:
        date = _unix_time(answer.date)
        if date is not None:
            is_known = True
            least = max(least, date - answer.received)
            most = min(most, date + _RESOLUTION - answer.sent)
    if not is_known:
        return None
    # Several servers, whose clocks differ, may answer: then the bounds cross.
    return ClockOffset(min(least, most), max(least, most))


def latency(answers: Sequence[Timed]) -> float:
    """Return the median of how long the requests took, in seconds."""
    return median(answer.seconds for answer in answers)


def _unix_time(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def aware(text: object) -> datetime | None:
    """Return a time that an answer wrote, or None where it is none; one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
