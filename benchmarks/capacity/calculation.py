"""The capacity of polling, calculated from the policy alone: how many polls payments need, and how many are in flight.

A payment is polled as soon as it is followed, and again after each poll that found it pending. So the probability of a
poll is that of the payment being pending at the poll before, and everything else is a sum of these probabilities.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.capacity.settling_times import SettlingTime
    from benchmarks.capacity.simulation import Load
    from dollr_async import PollPolicy

AGE_PER_COST = 10.0
"""Under a ceiling a poll costs the interval, or the payment's age divided by this, as docs/design.md says."""

_SLOWEST = 1000.0
_PARTS = 20_000


class Poll(NamedTuple):
    """One calculated poll: the age of the payment (seconds), and the share of payments that are polled at it."""

    age: float
    share: float


def polls(policy: PollPolicy, settling: SettlingTime, round_trip: float, *, slower: float = 1.0) -> list[Poll]:
    """Return the polls of a payment, without jitter; the API decides on its answer half a round trip after the request.

    `slower` is the factor by which a ceiling slows all polls, relative to what they cost; 1 is no ceiling.
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


def polls_per_payment(made: Sequence[Poll]) -> float:
    """Return how many polls a payment needs, on average."""
    return sum(poll.share for poll in made)


def polls_per_second(made: Sequence[Poll], rate: float, since_first: float, since_last: float = 0.0) -> float:
    """Return the polls per second when `rate` payments per second have begun for `since_first` seconds.

    The last of them began `since_last` seconds ago: 0 while payments still begin.
    """
    return rate * sum(poll.share for poll in made if since_last <= poll.age <= since_first)


def in_flight(made: Sequence[Poll], load: Load, *, since_first: float, since_last: float = 0.0) -> float:
    """Return how many payments are followed then: those whose final status no answer has reported yet."""
    ends = [poll.age + load.round_trip for poll in made]
    followed = [poll.share for poll in made]
    if load.policy.timeout is not None:
        # After the last answer those that are still pending are followed until the timeout.
        ends.append(load.policy.timeout)
        followed.append(load.settling.pending(made[-1].age + load.round_trip / 2.0))
    total, begin = 0.0, 0.0
    for end, share in zip(ends, followed, strict=True):
        total += share * max(min(end, since_first) - max(begin, since_last), 0.0)
        begin = end
    return load.rate * total


def slowed_by(policy: PollPolicy, settling: SettlingTime, round_trip: float, most_polls: float) -> float:
    """Return the factor by which all polls are slowed where a payment may have `most_polls` of them, on average."""
    if polls_per_payment(polls(policy, settling, round_trip)) <= most_polls:
        return 1.0
    low, high = 1.0, _SLOWEST
    while high - low > 1e-3:  # noqa: PLR2004 - more digits change nothing that is shown
        middle = (low + high) / 2.0
        if polls_per_payment(polls(policy, settling, round_trip, slower=middle)) > most_polls:
            low = middle
        else:
            high = middle
    return high


def delays(
    made: Sequence[Poll], settling: SettlingTime, round_trip: float, *, youngest: float, oldest: float
) -> list[float]:
    """Return, sorted, the delays in seconds of payments that settle at an age from `youngest` up to `oldest`."""
    found = []
    for part in range(_PARTS):
        age = settling.within((part + 0.5) / _PARTS)
        # The first poll whose request reaches the API after the payment has settled.
        first = bisect_left(made, age - round_trip / 2.0, key=_age)
        if youngest <= age < oldest and first < len(made):
            found.append(made[first].age + round_trip - age)
    return sorted(found)


def _age(poll: Poll) -> float:
    return poll.age
