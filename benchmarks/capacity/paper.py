"""The capacity of polling on paper: how many looks payments need, and how many are in flight, from the policy alone.

A payment is looked at as soon as it is followed, and again after each look that found it pending. So the chance of a
look is that the payment was pending at the look before, and everything else is sums of these chances.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.capacity.settling import Settling
    from benchmarks.capacity.simulation import Load
    from dollr_async import PollPolicy

AGE_PER_COST = 10.0
"""Under a ceiling a look costs the interval, or this part of the payment's age, as docs/design.md says."""

_SLOWEST = 1000.0
_PARTS = 20_000


class Poll(NamedTuple):
    """One look on paper: the age of the payment at it (seconds), and the share of payments that come to it."""

    age: float
    share: float


def looks(policy: PollPolicy, settling: Settling, round_trip: float, *, slower: float = 1.0) -> list[Poll]:
    """Return the looks at a payment, without jitter; the API's answer is of half a round trip after the question.

    `slower` is by what factor a ceiling slows all looks for what they cost; 1 is no ceiling.
    """
    made, due = [Poll(0.0, 1.0)], 0.0
    while True:
        age = made[-1].age
        interval = round_trip + policy.interval_at(age + round_trip)
        cost = max(policy.interval_at(due), due / AGE_PER_COST)
        due = age + interval
        after = age + (interval if slower == 1.0 else max(interval, slower * cost))
        share = settling.pending(age + round_trip / 2.0)
        if share <= 0.0 or (policy.timeout is not None and after >= policy.timeout):
            return made
        made.append(Poll(after, share))


def looks_per_payment(made: Sequence[Poll]) -> float:
    """Return how many looks a payment needs, on average."""
    return sum(look.share for look in made)


def polls_per_second(made: Sequence[Poll], rate: float, since_first: float, since_last: float = 0.0) -> float:
    """Return the polls a second when `rate` payments a second have begun for `since_first` seconds.

    The last of them began `since_last` seconds ago: 0 while they still come.
    """
    return rate * sum(look.share for look in made if since_last <= look.age <= since_first)


def in_flight(made: Sequence[Poll], load: Load, *, since_first: float, since_last: float = 0.0) -> float:
    """Return how many payments are followed then: those whose end no answer has told yet."""
    ends = [look.age + load.round_trip for look in made]
    followed = [look.share for look in made]
    if load.policy.timeout is not None:
        # After the last answer those still pending are followed until their time is over.
        ends.append(load.policy.timeout)
        followed.append(load.settling.pending(made[-1].age + load.round_trip / 2.0))
    total, begin = 0.0, 0.0
    for end, share in zip(ends, followed, strict=True):
        total += share * max(min(end, since_first) - max(begin, since_last), 0.0)
        begin = end
    return load.rate * total


def slowed_by(policy: PollPolicy, settling: Settling, round_trip: float, most_looks: float) -> float:
    """Return by what factor all looks are slowed where a payment may have `most_looks` of them, on average."""
    if looks_per_payment(looks(policy, settling, round_trip)) <= most_looks:
        return 1.0
    low, high = 1.0, _SLOWEST
    while high - low > 1e-3:  # noqa: PLR2004 - more digits say nothing
        middle = (low + high) / 2.0
        if looks_per_payment(looks(policy, settling, round_trip, slower=middle)) > most_looks:
            low = middle
        else:
            high = middle
    return high


def delays(made: Sequence[Poll], settling: Settling, round_trip: float, *, least: float, most: float) -> list[float]:
    """Return the detection delays of payments that settle at an age from `least` to `most`, sorted, in seconds."""
    found = []
    for part in range(_PARTS):
        age = settling.within((part + 0.5) / _PARTS)
        # The first look whose question reaches the API after the payment has settled.
        first = bisect_left(made, age - round_trip / 2.0, key=_age)
        if least <= age < most and first < len(made):
            found.append(made[first].age + round_trip - age)
    return sorted(found)


def _age(look: Poll) -> float:
    return look.age
