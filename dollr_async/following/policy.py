"""How often a payment is looked at while it is not final."""

from __future__ import annotations

import random
from typing import NamedTuple

import attrs

from dollr_async.base.fields import Number
from dollr_async.base.record import Record


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PollPolicy(Record):
    """How a payment is followed; all times in seconds.

    Args:
        interval: between the first looks.
        max_interval: between looks at an old payment.
        backoff: by how much the interval grows from look to look.
        jitter: the share of each interval that is left to chance.
        timeout: how long to follow, from the first change awaited, before `PollTimeoutError`; None is for ever.
        not_found_grace: how long "not found" is read as "not yet".

    Raises:
        InvalidInputError: a number is out of its range.
    """

    interval: float = attrs.field(default=2.0, validator=Number(above=0))
    max_interval: float = attrs.field(default=5.0, validator=Number(above=0))
    backoff: float = attrs.field(default=1.25, validator=Number(from_=1))
    jitter: float = attrs.field(default=0.1, validator=Number(from_=0, below=1))
    timeout: float | None = attrs.field(default=600.0, validator=Number(from_=0, optional=True))
    not_found_grace: float = attrs.field(default=30.0, validator=Number(from_=0))

    def interval_at(self, age: float) -> float:
        """Return the seconds until the next look at a payment that began `age` seconds ago, without the jitter.

        The interval is what the growth from look to look amounts to at that age, so that a payment taken up again by
        another process is asked as rarely as if it had been followed all along.
        """
        if self.interval >= self.max_interval:
            return self.interval
        # Looks at interval * backoff**n reach age t when the interval has grown by (backoff - 1) * t.
        return min(self.interval + (self.backoff - 1.0) * max(age, 0.0), self.max_interval)

    def delay_at(self, age: float, chance: float) -> float:
        """Return the seconds until the next look, with the jitter that a `chance` from -1 to 1 comes to."""
        return self.interval_at(age) * (1.0 + self.jitter * chance)

    def next_delay(self, age: float) -> float:
        """Return the seconds until the next look, with the jitter."""
        return self.delay_at(age, random.uniform(-1.0, 1.0))  # noqa: S311 - spreads load, guards nothing


class Pace(NamedTuple):
    """How one follower polls: `began` is when the payment did and sets the intervals, `started` when following did."""

    policy: PollPolicy
    began: float
    started: float

    def age(self, now: float) -> float:
        """Seconds since the payment began."""
        return max(now - self.began, 0.0)
