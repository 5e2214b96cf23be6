"""Thousands of payments followed in virtual time, by the library's own `watch_many`, schedule and pollers.

Nothing of the library is played by another but the API: a question takes a round trip of virtual seconds, and its
answer is PENDING until the payment's settling time. An hour of it passes in the time that its looks take to compute.
"""

from __future__ import annotations

import asyncio
import math
import random
import selectors
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar, cast

import attrs

from benchmarks.capacity.settling import Settling
from dollr_async import ConfigurationError, ExecutionKind, ExecutionStatus, PollPolicy, StatusChange
from dollr_async.base.clock import LoopClock
from dollr_async.following.registry import PollerRegistry
from dollr_async.following.schedule import PollSchedule
from dollr_async.resources.executions import Execution
from dollr_async.resources.status import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

T = TypeVar("T")

_TURN = 1e-7
"""Seconds that one turn of the loop takes: on a clock that stood still, what is due a rounding later would never be."""


class _Jump(selectors.SelectSelector):
    """Waits for nothing: the seconds that it should have waited have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is left that could happen, and somebody still waits")
        self.now += max(timeout, _TURN)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time begins at 0 and jumps over every wait."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the virtual seconds that have passed."""
        return self._jump.now


def _execution(status: ExecutionStatus) -> Execution:
    return Execution(
        reference_id="any",
        status=status,
        payer_amount=Decimal(1),
        payer_currency="USD",
        payee_amount=Decimal(1),
        payee_currency="USD",
        operation_type=ExecutionKind.COLLECTION,
    )


_PENDING = _execution(ExecutionStatus.PENDING)
_COMPLETED = _execution(ExecutionStatus.COMPLETED)


@attrs.define
class Payment:
    """One payment; all times are virtual seconds from the beginning of the simulation.

    `left` is when it was followed no longer: its end was yielded (`is_seen`), or its time ran out.
    """

    began: float
    settles: float
    left: float = math.inf
    is_seen: bool = False
    looks: int = 0


@attrs.frozen
class Load:
    """What comes in, and who follows it; times in seconds.

    `window` is for how long payments begin, at a steady rate; `clients` share them. `per_second` is each client's
    `max_polls_per_second`.
    """

    policy: PollPolicy
    settling: Settling
    payments: int
    window: float
    round_trip: float = 0.1
    clients: int = 1
    per_second: float | None = None
    seed: int = 1

    @property
    def rate(self) -> float:
        """Payments that begin in a second."""
        return self.payments / self.window


class Api:
    """Answers what a simulation's clients ask, each after a round trip, and counts."""

    def __init__(self, load: Load) -> None:
        """Draw the payments: when each begins, and when it settles."""
        chance = random.Random(load.seed)  # noqa: S311 - the same payments in each run, no secret
        began = sorted(chance.uniform(0.0, load.window) for _ in range(load.payments))
        settling = load.settling.times(load.payments, chance)
        self.payments = {
            str(uuid.UUID(int=chance.getrandbits(128), version=4)): Payment(first, first + takes)
            for first, takes in zip(began, settling, strict=True)
        }
        self.polls: list[int] = []
        self._round_trip = load.round_trip

    async def call(self, method: str, path: str, shape: type[T], **how: object) -> T:  # noqa: ARG002 - a Caller's
        """Answer a question after a status as the API would have half a round trip after it was asked."""
        payment = self.payments[path.rpartition("/")[2]]
        now = asyncio.get_running_loop().time()
        second = int(now)
        if second >= len(self.polls):
            self.polls.extend([0] * (second + 1 - len(self.polls)))
        self.polls[second] += 1
        payment.looks += 1
        await asyncio.sleep(self._round_trip)
        is_settled = payment.settles <= now + self._round_trip / 2.0
        return cast("T", _COMPLETED if is_settled else _PENDING)


async def _arriving(payments: Iterable[tuple[str, Payment]]) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    for reference, payment in payments:
        await asyncio.sleep(payment.began - loop.time())
        yield reference


def _never_closed() -> None:
    """Let every look be planned."""


async def _follow(load: Load, api: Api, client: int) -> None:
    loop, clock = asyncio.get_running_loop(), LoopClock()
    schedule = PollSchedule(clock, check_open=_never_closed, per_second=load.per_second)
    registry = PollerRegistry(Status(api), schedule, policy=load.policy, clock=clock)
    own = list(api.payments.items())[client :: load.clients]
    async for news in registry.watch_many(_arriving(own), ExecutionKind.COLLECTION, at_once=load.payments):
        if isinstance(news, StatusChange) and not news.is_final:
            continue
        payment = api.payments[str(news.reference_id)]
        payment.left, payment.is_seen = loop.time(), isinstance(news, StatusChange)
    await registry.close(ConfigurationError("the simulation is over"))


async def _follow_all(load: Load, api: Api) -> None:
    async with asyncio.TaskGroup() as group:
        for client in range(load.clients):
            group.create_task(_follow(load, api, client))


@attrs.frozen
class Simulated:
    """What happened: the payments in the order in which they began, and the polls in each second."""

    payments: list[Payment]
    polls: list[int]

    def looks_per_payment(self) -> float:
        """Return how many polls were spent on a payment, on average."""
        return sum(self.polls) / len(self.payments)

    def in_flight(self) -> list[int]:
        """Return how many payments were followed at the end of each second."""
        steps = [0] * (len(self.polls) + 2)
        for payment in self.payments:
            steps[int(payment.began)] += 1
            steps[min(int(payment.left), len(self.polls))] -= 1
        followed, running = [], 0
        for step in steps[: len(self.polls)]:
            running += step
            followed.append(running)
        return followed


def simulate(load: Load) -> Simulated:
    """Follow a load of payments to their ends."""
    api, before = Api(load), random.getstate()
    random.seed(load.seed)  # for the library's jitter
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_follow_all(load, api))
    random.setstate(before)
    return Simulated(list(api.payments.values()), api.polls)


def delays(payments: Iterable[Payment]) -> list[float]:
    """Return the seconds from settling to the change that tells it, sorted; what was never seen has none."""
    return sorted(payment.left - payment.settles for payment in payments if payment.is_seen)


def quantile(values: list[float], share: float) -> float:
    """Return the value that a share of the sorted values do not pass."""
    return values[min(int(len(values) * share), len(values) - 1)]
