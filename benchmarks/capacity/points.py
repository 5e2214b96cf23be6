"""The points of the plots."""

from __future__ import annotations

from typing import NamedTuple


class DelayPoint(NamedTuple):
    """What one `max_interval` (in seconds) gives: the polls per payment, and the median delay in seconds."""

    max_interval: float
    polls: float
    delay: float


class LoadPoint(NamedTuple):
    """The polls per second and the payments in flight at one second of a load."""

    second: float
    polls: float
    in_flight: float
