"""One poller: which followers it notifies, what a hint does, and what an error means to each follower."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import attrs
import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.errors import (
    APIStatusError,
    ConfigurationError,
    DollrError,
    NotFoundError,
    ServerError,
    TransportError,
)
from dollr_async.following.follower import Waiter
from dollr_async.following.policy import Pace, PollPolicy
from dollr_async.following.poller import Poller
from dollr_async.following.schedule import PollSchedule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

State: TypeAlias = str | Exception
E = TypeVar("E", bound=APIStatusError)
_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _open() -> None:
    """Let every poll be planned, as an open client does."""


def _status(cls: type[E], status: int, retry_after: float | None = None) -> E:
    return cls(status=status, detail="", method="GET", path="/v1/x", retry_after=retry_after, body="", fields=())


@attrs.define
class Thing:
    """What is polled, with the states that it answers one after the other; an answer takes `takes` seconds."""

    schedule: PollSchedule
    states: list[State]
    takes: float = 0.0
    polls: list[float] = attrs.field(factory=list)

    def poller(self) -> Poller[str]:
        return Poller(self._fetch, "thing", 1, str.upper, self.schedule, LoopClock())

    async def _fetch(self, poller: Poller[str]) -> str:
        assert (poller.kind, poller.identifier) == ("thing", 1)
        self.polls.append(_now())
        if self.takes:
            await asyncio.sleep(self.takes)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state


@pytest.fixture
async def schedule() -> AsyncIterator[PollSchedule]:
    schedule = PollSchedule(LoopClock(), check_open=_open)
    yield schedule
    await schedule.close()


def _pace(policy: PollPolicy = _EVEN, age: float = 0.0) -> Pace:
    return Pace(policy, _now() - age, _now())


async def test_an_error_of_the_program_is_raised_to_every_follower(schedule: PollSchedule) -> None:
    poller = Thing(schedule, ["a", ZeroDivisionError("a bug")]).poller()
    assert await poller.wait_for_change(None, _pace()) == "a"
    ends = await asyncio.gather(*(poller.wait_for_change("a", _pace()) for _ in range(3)), return_exceptions=True)
    assert [type(end) for end in ends] == [ZeroDivisionError] * 3


async def test_an_error_that_many_followers_raise_has_the_traceback_of_one(schedule: PollSchedule) -> None:
    poller = Thing(schedule, [_status(ServerError, 500)]).poller()
    waiting = [asyncio.create_task(poller.wait_for_change(None, _pace())) for _ in range(50)]
    await asyncio.sleep(1.0)
    poller.fail(DollrError("it is closed"))
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    (frames,) = {len(traceback.extract_tb(end.__traceback__)) for end in ends if isinstance(end, DollrError)}
    assert frames < 10  # and not some more for each of the fifty


async def test_followers_that_wait_when_the_client_is_closed_get_the_error(schedule: PollSchedule) -> None:
    poller = Thing(schedule, ["a"]).poller()
    waiting = asyncio.create_task(poller.wait_for_change("a", _pace()))
    await asyncio.sleep(1.0)
    poller.fail(DollrError("it is closed"))
    with pytest.raises(DollrError, match="it is closed"):
        await waiting


async def test_a_state_with_the_same_fingerprint_is_no_change(schedule: PollSchedule) -> None:
    thing = Thing(schedule, ["a", "A", "a", "B"])
    poller = thing.poller()
    assert await poller.wait_for_change(None, _pace()) == "a"
    assert await poller.wait_for_change("a", _pace()) == "B"
    assert thing.polls == [0.0, 2.0, 4.0, 6.0]


async def test_a_hint_is_a_poll_at_once_if_somebody_follows(schedule: PollSchedule) -> None:
    thing = Thing(schedule, ["a", "b"])
    poller = thing.poller()
    assert await poller.wait_for_change(None, _pace()) == "a"
    waiting = asyncio.create_task(poller.wait_for_change("a", _pace()))
    await asyncio.sleep(0.5)
    poller.hint()
    assert await waiting == "b"
    assert thing.polls == [0.0, 0.5]


async def test_a_hint_during_a_poll_is_another_poll_after_it(schedule: PollSchedule) -> None:
    thing = Thing(schedule, ["a", "a", "a"], takes=1.0)
    poller = thing.poller()
    waiting = asyncio.create_task(poller.wait_for_change("a", _pace()))
    await asyncio.sleep(0.5)
    poller.hint()
    await asyncio.sleep(2.0)
    assert thing.polls == [0.0, 1.0]
    await asyncio.sleep(2.0)
    assert thing.polls == [0.0, 1.0, 4.0]  # and then at the policy's interval again
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_hint_while_nobody_follows_is_a_poll_for_the_next_follower(schedule: PollSchedule) -> None:
    thing = Thing(schedule, ["a", "b"])
    poller = thing.poller()
    assert await poller.wait_for_change(None, _pace()) == "a"
    poller.hint()
    await asyncio.sleep(1.0)
    assert thing.polls == [0.0]
    assert await poller.wait_for_change("a", _pace()) == "b"
    assert thing.polls == [0.0, 1.0]


@pytest.mark.parametrize(("retry_after", "second"), [(None, 0.5), (0.2, 0.5), (9.0, 9.0), (60.0, 60.0), (61.0, 60.0)])
async def test_the_retry_after_of_an_error_is_respected(
    schedule: PollSchedule, retry_after: float | None, second: float
) -> None:
    thing = Thing(schedule, [_status(ServerError, 503, retry_after), "a"])
    quick = PollPolicy(interval=0.5, max_interval=0.5, jitter=0.0)
    assert await thing.poller().wait_for_change(None, _pace(quick)) == "a"
    assert thing.polls == [0.0, second]


async def test_a_retry_after_of_a_day_pauses_for_a_minute_and_is_named_once(
    schedule: PollSchedule, caplog: pytest.LogCaptureFixture
) -> None:
    thing = Thing(schedule, [*[_status(ServerError, 503, 86_400.0)] * 4, "a"])
    assert await thing.poller().wait_for_change(None, _pace()) == "a"
    assert thing.polls == [0.0, 60.0, 120.0, 180.0, 240.0]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the API asks to wait 86400 s: polls pause for 60 s")
    ]


async def test_following_again_polls_when_the_pause_is_over(schedule: PollSchedule) -> None:
    thing = Thing(schedule, [_status(ServerError, 503, 86_400.0), "a"])
    poller = thing.poller()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(poller.wait_for_change(None, _pace()), 10.0)
    assert await poller.wait_for_change(None, _pace()) == "a"
    assert thing.polls == [0.0, 60.0]


async def test_a_hint_does_not_shorten_the_retry_after_of_an_error(schedule: PollSchedule) -> None:
    thing = Thing(schedule, [_status(ServerError, 503, 9.0), "a"])
    poller = thing.poller()
    waiting = asyncio.create_task(poller.wait_for_change(None, _pace()))
    await asyncio.sleep(1.0)
    poller.hint()
    assert await waiting == "a"
    assert thing.polls == [0.0, 9.0]


async def test_not_found_ends_only_the_followers_whose_grace_is_over(schedule: PollSchedule) -> None:
    poller = Thing(schedule, [_status(NotFoundError, 404)]).poller()
    short, long = (
        PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0, not_found_grace=grace) for grace in (5.0, 9.0)
    )
    ended: list[float] = []

    async def follow(policy: PollPolicy) -> None:
        with pytest.raises(NotFoundError):
            await poller.wait_for_change(None, _pace(policy))
        ended.append(_now())

    await asyncio.gather(follow(long), follow(short))
    assert ended == [6.0, 10.0]


async def test_not_found_after_a_status_has_the_grace_from_the_first_time(schedule: PollSchedule) -> None:
    gone = _status(NotFoundError, 404)
    thing = Thing(schedule, ["a", gone, "a", gone, TransportError("no answer"), gone])
    poller = thing.poller()
    # Less often than the grace, as beside a live push channel.
    rarely = PollPolicy(interval=31.0, max_interval=31.0, jitter=0.0)
    assert await poller.wait_for_change(None, _pace(rarely)) == "a"
    with pytest.raises(NotFoundError):
        await poller.wait_for_change("a", _pace(rarely))
    assert thing.polls == [31.0 * number for number in range(6)]


async def test_without_a_grace_the_first_not_found_ends_it(schedule: PollSchedule) -> None:
    thing = Thing(schedule, ["a", _status(NotFoundError, 404)])
    poller = thing.poller()
    strict = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0, not_found_grace=0.0)
    assert await poller.wait_for_change(None, _pace(strict)) == "a"
    with pytest.raises(NotFoundError):
        await poller.wait_for_change("a", _pace(strict))
    assert thing.polls == [0.0, 2.0]


async def test_a_grace_below_a_second_counts_too(schedule: PollSchedule) -> None:
    gone = _status(NotFoundError, 404)
    thing = Thing(schedule, ["a", gone, gone, "b"])
    poller = thing.poller()
    pace = _pace(PollPolicy(interval=0.3, max_interval=0.3, jitter=0.0, not_found_grace=0.5))
    assert await poller.wait_for_change(None, pace) == "a"
    await asyncio.sleep(10.0)
    assert await poller.wait_for_change("a", pace) == "b"


async def test_a_cancelled_poll_does_not_count(schedule: PollSchedule) -> None:
    thing = Thing(schedule, ["a"], takes=5.0)
    poller = thing.poller()
    waiting = asyncio.create_task(poller.wait_for_change(None, _pace()))
    await asyncio.sleep(1.0)
    waiting.cancel()
    await asyncio.wait([waiting])
    thing.takes = 0.0
    assert await poller.wait_for_change(None, _pace()) == "a"
    assert thing.polls == [0.0, 1.0]


@pytest.mark.parametrize(("age", "cost"), [(0.0, 2.0), (50.0, 5.0), (600.0, 60.0), (3_000.0, 300.0), (1e9, 300.0)])
async def test_a_poll_costs_the_interval_or_a_tenth_of_the_age(schedule: PollSchedule, age: float, cost: float) -> None:
    poller = Thing(schedule, [TransportError("no answer")]).poller()
    waiting = asyncio.create_task(poller.wait_for_change(None, _pace(age=age)))
    await asyncio.sleep(0)
    assert poller.cost(_now()) == cost
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_the_follower_of_the_newest_payment_decides_what_a_poll_costs(schedule: PollSchedule) -> None:
    poller = Thing(schedule, [TransportError("no answer")]).poller()
    waiting = [asyncio.create_task(poller.wait_for_change(None, _pace(age=age))) for age in (600.0, 100.0, 900.0)]
    await asyncio.sleep(0)
    assert poller.cost(_now()) == 10.0
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_a_payment_that_was_polled_keeps_its_place_when_it_is_followed_again(schedule: PollSchedule) -> None:
    poller = Thing(schedule, ["a"]).poller()
    assert await poller.wait_for_change(None, _pace(age=600.0)) == "a"
    place = poller.virtual_time
    waiting = asyncio.create_task(poller.wait_for_change("a", _pace(age=600.0)))
    await asyncio.sleep(0)
    assert poller.virtual_time == place
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_follower_that_is_refused_since_the_client_is_closed_is_not_kept() -> None:
    def closed() -> None:
        raise ConfigurationError("this DollrClient is closed: make a new one")

    poller = Thing(PollSchedule(LoopClock(), check_open=closed), ["a"]).poller()
    follower: Waiter[str] = Waiter(_pace(), None)
    with pytest.raises(ConfigurationError):
        poller.add(follower)
    assert poller.due_at(_now()) is None
    poller.remove(follower)  # nothing happens: it is not there


async def test_old_payments_that_are_resumed_together_are_spread_and_new_ones_come_first(
    schedule: PollSchedule,
) -> None:
    places = []
    for age in (0.0, 600.0, 600.0, 600.0, 600.0, 600.0):
        poller = Thing(schedule, [TransportError("no answer")]).poller()
        starts: list[float] = []
        poller._schedule = _RecordingSchedule(starts)  # type: ignore[assignment] # it only has to record
        with pytest.raises(_RecordedError):
            await poller.wait_for_change(None, _pace(age=age))
        places += starts
    assert places[0] == 0.0
    assert all(0.0 < place < 60.0 for place in places[1:])
    assert len(set(places)) == len(places)


class _RecordedError(Exception):
    """Enough was recorded."""


class _RecordingSchedule:
    """Records where new things start in the queue."""

    def __init__(self, starts: list[float]) -> None:
        self._starts = starts

    def set_start(self, _: object, after: float) -> None:
        self._starts.append(after)

    def plan(self, _: object, __: float) -> None:
        raise _RecordedError

    def cancel(self, _: object) -> None:
        """Nothing is in flight."""
