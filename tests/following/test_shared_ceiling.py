"""The ceiling that a fleet shares: reserved in batches, spread evenly, paused for all; and a budget that fails."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from dollr_async import ConfigurationError, DollrClient, InvalidInputError, RateLimitError, RetryPolicy
from dollr_async.base.clock import LoopClock
from dollr_async.following.schedule import MOST_POLLS_IN_FLIGHT, PollSchedule, Scheduled
from dollr_async.sandbox import Fault
from tests.support.sharing import MemoryBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.sharing import PollBudget
    from dollr_async.sandbox import Sandbox


class PacedBudget(MemoryBudget):
    """Says its ceiling and its pause, and remembers what was reserved."""

    def __init__(self, per_second: float = 50.0) -> None:
        super().__init__()
        self.per_second = per_second
        self.paused_until = 0.0
        self.reserved: list[int] = []
        self.pauses: list[float] = []
        self.outstanding = self.most_outstanding = 0
        self.fails: Callable[[], object] | None = None
        self.latency = 0.001

    async def reserve(self, n: int) -> float:
        self.outstanding += 1
        self.most_outstanding = max(self.outstanding, self.most_outstanding)
        try:
            await self.maybe_fail()
            self.reserved.append(n)
            return await super().reserve(n)
        finally:
            self.outstanding -= 1

    async def pause(self, seconds: float) -> None:
        await self.maybe_fail()
        self.pauses.append(seconds)
        self.paused_until = max(self.paused_until, asyncio.get_running_loop().time() + seconds)
        await super().pause(seconds)

    async def paused_for(self) -> float:
        await self.maybe_fail()
        return max(self.paused_until - asyncio.get_running_loop().time(), 0.0)

    async def maybe_fail(self) -> None:
        await asyncio.sleep(self.latency)
        if self.fails is not None:
            failed = self.fails()
            if asyncio.iscoroutine(failed):
                await failed


def refuse() -> None:
    raise ConnectionRefusedError("nobody listens")


async def hang() -> None:
    await asyncio.Event().wait()


class Thing(Scheduled):
    """Wants to be polled all the time."""

    def __init__(self, polls: list[float]) -> None:
        super().__init__()
        self.polls = polls
        self.is_followed = True

    def due_at(self, now: float) -> float | None:
        return now if self.is_followed else None

    def cost(self, now: float) -> float:
        return 1.0

    def is_awaited(self) -> bool:
        return self.is_followed

    def poll_skipped(self) -> None:
        pass

    async def poll(self, delay: float) -> None:
        self.polls.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)


def process(
    budget: PollBudget, things: int = 200, *, max_retry_after: float = 60.0
) -> tuple[PollSchedule, list[float]]:
    """Return a schedule as a process has one, and the times of its polls."""
    schedule = PollSchedule(LoopClock(), check_open=lambda: None, budget=budget, max_retry_after=max_retry_after)
    polls: list[float] = []
    for _ in range(things):
        schedule.plan(Thing(polls), asyncio.get_running_loop().time())
    return schedule, polls


def most_in_a_second(times: list[float]) -> int:
    ordered = sorted(times)
    return max(sum(begin <= time < begin + 1.0 for time in ordered) for begin in ordered)


async def test_polls_keep_to_the_ceiling_and_are_spread_evenly() -> None:
    budget = PacedBudget()
    schedule, polls = process(budget)
    await asyncio.sleep(10.0)
    await schedule.close()
    assert 490 <= len(polls) <= 501
    assert most_in_a_second(polls) <= 51
    assert max(budget.reserved) == 5
    assert budget.most_outstanding == 1


async def test_processes_share_the_ceiling_fairly() -> None:
    budget = PacedBudget()
    running = [process(budget, things=10 * 3**number) for number in range(4)]
    await asyncio.sleep(20.0)
    for schedule, _ in running:
        await schedule.close()
    counts = [len(polls) for _, polls in running]
    assert 990 <= sum(counts) <= 1001
    assert most_in_a_second([time for _, polls in running for time in polls]) <= 55
    assert max(counts) <= min(counts) * 1.1


async def test_a_single_poll_reserves_one() -> None:
    budget = PacedBudget()
    schedule, polls = process(budget, things=1)
    await asyncio.sleep(0.005)
    assert budget.reserved == [1]
    assert len(polls) == 1
    await schedule.close()


async def test_no_more_is_reserved_than_may_be_in_flight() -> None:
    budget = PacedBudget(per_second=10_000.0)
    schedule, polls = process(budget)
    await asyncio.sleep(1.0)
    assert 10 < max(budget.reserved) <= MOST_POLLS_IN_FLIGHT
    assert len(polls) > MOST_POLLS_IN_FLIGHT
    await schedule.close()


async def test_a_429_stops_every_process_at_once_however_many_there_are() -> None:
    budget = PacedBudget()
    running = [process(budget) for _ in range(40)]
    await asyncio.sleep(10.0)
    running[0][0].rate_limited(30.0, asyncio.get_running_loop().time())
    paused_at = asyncio.get_running_loop().time()
    await asyncio.sleep(60.0)
    for schedule, _ in running:
        await schedule.close()
    times = [time for _, polls in running for time in polls]
    assert not [time for time in times if paused_at + 0.5 < time < paused_at + 30.0]
    assert most_in_a_second(times) <= 55
    assert len([time for time in times if time > paused_at + 31.0]) > 1200  # and then it goes on at the full pace


async def test_many_429s_at_once_are_one_pause() -> None:
    budget = PacedBudget()
    schedule, _ = process(budget)
    await asyncio.sleep(1.0)
    for _ in range(20):
        schedule.rate_limited(30.0, asyncio.get_running_loop().time())
    await asyncio.sleep(1.0)
    assert budget.pauses == [30.0]
    await schedule.close()


async def test_a_pause_that_the_api_asks_for_is_bounded() -> None:
    budget = PacedBudget()
    schedule, polls = process(budget)
    await asyncio.sleep(1.0)
    schedule.rate_limited(86_400.0, asyncio.get_running_loop().time())
    await asyncio.sleep(70.0)
    assert budget.pauses == [60.0]
    assert polls[-1] > 62.0
    await schedule.close()


@pytest.mark.parametrize("how", [refuse, hang])
async def test_a_budget_that_is_down_leaves_the_pace_of_the_last_minute(
    how: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    budget = PacedBudget()
    running = [process(budget) for _ in range(4)]
    await asyncio.sleep(60.0)
    budget.fails = how
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(60.0)
    down = [sum(62.0 <= time < 118.0 for time in polls) / 56.0 for _, polls in running]
    assert all(11.5 <= pace <= 13.5 for pace in down)
    assert len([record for record in caplog.records if "poll budget cannot be used" in record.message]) == 4
    budget.fails = None
    await asyncio.sleep(60.0)
    times = [time for _, polls in running for time in polls if 125.0 <= time < 175.0]
    assert 49.0 <= len(times) / 50.0 <= 51.0
    assert most_in_a_second(times) <= 55
    for schedule, _ in running:
        await schedule.close()


async def test_a_budget_that_was_never_there_leaves_a_slow_pace() -> None:
    budget = PacedBudget()
    budget.fails = refuse
    schedule, polls = process(budget)
    await asyncio.sleep(60.0)
    assert 55 <= len(polls) <= 61
    await schedule.close()


async def test_a_wait_that_no_fleet_explains_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    budget = PacedBudget()
    budget.next_at = 3600.0  # the clock of its server was set back by an hour
    schedule, polls = process(budget)
    await asyncio.sleep(60.0)
    assert len(polls) >= 50
    assert "it asks to wait" in caplog.text
    await schedule.close()


async def test_a_429_counts_while_the_budget_is_down() -> None:
    budget = PacedBudget()
    schedule, polls = process(budget)
    await asyncio.sleep(10.0)
    budget.fails = refuse
    await asyncio.sleep(10.0)
    schedule.rate_limited(30.0, asyncio.get_running_loop().time())
    await asyncio.sleep(60.0)
    assert not [time for time in polls if 20.1 < time < 50.0]
    assert [time for time in polls if time > 51.0]
    await schedule.close()


async def test_a_budget_without_a_known_ceiling_gives_one_poll_at_a_time() -> None:
    reserved = []

    class Plain:
        def __init__(self) -> None:
            self.inner = MemoryBudget()

        async def reserve(self, n: int) -> float:
            reserved.append(n)
            return await self.inner.reserve(n)

        async def pause(self, seconds: float) -> None:
            await self.inner.pause(seconds)

    schedule, polls = process(Plain())
    await asyncio.sleep(10.0)
    assert set(reserved) == {1}
    assert 450 <= len(polls) <= 501
    await schedule.close()


async def test_polls_that_a_busy_loop_missed_are_not_made_up_for() -> None:
    budget = PacedBudget()
    schedule, polls = process(budget)
    await asyncio.sleep(5.0)
    now = asyncio.get_running_loop().time()
    ceiling = schedule._ceiling
    slots = [ceiling.opens_at(5, now + late) for late in (0.0, 60.0)]
    assert len(polls) > 200
    assert slots[1] > now + 59.0 or slots[1] == float("inf")
    await schedule.close()


async def test_a_single_check_waits_for_its_turn_and_a_429_to_it_pauses_all(sandbox: Sandbox) -> None:
    budget = PacedBudget(per_second=1.0)
    async with DollrClient(**sandbox.settings, poll_budget=budget, retry=RetryPolicy(recovery=60.0)) as dollr:
        began = asyncio.get_running_loop().time()
        checks = await asyncio.gather(*(dollr.check(uuid4()) for _ in range(5)))
        assert 3.9 <= asyncio.get_running_loop().time() - began <= 4.5
        assert all(check.execution is None for check in checks)
        sandbox.fail("status.collection", Fault.rate_limited(30))
        with pytest.raises(RateLimitError):
            await dollr.check(uuid4())
        await asyncio.sleep(0.01)
        assert budget.pauses == [30.0]
        began = asyncio.get_running_loop().time()
        await dollr.check(uuid4())
        assert asyncio.get_running_loop().time() - began > 29.0


async def test_a_check_that_waits_for_its_turn_can_be_cancelled_and_closed(sandbox: Sandbox) -> None:
    budget = PacedBudget(per_second=0.1)
    dollr = DollrClient(**sandbox.settings, poll_budget=budget)
    await dollr.check(uuid4())
    cancelled, closed = (asyncio.create_task(dollr.check(uuid4())) for _ in range(2))
    await asyncio.sleep(1.0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await dollr.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await closed


async def test_everything_that_is_followed_counts(sandbox: Sandbox) -> None:
    budget = PacedBudget(per_second=10.0)
    async with DollrClient(**sandbox.settings, poll_budget=budget) as dollr:
        watching = [asyncio.create_task(dollr.wait(uuid4(), timeout=20.0)) for _ in range(30)]
        merged = asyncio.create_task(_all(dollr, 30))
        checks = [asyncio.create_task(dollr.check(uuid4())) for _ in range(30)]
        await asyncio.sleep(15.0)
        for task in (*watching, *checks, merged):
            task.cancel()
        await asyncio.gather(*watching, *checks, merged, return_exceptions=True)
    times = [request.second for request in sandbox.requests_to("status.collection")]
    assert 140 <= len(times) <= 152
    assert most_in_a_second(times) <= 11


async def _all(dollr: DollrClient, number: int) -> None:
    async for _ in dollr.watch_many([uuid4() for _ in range(number)]):
        pass


def test_a_budget_and_a_ceiling_of_the_clients_own_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="poll_budget or max_polls_per_second"):
        DollrClient("id", "secret", poll_budget=PacedBudget(), max_polls_per_second=50)
