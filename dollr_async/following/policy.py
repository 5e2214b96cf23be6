"""How often a payment is polled while it is not final."""

from __future__ import annotations

import random

import attrs
import msgspec

from dollr_async.base.fields import Number
from dollr_async.base.record import Record


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PollPolicy(Record):
    """How a payment is followed; all times in seconds.

    Args:
        interval: between the first polls of a new payment.
        max_interval: between polls of an old payment.
        backoff: the factor by which the interval grows from poll to poll.
        jitter: the share of each interval that is random.
        timeout: how long to follow, from the first change awaited, before `PollTimeoutError`; None is no limit.
        not_found_grace: how long "not found" means "not there yet".

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
        """Return the seconds until the next poll of a payment that began `age` seconds ago, without the jitter.

        The interval depends on the age alone, so a payment that another process resumes is polled as rarely as if it
        had been followed all the time.
        """
        if self.interval >= self.max_interval:
            return self.interval
        # Polls at interval * backoff**n reach age t when the interval has grown by (backoff - 1) * t.
        return min(self.interval + (self.backoff - 1.0) * max(age, 0.0), self.max_interval)

    def delay_at(self, age: float, offset: float) -> float:
        """Return the seconds until the next poll, with the jitter; `offset` is a random number from -1 to 1."""
        return self.interval_at(age) * (1.0 + self.jitter * offset)

    def next_delay(self, age: float) -> float:
        """Return the seconds until the next poll, with a jitter of its own."""
        return self.delay_at(age, random.uniform(-1.0, 1.0))  # noqa: S311 - spreads load, guards nothing


class Pace(msgspec.Struct, frozen=True, gc=False):
    """How one follower polls; both times are of the monotonic clock, in seconds.

    `began` is when the payment or document began, and sets the intervals. `followed_since` is when this follower
    started, and sets its timeout. It is in no cycle, so the garbage collector need not visit one for each payment.
    """

    policy: PollPolicy
    began: float
    followed_since: float

    def age(self, now: float) -> float:
        """Seconds since the payment or document began."""
        return max(now - self.began, 0.0)
