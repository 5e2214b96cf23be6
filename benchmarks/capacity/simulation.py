"""Thousands of payments followed in virtual time, by the library's own `watch_many`, schedule and pollers.

Only the API is simulated: a request takes a round trip of virtual seconds, and its answer is PENDING until the
payment's settling time. Waiting takes no real time: an hour of it takes as long as the CPU needs for its polls.
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

from benchmarks.capacity.settling_times import SettlingTime
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
"""Seconds that one turn of the loop takes. With 0, a timer that is a rounding error ahead would never fire."""


class _JumpingSelector(selectors.SelectSelector):
    """Does not wait: it adds the seconds that it should wait to its time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the simulation hangs: a task waits, and nothing is scheduled")
        self.now += max(timeout, _TURN)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time begins at 0 and jumps over every wait."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._jumping_selector = _JumpingSelector()
        super().__init__(self._jumping_selector)

    def time(self) -> float:
        """Return the virtual seconds that have passed."""
        return self._jumping_selector.now


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

    `left` is when following it ended: its final status was yielded (`is_reported`), or its timeout passed.
    """

    began: float
    settles: float
    left: float = math.inf
    is_reported: bool = False
    polls: int = 0


@attrs.frozen
class Load:
    """Payments to follow, and the clients that follow them; times in seconds.

    `window` is how long payments begin, at a steady rate. Each is followed by one of the `clients`, and `per_second` is
    each client's `max_polls_per_second`.
    """

    policy: PollPolicy
    settling: SettlingTime
    payments: int
    window: float
    round_trip: float = 0.1
    clients: int = 1
    per_second: float | None = None
    seed: int = 1

    @property
    def rate(self) -> float:
        """Payments that begin per second."""
        return self.payments / self.window


class Api:
    """Answers the requests of a simulation's clients, each after a round trip, and counts them."""

    def __init__(self, load: Load) -> None:
        """Draw the payments: when each begins, and when it settles."""
        chance = random.Random(load.seed)  # noqa: S311 - repeatable, no secret
        began = sorted(chance.uniform(0.0, load.window) for _ in range(load.payments))
        settling = load.settling.times(load.payments, chance)
        self.payments = {
            str(uuid.UUID(int=chance.getrandbits(128), version=4)): Payment(first, first + takes)
            for first, takes in zip(began, settling, strict=True)
        }
        self.polls_by_second: list[int] = []
        self._round_trip = load.round_trip

    async def call(self, method: str, path: str, shape: type[T], **how: object) -> T:  # noqa: ARG002 - the signature of a Caller
        """Answer a status check with the status that the payment has half a round trip after the request."""
        payment = self.payments[path.rpartition("/")[2]]
        now = asyncio.get_running_loop().time()
        second = int(now)
        if second >= len(self.polls_by_second):
            self.polls_by_second.extend([0] * (second + 1 - len(self.polls_by_second)))
        self.polls_by_second[second] += 1
        payment.polls += 1
        await asyncio.sleep(self._round_trip)
        is_settled = payment.settles <= now + self._round_trip / 2.0
        return cast("T", _COMPLETED if is_settled else _PENDING)


async def _arriving(payments: Iterable[tuple[str, Payment]]) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    for reference, payment in payments:
        await asyncio.sleep(payment.began - loop.time())
        yield reference


def _always_open() -> None:
    """Let every poll be scheduled: the client of a simulation is never closed."""


async def _follow(load: Load, api: Api, client: int) -> None:
    loop, clock = asyncio.get_running_loop(), LoopClock()
    schedule = PollSchedule(clock, check_open=_always_open, per_second=load.per_second)
    registry = PollerRegistry(Status(api), schedule, policy=load.policy, clock=clock)
    own = list(api.payments.items())[client :: load.clients]
    async for news in registry.watch_many(_arriving(own), ExecutionKind.COLLECTION, at_once=load.payments):
        if isinstance(news, StatusChange) and not news.is_final:
            continue
        payment = api.payments[str(news.reference_id)]
        payment.left, payment.is_reported = loop.time(), isinstance(news, StatusChange)
    await registry.close(ConfigurationError("the simulation is over"))


async def _follow_all(load: Load, api: Api) -> None:
    async with asyncio.TaskGroup() as group:
        for client in range(load.clients):
            group.create_task(_follow(load, api, client))


@attrs.frozen
class Simulated:
    """What happened: the payments in the order in which they began, and the number of polls in each second."""

    payments: list[Payment]
    polls_by_second: list[int]

    def polls_per_payment(self) -> float:
        """Return how many polls a payment took, on average."""
        return sum(self.polls_by_second) / len(self.payments)

    def in_flight(self) -> list[int]:
        """Return how many payments were followed at the end of each second."""
        length = len(self.polls_by_second)
        steps = [0] * (length + 2)
        for payment in self.payments:
            steps[int(payment.began)] += 1
            steps[min(int(payment.left), length)] -= 1
        followed, running = [], 0
        for step in steps[:length]:
            running += step
            followed.append(running)
        return followed


def simulate(load: Load) -> Simulated:
    """Follow a load of payments, each to its final status or its timeout."""
    api, before = Api(load), random.getstate()
    random.seed(load.seed)  # for the library's jitter
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_follow_all(load, api))
    random.setstate(before)
    return Simulated(list(api.payments.values()), api.polls_by_second)


def delays(payments: Iterable[Payment]) -> list[float]:
    """Return, sorted, the seconds from settling to the report of it; a payment that was never reported has none."""
    return sorted(payment.left - payment.settles for payment in payments if payment.is_reported)
