"""Payments that arrive and settle: when each does, and which polls of it were due, made and missed."""

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
"""The shortest and the longest time from arriving to settling, in spreads."""

_NUMBER_BITS = 96
"""The place, in bits, of a payment's number in its reference; the last 48 bits are the moment at which it settles."""


class Workload:
    """Payments that arrive evenly over `spread` seconds, and settle half as long to twice as long after that.

    With a spread of a minute they are polled by the default policy; with another one, all times are scaled alike.
    """

    def __init__(self, payments: int, spread: float = SPREAD, seed: int = 0) -> None:
        """Draw the payments, the same for the same seed; in arrays, since memory is measured."""
        chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        scale = spread / SPREAD
        policy = PollPolicy()
        self.policy = PollPolicy(interval=policy.interval * scale, max_interval=policy.max_interval * scale)
        self.arrivals = array("d", sorted(chance.uniform(0.0, spread) for _ in range(payments)))
        self.settles = array("d", (at + spread * chance.uniform(*_LIVES) for at in self.arrivals))
        self.delays = array("d", bytes(8 * payments))
        self.arrived = self.ended = 0
        self.began = 0.0

    def begin(self) -> None:
        """Let the payments' time begin now."""
        self.began = time.monotonic()

    def reference(self, number: int) -> uuid.UUID:
        """Return a payment's reference, which contains the moment at which it settles."""
        settles = int((self.began + self.settles[number]) * 1000.0)
        free = random.getrandbits(48) << 48
        return uuid.UUID(int=number << _NUMBER_BITS | free | settles, version=4)

    async def arriving(self) -> AsyncIterator[uuid.UUID]:
        """Iterate over the references as the payments arrive."""
        for number, at in enumerate(self.arrivals):
            delay = self.began + at - time.monotonic()
            if delay > 0.0:
                await asyncio.sleep(delay)
            self.arrived += 1
            yield self.reference(number)

    def reported_final(self, reference: uuid.UUID) -> None:
        """Record that a payment's final status was reported just now."""
        number = reference.int >> _NUMBER_BITS
        self.delays[number] = time.monotonic() - self.began - self.settles[number]
        self.ended += 1

    @property
    def followed(self) -> int:
        """How many are being followed."""
        return self.arrived - self.ended

    def polls(self, log: str) -> Polls:
        """Count the polls in a stub's log."""
        moments: dict[int, list[float]] = {}
        for line in log.splitlines():
            reference, at = line.split()
            moments.setdefault(uuid.UUID(reference).int >> _NUMBER_BITS, []).append(float(at) / 1000.0 - self.began)
        return count_polls(moments, self.arrivals, self.policy)


class Polls(NamedTuple):
    """How many polls were made, and how many were missed."""

    made: int
    missed: int

    @property
    def share(self) -> float:
        """The share of the due polls that were made."""
        return self.made / (self.made + self.missed)


def count_polls(moments: Mapping[int, Sequence[float]], arrivals: Sequence[float], policy: PollPolicy) -> Polls:
    """Compare the moments of the polls of each payment with its arrival and a policy.

    The first poll is due when a payment arrives, and each further one an interval after the one before. A poll is
    missed when it was not made before the next one would have been due, with intervals as short as the jitter allows.
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
    return Polls(made, missed)
