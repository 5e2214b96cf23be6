"""Calls with a time limit that holds whatever the call does."""

from __future__ import annotations

import asyncio

import pytest

from dollr_async.base.bounded import BoundedCalls


async def answer(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return 7


async def stubborn(end: asyncio.Event) -> None:
    while not end.is_set():
        try:
            await end.wait()
        except asyncio.CancelledError:
            continue


async def test_an_answer_in_time_is_returned_and_an_error_raised() -> None:
    calls = BoundedCalls()
    assert await calls.run(answer(1.0), 2.0) == 7
    with pytest.raises(ZeroDivisionError):
        await calls.run(divide(), 2.0)
    await calls.close()


async def divide() -> float:
    return 1 / 0


async def test_a_late_call_is_cancelled() -> None:
    calls = BoundedCalls()
    with pytest.raises(TimeoutError, match="no answer within 2 s"):
        await calls.run(answer(3.0), 2.0)
    await calls.close()


async def test_a_call_that_ignores_its_cancellation_is_left_to_itself() -> None:
    calls, end = BoundedCalls(), asyncio.Event()
    with pytest.raises(TimeoutError):
        await calls.run(stubborn(end), 2.0)
    began = asyncio.get_running_loop().time()
    await calls.close(1.0)
    assert asyncio.get_running_loop().time() - began == 1.0
    end.set()
    await calls.close(1.0)


async def test_who_is_cancelled_cancels_the_call_too() -> None:
    calls, end = BoundedCalls(), asyncio.Event()
    task = asyncio.create_task(calls.run(answer(100.0), 200.0))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await calls.close()
    assert len(asyncio.all_tasks()) == 1
    end.set()
