"""When things are polled: each at its own pace, in a fair order, and never more than the ceiling allows."""

from __future__ import annotations

import asyncio
import sys
import weakref
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.errors import ConfigurationError
from dollr_async.following.schedule import MOST_POLLS_IN_FLIGHT, PollSchedule, Scheduled
from tests.support.contexts import in_a_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Thing(Scheduled):
    """Something that is polled every `interval` seconds, by a poll that takes `takes` seconds."""

    def __init__(self, schedule: PollSchedule, name: str, *, interval: float = 2.0, cost: float | None = None) -> None:
        super().__init__()
        self.schedule = schedule
        self.name = name
        self.interval = interval
        self.poll_cost = interval if cost is None else cost
        self.takes = 0.0
        self.is_followed = True
        self.is_skipped = False
        self.polls: list[float] = []
        self.delays: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def due_at(self, now: float) -> float | None:
        if not self.is_followed:
            return None
        return self.polls[-1] + self.takes + self.interval if self.polls else now

    def cost(self, now: float) -> float:
        return self.poll_cost

    def is_awaited(self) -> bool:
        return self.is_followed

    def poll_skipped(self) -> None:
        self.is_skipped = True

    async def poll(self, delay: float) -> None:
        self.polls.append(_now())
        self.delays.append(delay)
        if self.takes:
            await asyncio.sleep(self.takes)
        self.then()

    def plan(self) -> None:
        self.schedule.plan(self, self.due_at(_now()) or 0.0)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _open() -> None:
    """Let every poll be planned, as an open client does."""


class _ClockAhead(LoopClock):
    """A clock that is ahead of the loop's timers, as after something that held up the loop."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Rig:
    """A schedule and its things."""

    def __init__(self) -> None:
        self.schedules: list[PollSchedule] = []

    def schedule(self, per_second: float | None = None, max_retry_after: float = 60.0) -> PollSchedule:
        schedule = PollSchedule(LoopClock(), check_open=_open, per_second=per_second, max_retry_after=max_retry_after)
        self.schedules.append(schedule)
        return schedule


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    for schedule in rig.schedules:
        await schedule.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _things(schedule: PollSchedule, count: int, **how: float) -> list[Thing]:
    things = [Thing(schedule, f"thing {number}", **how) for number in range(count)]
    for thing in things:
        thing.plan()
    return things


def _gaps(thing: Thing) -> list[float]:
    return [round(after - before, 6) for before, after in zip(thing.polls, thing.polls[1:], strict=False)]


def _most_in_any_second(things: list[Thing]) -> int:
    polls = sorted(poll for thing in things for poll in thing.polls)
    return max(bisect_left(polls, first + 1.0) - number for number, first in enumerate(polls))


# Without a ceiling


async def test_a_closed_client_polls_nothing() -> None:
    def closed() -> None:
        message = "this client is closed"
        raise ConfigurationError(message)

    schedule = PollSchedule(LoopClock(), check_open=closed)
    with pytest.raises(ConfigurationError, match="closed"):
        Thing(schedule, "thing").plan()


async def test_each_thing_is_polled_at_its_own_pace(rig: Rig) -> None:
    schedule = rig.schedule()
    quick, slow = Thing(schedule, "quick", interval=2.0), Thing(schedule, "slow", interval=5.0)
    quick.plan()
    slow.plan()
    await asyncio.sleep(10.5)
    assert quick.polls == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert slow.polls == [0.0, 5.0, 10.0]


async def test_the_interval_counts_from_the_end_of_a_poll(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing")
    thing.takes = 3.0
    thing.plan()
    await asyncio.sleep(12.0)
    assert thing.polls == [0.0, 5.0, 10.0]


async def test_what_nobody_follows_any_more_is_not_polled(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing")
    thing.plan()
    await asyncio.sleep(3.0)
    thing.is_followed = False
    await asyncio.sleep(60.0)
    assert thing.polls == [0.0, 2.0]
    thing.is_followed = True
    thing.plan()
    await asyncio.sleep(1.0)
    assert thing.polls == [0.0, 2.0, 63.0]


async def test_a_plan_moves_to_an_earlier_time_and_never_to_a_later_one(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=100.0)
    thing.plan()
    await asyncio.sleep(1.0)
    schedule.plan(thing, 50.0)
    schedule.plan(thing, 70.0)
    thing.interval = 50.0  # at the planned time the schedule asks again whether it is due
    await asyncio.sleep(60.0)
    assert thing.polls == [0.0, 50.0]


async def test_what_is_planned_during_its_poll_is_polled_once(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=10.0)
    thing.takes = 1.0
    thing.plan()
    await asyncio.sleep(0.5)
    schedule.plan(thing, 0.0)
    await asyncio.sleep(5.0)
    assert thing.polls == [0.0]


async def test_the_polls_in_flight_leave_room_for_charges(rig: Rig) -> None:
    schedule = rig.schedule()
    things = _things(schedule, 3 * MOST_POLLS_IN_FLIGHT, interval=1_000.0)
    for thing in things:
        thing.takes = 1.0
    await asyncio.sleep(0.5)
    assert sum(len(thing.polls) for thing in things) == MOST_POLLS_IN_FLIGHT
    await asyncio.sleep(3.0)
    starts = Counter(thing.polls[0] for thing in things)
    assert starts == {0.0: MOST_POLLS_IN_FLIGHT, 1.0: MOST_POLLS_IN_FLIGHT, 2.0: MOST_POLLS_IN_FLIGHT}


async def test_a_cancelled_poll_ends_and_the_others_go_on(rig: Rig) -> None:
    schedule = rig.schedule()
    hanging, other = Thing(schedule, "hanging"), Thing(schedule, "other")
    hanging.takes = 1_000.0
    hanging.plan()
    other.plan()
    await asyncio.sleep(1.0)
    hanging.is_followed = False
    schedule.cancel(hanging)
    schedule.cancel(other)  # whose poll is not in flight
    await asyncio.sleep(2.0)
    assert len(asyncio.all_tasks()) == 1
    assert other.polls == [0.0, 2.0]


@pytest.mark.parametrize("is_followed", [True, False])
async def test_a_poll_cancelled_before_it_began_is_made_if_somebody_follows(rig: Rig, is_followed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    schedule = rig.schedule()
    thing = Thing(schedule, "thing")
    thing.plan()
    thing.is_followed = is_followed
    schedule.cancel(thing)
    await asyncio.sleep(1.0)
    assert thing.polls == [0.0] * is_followed
    thing.is_followed = True
    thing.plan()
    await asyncio.sleep(2.5)
    assert thing.polls == ([0.0, 2.0] if is_followed else [1.0, 3.0])


async def test_cancelled_plans_do_not_keep_their_things_in_memory(rig: Rig) -> None:
    schedule = rig.schedule()
    kept = Thing(schedule, "kept", interval=1_000.0)
    kept.plan()
    await asyncio.sleep(1.0)
    things: weakref.WeakSet[Thing] = weakref.WeakSet()
    for number in range(1_000):
        thing = Thing(schedule, f"thing {number}")
        things.add(thing)
        schedule.plan(thing, _now() + 3_600.0)
        thing.is_followed = False
        schedule.cancel(thing)
    del thing
    assert len(things) <= 101
    await asyncio.sleep(2_000.0)
    assert kept.polls == [0.0, 1_000.0, 2_000.0]


async def test_what_was_cancelled_and_is_planned_again_is_polled_once(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=10.0)
    for _ in range(300):
        thing.is_followed = True
        schedule.plan(thing, 5.0)
        thing.is_followed = False
        schedule.cancel(thing)
    thing.is_followed = True
    schedule.plan(thing, 5.0)
    await asyncio.sleep(20.0)
    assert thing.polls == [5.0, 15.0]


class _CountingClock(LoopClock):
    def __init__(self) -> None:
        self.reads = 0

    def monotonic(self) -> float:
        self.reads += 1
        return super().monotonic()


@pytest.mark.real_time
def test_uvloops_clock_of_whole_milliseconds_works() -> None:
    uvloop = pytest.importorskip("uvloop")
    clock, errors, polls = _CountingClock(), list[object](), list[float]()

    async def follow() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        schedule = PollSchedule(clock, check_open=_open, per_second=300.0)
        # Due a fraction of a millisecond after each other, which is finer than uvloop's timers.
        things = [Thing(schedule, f"thing {number}", interval=0.0503 + number / 7_000) for number in range(30)]
        for thing in things:
            thing.plan()
        await asyncio.sleep(0.5)
        await schedule.close()
        polls.extend(at for thing in things for at in thing.polls)

    uvloop.run(follow())
    assert errors == []
    assert len(polls) >= 60
    assert clock.reads < 12 * len(polls)  # it sleeps until a poll is due


async def test_nothing_runs_while_nothing_is_due(rig: Rig) -> None:
    _things(rig.schedule(), 50, interval=60.0)
    await asyncio.sleep(1.0)
    assert len(asyncio.all_tasks()) == 1


async def test_closing_ends_the_polls_in_flight(rig: Rig) -> None:
    schedule = rig.schedule()
    for thing in _things(schedule, 5):
        thing.takes = 1_000.0
    await asyncio.sleep(1.0)
    await schedule.close()
    assert len(asyncio.all_tasks()) == 1
    await asyncio.sleep(100.0)
    await schedule.close()


if sys.version_info >= (3, 12):

    async def test_a_poll_can_be_cancelled_where_tasks_are_eager(rig: Rig) -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        schedule = rig.schedule()
        things = [Thing(schedule, f"thing {number}") for number in range(MOST_POLLS_IN_FLIGHT + 1)]
        for thing in things:
            thing.takes = 1.0 if thing is not things[-1] else 1_000.0
            thing.plan()
        await asyncio.sleep(1.5)
        assert things[-1].polls == [1.0]  # by the worker of another thing, whose poll was over
        for thing in things:
            thing.is_followed = False
            schedule.cancel(thing)
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == 1


async def test_what_nobody_awaits_is_skipped_until_it_is_planned_again(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing")
    thing.plan()
    await asyncio.sleep(1.0)
    thing.is_awaited = lambda: False  # type: ignore[method-assign] # its follower is busy
    await asyncio.sleep(9.0)
    assert (thing.polls, thing.is_skipped) == ([0.0], True)
    thing.is_awaited = lambda: True  # type: ignore[method-assign] # it is back
    thing.plan()
    await asyncio.sleep(1.0)
    assert thing.polls == [0.0, 10.0]


# The ceiling


@pytest.mark.parametrize("per_second", [0.5, 1.0, 10.0, 300.0])
async def test_the_ceiling_holds_in_any_second(rig: Rig, per_second: float) -> None:
    things = _things(rig.schedule(per_second), 1_000, interval=2.0)
    await asyncio.sleep(5.0)
    polls = sum(len(thing.polls) for thing in things)
    assert 0.95 * 5.0 * per_second <= polls <= 5.0 * per_second + 1
    assert _most_in_any_second(things) <= per_second * 1.05 + 1


async def test_below_the_ceiling_it_changes_nothing(rig: Rig) -> None:
    things = _things(rig.schedule(100.0), 20, interval=2.0)
    await asyncio.sleep(21.0)
    assert {len(thing.polls) for thing in things} == {11}
    assert all(gap == 2.0 for thing in things for gap in _gaps(thing))


async def test_at_the_ceiling_equal_things_are_slowed_equally(rig: Rig) -> None:
    things = _things(rig.schedule(10.0), 100, interval=2.0)
    await asyncio.sleep(99.95)
    assert {len(thing.polls) for thing in things} == {10}


@pytest.mark.full(reason="it polls for hours of virtual time")
async def test_all_are_slowed_in_proportion_to_what_they_cost(rig: Rig) -> None:
    schedule = rig.schedule(10.0)
    new, old = _things(schedule, 20, interval=2.0), _things(schedule, 20, interval=2.0, cost=20.0)
    await asyncio.sleep(400.0)
    polls = [sum(len(thing.polls) for thing in things) for things in (new, old)]
    assert polls[0] / polls[1] == pytest.approx(10.0, rel=0.1)
    assert min(len(thing.polls) for thing in old) > 0  # none starves


async def test_a_new_thing_does_not_wait_for_the_old_ones_in_the_queue(rig: Rig) -> None:
    schedule = rig.schedule(10.0)
    for number in range(1_000):
        thing = Thing(schedule, f"old {number}", cost=60.0)
        schedule.set_start(thing, 0.06 * number)
        thing.plan()
    await asyncio.sleep(50.0)
    new = Thing(schedule, "new")
    new.plan()
    await asyncio.sleep(20.0)
    assert new.polls[0] - 50.0 <= 0.2
    assert max(_gaps(new)) <= 4.0


async def test_a_late_poll_is_not_made_up_for(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    things = _things(schedule, 10, interval=2.0)
    await asyncio.sleep(100.0)
    assert all(gap >= 9.0 for thing in things for gap in _gaps(thing))


async def test_what_is_planned_again_while_it_is_queued_is_polled_once(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    things = _things(schedule, 5, interval=100.0)
    for thing in things * 3:
        schedule.plan(thing, 0.0)
    await asyncio.sleep(20.0)
    assert [thing.polls for thing in things] == [[0.0], [1.0], [2.0], [3.0], [4.0]]


async def test_a_skipped_poll_takes_no_turn(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    first, skipped, last = _things(schedule, 3, interval=100.0)
    skipped.is_awaited = lambda: False  # type: ignore[method-assign] # its follower is busy
    await asyncio.sleep(5.0)
    assert (first.polls, skipped.polls, last.polls) == ([0.0], [], [1.0])
    assert skipped.is_skipped


async def test_unused_seconds_are_not_saved_up(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    await asyncio.sleep(100.0)
    things = _things(schedule, 5, interval=100.0)
    await asyncio.sleep(10.0)
    assert [thing.polls for thing in things] == [[100.0], [101.0], [102.0], [103.0], [104.0]]


async def test_a_poll_that_is_a_little_late_moves_no_other(rig: Rig) -> None:
    schedule = rig.schedule(10.0)
    first, *rest = (Thing(schedule, f"thing {number}", interval=100.0) for number in range(4))
    first.plan()
    await asyncio.sleep(0.15)
    for thing in rest:
        thing.plan()
    await asyncio.sleep(1.0)
    assert [thing.polls[0] for thing in (first, *rest)] == pytest.approx([0.0, 0.15, 0.2, 0.3])


async def test_a_later_poll_of_a_worker_can_be_cancelled_too(rig: Rig) -> None:
    schedule = rig.schedule()
    things = _things(schedule, MOST_POLLS_IN_FLIGHT + 1, interval=1_000.0)
    for thing in things:
        thing.takes = 1.0
    hanging = things[-1]
    hanging.takes = 500.0
    await asyncio.sleep(2.0)
    assert (hanging.polls, len(asyncio.all_tasks())) == ([1.0], 2)
    hanging.is_followed = False
    schedule.cancel(hanging)
    await asyncio.sleep(0.1)
    assert len(asyncio.all_tasks()) == 1


async def test_a_poll_is_told_how_long_it_waited_for_the_ceiling(rig: Rig) -> None:
    things = _things(rig.schedule(per_second=2.0), 3, interval=100.0)
    await asyncio.sleep(5.0)
    assert [thing.delays for thing in things] == [[0.0], [0.5], [1.0]]


async def test_a_poll_is_told_how_late_the_loop_was() -> None:
    clock = _ClockAhead()
    schedule = PollSchedule(clock, check_open=_open)
    thing = Thing(schedule, "thing")
    thing.plan()
    await asyncio.sleep(1.0)
    clock.ahead = 0.75  # the loop is busy when the second poll is due
    await asyncio.sleep(1.5)
    assert thing.delays == [0.0, 0.75]
    await schedule.close()


# Context variables


async def test_polls_keep_no_context_variable_of_the_first_follower(rig: Rig) -> None:
    schedule = rig.schedule(per_second=10.0)

    async def plan() -> None:
        for thing in things:
            thing.plan()

    things = [Thing(schedule, f"thing {number}", interval=3.0) for number in range(5)]
    for thing in things:
        thing.takes = 2.5
    kept = await asyncio.create_task(in_a_context(plan))
    for _ in range(20):
        await asyncio.sleep(1.3)
        assert kept() is None
    assert len(things[0].polls) > 3


async def test_a_poll_that_is_due_later_keeps_no_context_variable_of_its_follower(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing", interval=1_000.0)
    thing.polls.append(_now())

    async def plan() -> None:
        thing.plan()

    kept = await asyncio.create_task(in_a_context(plan))
    await asyncio.sleep(1.0)
    assert kept() is None
    await asyncio.sleep(1_000.0)
    assert len(thing.polls) == 2


# 429


async def _pause(schedule: PollSchedule) -> float:
    """Return the seconds until the next poll begins, three at most."""
    thing, planned_at = Thing(schedule, "thing"), _now()
    thing.plan()
    await asyncio.sleep(3.0)
    return thing.polls[0] - planned_at


async def test_one_429_pauses_all_for_as_long_as_it_asks(rig: Rig) -> None:
    schedule = rig.schedule()
    limited, other = Thing(schedule, "limited"), Thing(schedule, "other", interval=3.0)
    limited.then = lambda: schedule.rate_limited(10.0, limited.polls[-1]) if len(limited.polls) == 2 else None
    limited.plan()
    other.plan()
    await asyncio.sleep(13.0)
    assert limited.polls == [0.0, 2.0, 12.0]
    assert other.polls == [0.0, 12.0]


@pytest.mark.parametrize(("limit", "asked", "pause"), [(60.0, 1e9, 60.0), (60.0, 59.0, 59.0), (5.0, 59.0, 5.0)])
async def test_a_pause_is_never_longer_than_the_limit(rig: Rig, limit: float, asked: float, pause: float) -> None:
    schedule = rig.schedule(max_retry_after=limit)
    thing = Thing(schedule, "thing", interval=2.0)
    thing.then = lambda: schedule.rate_limited(asked, thing.polls[-1])
    thing.plan()
    await asyncio.sleep(2.5 * pause)
    assert thing.polls == [0.0, pause, 2 * pause]


async def test_a_pause_that_is_cut_is_named_again_after_ten_minutes(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing")
    thing.then = lambda: schedule.rate_limited(86_400.0, thing.polls[-1])
    thing.plan()
    await asyncio.sleep(1_199.0)
    assert len(thing.polls) == 20
    assert caplog.messages == ["the API asks to wait 86400 s: polls pause for 60 s"] * 2


async def test_without_a_retry_after_the_pauses_double_up_to_a_minute(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=0.1)
    thing.then = lambda: schedule.rate_limited(None, thing.polls[-1])
    thing.plan()
    await asyncio.sleep(400.0)
    for gap, full in zip(_gaps(thing), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0], strict=False):
        assert 0.75 * full <= gap <= full
    thing.then = lambda: schedule.answered(thing.polls[-1])
    await asyncio.sleep(100.0)
    thing.polls.clear()
    thing.then = lambda: schedule.rate_limited(None, thing.polls[-1])
    await asyncio.sleep(2.0)
    assert _gaps(thing)[0] <= 1.1  # it was answered meanwhile, so the count starts again


async def test_a_429_to_a_poll_that_began_a_moment_early_counts_too(rig: Rig) -> None:
    schedule = rig.schedule()
    schedule.rate_limited(20.0, _now())  # the first
    ends = _now() + 20.0
    await asyncio.sleep(20.0)
    schedule.rate_limited(None, ends - 0.0005)  # the second: the timer fired early
    assert 0.75 * 2.0 <= await _pause(schedule) <= 2.0


async def test_an_answer_to_a_poll_that_began_a_moment_early_ends_the_count(rig: Rig) -> None:
    schedule = rig.schedule()
    schedule.rate_limited(20.0, _now())
    ends = _now() + 20.0
    await asyncio.sleep(20.0)
    schedule.answered(ends - 0.0005)
    schedule.rate_limited(None, _now())
    assert 0.75 <= await _pause(schedule) <= 1.0


async def test_an_answer_to_a_poll_that_began_before_the_pause_does_not_end_the_count(rig: Rig) -> None:
    schedule = rig.schedule()
    began = _now()
    schedule.rate_limited(20.0, began)
    schedule.answered(began)  # it was in flight together with the one that was refused
    await asyncio.sleep(20.0)
    schedule.rate_limited(None, _now())
    assert 0.75 * 2.0 <= await _pause(schedule) <= 2.0


async def test_429s_of_polls_that_were_in_flight_together_count_once(rig: Rig) -> None:
    schedule = rig.schedule()
    things = _things(schedule, 50, interval=2.0)
    for thing in things:
        thing.takes = 0.5
        thing.then = lambda: schedule.rate_limited(None, 0.0)
    await asyncio.sleep(0.6)
    for thing in things:
        thing.then = lambda: None
    await asyncio.sleep(5.0)
    assert max(_gaps(things[0])[:1]) <= 2.6


async def test_after_a_day_of_429s_the_pauses_are_a_minute(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=0.1)
    thing.then = lambda: schedule.rate_limited(None, thing.polls[-1])
    thing.plan()
    await asyncio.sleep(80_000.0)
    assert len(thing.polls) > 1_100
    assert all(45.0 <= gap <= 60.0 for gap in _gaps(thing)[-50:])
