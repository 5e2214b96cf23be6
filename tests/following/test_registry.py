"""Which state of a payment is kept when answers arrive in another order than the states came."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.progress import Progress
from dollr_async.flows.handles import Payment
from dollr_async.following.policy import PollPolicy
from dollr_async.following.registry import PollerRegistry
from dollr_async.following.schedule import PollSchedule
from dollr_async.resources.status import Status
from tests.support.collections import REFERENCE
from tests.support.fakes import Rig, raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.wire.answers import RawAnswer

_ID, _COLLECTION = UUID(REFERENCE), ExecutionKind.COLLECTION
_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)


def _answer(status: str) -> RawAnswer:
    money = {"payer_amount": 1, "payer_currency": "USD", "payee_amount": 1, "payee_currency": "USD"}
    return raw(200, {"reference_id": REFERENCE, "status": status, "operation_type": "COLLECTION", **money})


async def _late(status: str, seconds: float) -> RawAnswer:
    await asyncio.sleep(seconds)
    return _answer(status)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.session.token()
    yield rig
    await rig.session.close()


@pytest.fixture
async def registry(rig: Rig) -> AsyncIterator[PollerRegistry]:
    schedule = PollSchedule(rig.clock, check_open=rig.session.check_open)
    yield PollerRegistry(Status(rig.caller), schedule, policy=_EVEN, clock=rig.clock)
    await schedule.close()


async def _statuses(registry: PollerRegistry) -> list[str]:
    return [change.status async for change in registry.watch(_ID, _COLLECTION)]


@pytest.mark.parametrize("second", [3.5, 4.5], ids=["the check is late", "the poll is late"])
async def test_a_late_answer_does_not_replace_a_newer_state(rig: Rig, registry: PollerRegistry, second: float) -> None:
    # Polls at 0, 2 and 4 seconds; a check beside them, which begins just before the last poll or just after it.
    stale = partial(_late, "PENDING", 1.0)
    rig.transport.answers(_answer("PENDING"), _answer("PENDING"), stale, _answer("PROCESSING"), _answer("COMPLETED"))
    task = asyncio.create_task(_statuses(registry))
    await asyncio.sleep(second)
    await registry.check(_ID, _COLLECTION, age=0.0)
    assert await task == ["PENDING", "PROCESSING", "COMPLETED"]


async def test_a_late_answer_does_not_replace_a_state_that_was_seen_again(rig: Rig, registry: PollerRegistry) -> None:
    # The check begins before the poll at 4 seconds, which finds nothing new, and ends after it.
    stale = partial(_late, "PENDING", 1.0)
    seen = _answer("PROCESSING")
    rig.transport.answers(seen, seen, stale, seen, _answer("COMPLETED"))
    task = asyncio.create_task(_statuses(registry))
    await asyncio.sleep(3.5)
    await registry.check(_ID, _COLLECTION, age=0.0)
    assert await task == ["PROCESSING", "COMPLETED"]


async def test_a_final_status_is_never_replaced(rig: Rig, registry: PollerRegistry) -> None:
    rig.transport.answers(_answer("COMPLETED"), _answer("PROCESSING"))
    watch = registry.watch(_ID, _COLLECTION)
    assert (await anext(watch)).is_final
    assert (await registry.check(_ID, _COLLECTION, age=0.0)).is_final
    assert await _statuses(registry) == ["COMPLETED"]


async def test_an_executions_answer_after_the_final_status_changes_nothing(rig: Rig, registry: PollerRegistry) -> None:
    rig.transport.answers(_answer("PENDING"), _answer("COMPLETED"))
    execution = await Status(rig.caller).of(_COLLECTION, _ID)
    watch = registry.watch(_ID, _COLLECTION)
    assert [change.status async for change in watch] == ["COMPLETED"]
    payment = Payment(execution, progress=Progress(reference_id=_ID), kind=_COLLECTION, registry=registry)
    assert payment.status == "COMPLETED"
    assert [change.status async for change in payment] == ["COMPLETED"]
