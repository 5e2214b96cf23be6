"""Payments that come and go: when each arrives, when it settles, which looks at it were due, and which were made."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from array import array
from typing import TYPE_CHECKING, NamedTuple

from dollr_async import PollPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

SPREAD = 60.0
_LIVES = (0.5, 2.0)
_SERIAL = 96
"""The place, in bits, of a payment's number within its reference; the last 48 bits are the moment it settles."""


class Course:
    """Payments that arrive evenly over `spread` seconds and settle half as long to twice as long after that.

    With a spread of a minute they are polled by the default policy; with another, all times are scaled alike.
    """

    def __init__(self, payments: int, spread: float = SPREAD, seed: int = 0) -> None:
        """Make the same course for the same seed, in arrays, since memory is measured."""
        chance = random.Random(seed)  # noqa: S311 - a course that can be run again
        scale = spread / SPREAD
        policy = PollPolicy()
        self.policy = PollPolicy(interval=policy.interval * scale, max_interval=policy.max_interval * scale)
        self.arrivals = array("d", sorted(chance.uniform(0.0, spread) for _ in range(payments)))
        self.settles = array("d", (at + spread * chance.uniform(*_LIVES) for at in self.arrivals))
        self.delays = array("d", bytes(8 * payments))
        self.arrived = self.ended = 0
        self.began = 0.0

    def begin(self) -> None:
        """Let time begin."""
        self.began = time.monotonic()

    def reference(self, number: int) -> uuid.UUID:
        """Return a payment's reference, which says when it settles."""
        settles = int((self.began + self.settles[number]) * 1000.0)
        free = random.getrandbits(48) << 48
        return uuid.UUID(int=number << _SERIAL | free | settles, version=4)

    async def arriving(self) -> AsyncIterator[uuid.UUID]:
        """Iterate over the references as the payments arrive."""
        for number, at in enumerate(self.arrivals):
            delay = self.began + at - time.monotonic()
            if delay > 0.0:
                await asyncio.sleep(delay)
            self.arrived += 1
            yield self.reference(number)

    def saw_end(self, reference: uuid.UUID) -> None:
        """Take note that a payment's end was told just now."""
        number = reference.int >> _SERIAL
        self.delays[number] = time.monotonic() - self.began - self.settles[number]
        self.ended += 1

    @property
    def followed(self) -> int:
        """How many are being followed."""
        return self.arrived - self.ended

    def looks(self, log: str) -> Looks:
        """Return what a stub's log of looks comes to."""
        moments: dict[int, list[float]] = {}
        for line in log.splitlines():
            reference, at = line.split()
            moments.setdefault(uuid.UUID(reference).int >> _SERIAL, []).append(float(at) / 1000.0 - self.began)
        return looks(moments, self.arrivals, self.policy)


class Looks(NamedTuple):
    """How many looks were made, and how many were missed."""

    made: int
    missed: int

    @property
    def share(self) -> float:
        """The share of the looks due that were made."""
        return self.made / (self.made + self.missed)


def looks(moments: Mapping[int, Sequence[float]], arrivals: Sequence[float], policy: PollPolicy) -> Looks:
    """Hold the moments of the looks at each payment against its arrival and a policy.

    The first look is due as a payment arrives, and each further one an interval after the one before. A look is missed
    when it was not made before the next one would have been due, all of them at the shortest that the jitter allows.
    """
    made = missed = 0
    for number, arrival in enumerate(arrivals):
        due = arrival
        interval = policy.interval_at(0.0)
        for at in moments.get(number, ()):
            missed += int(max(at - due, 0.0) / (interval * (1.0 - policy.jitter)))
            interval = policy.interval_at(at - arrival)
            due = at + interval * (1.0 - policy.jitter)
        made += len(moments.get(number, ()))
        missed += number not in moments
    return Looks(made, missed)
