"""When things are looked at: by their own pace, in a fair order, and never more than the ceiling allows."""

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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Thing(Scheduled):
    """Something to be looked at every `interval` seconds, by a look that takes `takes` seconds."""

    def __init__(self, schedule: PollSchedule, name: str, *, interval: float = 2.0, cost: float | None = None) -> None:
        super().__init__()
        self.schedule = schedule
        self.name = name
        self.interval = interval
        self.price = interval if cost is None else cost
        self.takes = 0.0
        self.is_wanted = True
        self.is_put_aside = False
        self.looks: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def due(self, now: float) -> float | None:
        if not self.is_wanted:
            return None
        return self.looks[-1] + self.takes + self.interval if self.looks else now

    def cost(self, now: float) -> float:
        return self.price

    def is_awaited(self) -> bool:
        return self.is_wanted

    def put_aside(self) -> None:
        self.is_put_aside = True

    async def look(self) -> None:
        self.looks.append(_now())
        if self.takes:
            await asyncio.sleep(self.takes)
        self.then()

    def plan(self) -> None:
        self.schedule.plan(self, self.due(_now()) or 0.0)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _open() -> None:
    """Never be closed."""


class Rig:
    """A schedule and its things."""

    def __init__(self) -> None:
        self.schedules: list[PollSchedule] = []

    def schedule(self, per_second: float | None = None) -> PollSchedule:
        schedule = PollSchedule(LoopClock(), check_open=_open, per_second=per_second)
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
    return [round(after - before, 6) for before, after in zip(thing.looks, thing.looks[1:], strict=False)]


def _most_in_any_second(things: list[Thing]) -> int:
    looks = sorted(look for thing in things for look in thing.looks)
    return max(bisect_left(looks, first + 1.0) - number for number, first in enumerate(looks))


# Without a ceiling


async def test_a_closed_client_looks_at_nothing() -> None:
    def closed() -> None:
        message = "this client is closed"
        raise ConfigurationError(message)

    schedule = PollSchedule(LoopClock(), check_open=closed)
    with pytest.raises(ConfigurationError, match="closed"):
        Thing(schedule, "thing").plan()


async def test_each_thing_is_looked_at_by_its_own_pace(rig: Rig) -> None:
    schedule = rig.schedule()
    quick, slow = Thing(schedule, "quick", interval=2.0), Thing(schedule, "slow", interval=5.0)
    quick.plan()
    slow.plan()
    await asyncio.sleep(10.5)
    assert quick.looks == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert slow.looks == [0.0, 5.0, 10.0]


async def test_the_pace_counts_from_the_end_of_a_look(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing")
    thing.takes = 3.0
    thing.plan()
    await asyncio.sleep(12.0)
    assert thing.looks == [0.0, 5.0, 10.0]


async def test_what_is_not_wanted_any_more_is_looked_at_no_more(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing")
    thing.plan()
    await asyncio.sleep(3.0)
    thing.is_wanted = False
    await asyncio.sleep(60.0)
    assert thing.looks == [0.0, 2.0]
    thing.is_wanted = True
    thing.plan()
    await asyncio.sleep(1.0)
    assert thing.looks == [0.0, 2.0, 63.0]


async def test_a_plan_moves_to_an_earlier_time_and_never_to_a_later_one(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=100.0)
    thing.plan()
    await asyncio.sleep(1.0)
    schedule.plan(thing, 50.0)
    schedule.plan(thing, 70.0)
    thing.interval = 50.0  # the plan for a time is a promise to see then whether it is due
    await asyncio.sleep(60.0)
    assert thing.looks == [0.0, 50.0]


async def test_what_is_planned_while_it_is_looked_at_is_looked_at_once(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=10.0)
    thing.takes = 1.0
    thing.plan()
    await asyncio.sleep(0.5)
    schedule.plan(thing, 0.0)
    await asyncio.sleep(5.0)
    assert thing.looks == [0.0]


async def test_no_more_looks_are_in_flight_than_leave_room_for_charges(rig: Rig) -> None:
    schedule = rig.schedule()
    things = _things(schedule, 3 * MOST_POLLS_IN_FLIGHT, interval=1_000.0)
    for thing in things:
        thing.takes = 1.0
    await asyncio.sleep(0.5)
    assert sum(len(thing.looks) for thing in things) == MOST_POLLS_IN_FLIGHT
    await asyncio.sleep(3.0)
    starts = Counter(thing.looks[0] for thing in things)
    assert starts == {0.0: MOST_POLLS_IN_FLIGHT, 1.0: MOST_POLLS_IN_FLIGHT, 2.0: MOST_POLLS_IN_FLIGHT}


async def test_an_abandoned_look_is_given_up_and_the_others_go_on(rig: Rig) -> None:
    schedule = rig.schedule()
    hanging, other = Thing(schedule, "hanging"), Thing(schedule, "other")
    hanging.takes = 1_000.0
    hanging.plan()
    other.plan()
    await asyncio.sleep(1.0)
    hanging.is_wanted = False
    schedule.abandon(hanging)
    schedule.abandon(other)  # which is not being looked at
    await asyncio.sleep(2.0)
    assert len(asyncio.all_tasks()) == 1
    assert other.looks == [0.0, 2.0]


@pytest.mark.parametrize("is_wanted", [True, False])
async def test_a_look_that_is_abandoned_before_it_began_is_made_when_it_is_wanted(rig: Rig, is_wanted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    schedule = rig.schedule()
    thing = Thing(schedule, "thing")
    thing.plan()
    thing.is_wanted = is_wanted
    schedule.abandon(thing)
    await asyncio.sleep(1.0)
    assert thing.looks == [0.0] * is_wanted
    thing.is_wanted = True
    thing.plan()
    await asyncio.sleep(2.5)
    assert thing.looks == ([0.0, 2.0] if is_wanted else [1.0, 3.0])


async def test_what_was_given_up_is_not_kept_until_its_time_would_have_come(rig: Rig) -> None:
    schedule = rig.schedule()
    kept = Thing(schedule, "kept", interval=1_000.0)
    kept.plan()
    await asyncio.sleep(1.0)
    things: weakref.WeakSet[Thing] = weakref.WeakSet()
    for number in range(1_000):
        thing = Thing(schedule, f"thing {number}")
        things.add(thing)
        schedule.plan(thing, _now() + 3_600.0)
        thing.is_wanted = False
        schedule.abandon(thing)
    del thing
    assert len(things) <= 101
    await asyncio.sleep(2_000.0)
    assert kept.looks == [0.0, 1_000.0, 2_000.0]


async def test_what_was_given_up_and_is_planned_again_is_looked_at_once(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=10.0)
    for _ in range(300):
        thing.is_wanted = True
        schedule.plan(thing, 5.0)
        thing.is_wanted = False
        schedule.abandon(thing)
    thing.is_wanted = True
    schedule.plan(thing, 5.0)
    await asyncio.sleep(20.0)
    assert thing.looks == [5.0, 15.0]


class _CountingClock(LoopClock):
    def __init__(self) -> None:
        self.asked = 0

    def monotonic(self) -> float:
        self.asked += 1
        return super().monotonic()


@pytest.mark.real_time
def test_uvloops_clock_of_whole_milliseconds_is_no_trouble() -> None:
    uvloop = pytest.importorskip("uvloop")
    clock, faults, looks = _CountingClock(), list[object](), list[float]()

    async def follow() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        schedule = PollSchedule(clock, check_open=_open, per_second=300.0)
        # Due a fraction of a millisecond after each other, as timers of uvloop cannot be.
        things = [Thing(schedule, f"thing {number}", interval=0.0503 + number / 7_000) for number in range(30)]
        for thing in things:
            thing.plan()
        await asyncio.sleep(0.5)
        await schedule.close()
        looks.extend(look for thing in things for look in thing.looks)

    uvloop.run(follow())
    assert faults == []
    assert len(looks) >= 60
    assert clock.asked < 12 * len(looks)  # it sleeps until there is something to do


async def test_nothing_runs_while_nothing_is_due(rig: Rig) -> None:
    _things(rig.schedule(), 50, interval=60.0)
    await asyncio.sleep(1.0)
    assert len(asyncio.all_tasks()) == 1


async def test_closing_ends_looks_in_flight(rig: Rig) -> None:
    schedule = rig.schedule()
    for thing in _things(schedule, 5):
        thing.takes = 1_000.0
    await asyncio.sleep(1.0)
    await schedule.close()
    assert len(asyncio.all_tasks()) == 1
    await asyncio.sleep(100.0)
    await schedule.close()


if sys.version_info >= (3, 12):

    async def test_an_abandoned_look_is_given_up_where_tasks_are_eager(rig: Rig) -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        schedule = rig.schedule()
        things = [Thing(schedule, f"thing {number}") for number in range(MOST_POLLS_IN_FLIGHT + 1)]
        for thing in things:
            thing.takes = 1.0 if thing is not things[-1] else 1_000.0
            thing.plan()
        await asyncio.sleep(1.5)
        assert things[-1].looks == [1.0]  # by the worker of another, whose look was over
        for thing in things:
            thing.is_wanted = False
            schedule.abandon(thing)
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == 1


async def test_what_nobody_awaits_is_put_aside_until_it_is_planned_again(rig: Rig) -> None:
    thing = Thing(rig.schedule(), "thing")
    thing.plan()
    await asyncio.sleep(1.0)
    thing.is_awaited = lambda: False  # type: ignore[method-assign] # a follower that is busy elsewhere
    await asyncio.sleep(9.0)
    assert (thing.looks, thing.is_put_aside) == ([0.0], True)
    thing.is_awaited = lambda: True  # type: ignore[method-assign] # it is back
    thing.plan()
    await asyncio.sleep(1.0)
    assert thing.looks == [0.0, 10.0]


# The ceiling


@pytest.mark.parametrize("per_second", [0.5, 1.0, 10.0, 300.0])
async def test_the_ceiling_holds_in_any_second(rig: Rig, per_second: float) -> None:
    things = _things(rig.schedule(per_second), 1_000, interval=2.0)
    await asyncio.sleep(5.0)
    looks = sum(len(thing.looks) for thing in things)
    assert 0.95 * 5.0 * per_second <= looks <= 5.0 * per_second + 1
    assert _most_in_any_second(things) <= per_second * 1.05 + 1


async def test_below_the_ceiling_it_changes_nothing(rig: Rig) -> None:
    things = _things(rig.schedule(100.0), 20, interval=2.0)
    await asyncio.sleep(21.0)
    assert {len(thing.looks) for thing in things} == {11}
    assert all(gap == 2.0 for thing in things for gap in _gaps(thing))


async def test_at_the_ceiling_all_of_a_kind_are_slowed_alike(rig: Rig) -> None:
    things = _things(rig.schedule(10.0), 100, interval=2.0)
    await asyncio.sleep(99.95)
    assert {len(thing.looks) for thing in things} == {10}


async def test_all_are_slowed_in_proportion_to_what_they_cost(rig: Rig) -> None:
    schedule = rig.schedule(10.0)
    young, old = _things(schedule, 20, interval=2.0), _things(schedule, 20, interval=2.0, cost=20.0)
    await asyncio.sleep(400.0)
    looks = [sum(len(thing.looks) for thing in things) for things in (young, old)]
    assert looks[0] / looks[1] == pytest.approx(10.0, rel=0.1)
    assert min(len(thing.looks) for thing in old) > 0  # none starves


async def test_a_newcomer_is_not_made_to_wait_for_those_in_the_queue(rig: Rig) -> None:
    schedule = rig.schedule(10.0)
    for number in range(1_000):
        thing = Thing(schedule, f"old {number}", cost=60.0)
        schedule.enter(thing, 0.06 * number)
        thing.plan()
    await asyncio.sleep(50.0)
    newcomer = Thing(schedule, "newcomer")
    newcomer.plan()
    await asyncio.sleep(20.0)
    assert newcomer.looks[0] - 50.0 <= 0.2
    assert max(_gaps(newcomer)) <= 4.0


async def test_a_look_that_is_late_is_not_made_up_for(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    things = _things(schedule, 10, interval=2.0)
    await asyncio.sleep(100.0)
    assert all(gap >= 9.0 for thing in things for gap in _gaps(thing))


async def test_what_is_planned_again_while_it_waits_for_its_turn_is_looked_at_once(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    things = _things(schedule, 5, interval=100.0)
    for thing in things * 3:
        schedule.plan(thing, 0.0)
    await asyncio.sleep(20.0)
    assert [thing.looks for thing in things] == [[0.0], [1.0], [2.0], [3.0], [4.0]]


async def test_what_is_put_aside_takes_nobodys_turn(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    first, aside, last = _things(schedule, 3, interval=100.0)
    aside.is_awaited = lambda: False  # type: ignore[method-assign] # a follower that is busy elsewhere
    await asyncio.sleep(5.0)
    assert (first.looks, aside.looks, last.looks) == ([0.0], [], [1.0])
    assert aside.is_put_aside


async def test_idle_seconds_are_not_saved_up(rig: Rig) -> None:
    schedule = rig.schedule(1.0)
    await asyncio.sleep(100.0)
    things = _things(schedule, 5, interval=100.0)
    await asyncio.sleep(10.0)
    assert [thing.looks for thing in things] == [[100.0], [101.0], [102.0], [103.0], [104.0]]


async def test_a_turn_that_was_taken_a_little_late_moves_no_other(rig: Rig) -> None:
    schedule = rig.schedule(10.0)
    first, *rest = (Thing(schedule, f"thing {number}", interval=100.0) for number in range(4))
    first.plan()
    await asyncio.sleep(0.15)
    for thing in rest:
        thing.plan()
    await asyncio.sleep(1.0)
    assert [thing.looks[0] for thing in (first, *rest)] == pytest.approx([0.0, 0.15, 0.2, 0.3])


async def test_a_later_look_of_a_worker_can_be_abandoned_too(rig: Rig) -> None:
    schedule = rig.schedule()
    things = _things(schedule, MOST_POLLS_IN_FLIGHT + 1, interval=1_000.0)
    for thing in things:
        thing.takes = 1.0
    hanging = things[-1]
    hanging.takes = 500.0
    await asyncio.sleep(2.0)
    assert (hanging.looks, len(asyncio.all_tasks())) == ([1.0], 2)
    hanging.is_wanted = False
    schedule.abandon(hanging)
    await asyncio.sleep(0.1)
    assert len(asyncio.all_tasks()) == 1


# 429


async def test_one_refusal_pauses_all_for_as_long_as_it_asks(rig: Rig) -> None:
    schedule = rig.schedule()
    refused, other = Thing(schedule, "refused"), Thing(schedule, "other", interval=3.0)
    refused.then = lambda: schedule.refused(10.0, refused.looks[-1]) if len(refused.looks) == 2 else None
    refused.plan()
    other.plan()
    await asyncio.sleep(13.0)
    assert refused.looks == [0.0, 2.0, 12.0]
    assert other.looks == [0.0, 12.0]


async def test_without_an_hour_to_come_back_the_pauses_double_up_to_a_minute(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=0.1)
    thing.then = lambda: schedule.refused(None, thing.looks[-1])
    thing.plan()
    await asyncio.sleep(400.0)
    for gap, full in zip(_gaps(thing), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0], strict=False):
        assert 0.75 * full <= gap <= full
    thing.then = lambda: schedule.answered(thing.looks[-1])
    await asyncio.sleep(100.0)
    thing.looks.clear()
    thing.then = lambda: schedule.refused(None, thing.looks[-1])
    await asyncio.sleep(2.0)
    assert _gaps(thing)[0] <= 1.1  # it was answered meanwhile: the count begins anew


async def test_looks_that_were_in_flight_together_are_one_refusal(rig: Rig) -> None:
    schedule = rig.schedule()
    things = _things(schedule, 50, interval=2.0)
    for thing in things:
        thing.takes = 0.5
        thing.then = lambda: schedule.refused(None, 0.0)
    await asyncio.sleep(0.6)
    for thing in things:
        thing.then = lambda: None
    await asyncio.sleep(5.0)
    assert max(_gaps(things[0])[:1]) <= 2.6


async def test_refusals_for_days_are_pauses_of_a_minute(rig: Rig) -> None:
    schedule = rig.schedule()
    thing = Thing(schedule, "thing", interval=0.1)
    thing.then = lambda: schedule.refused(None, thing.looks[-1])
    thing.plan()
    await asyncio.sleep(80_000.0)
    assert len(thing.looks) > 1_100
    assert all(45.0 <= gap <= 60.0 for gap in _gaps(thing)[-50:])
