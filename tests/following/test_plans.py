"""The polls that are planned come in the order of their times, and cost the garbage collector nothing."""

from __future__ import annotations

import gc
import math

import attrs
import pytest

from dollr_async.following.plans import Plans


@attrs.define(eq=False)
class Thing:
    planned_at: float | None = None


def test_the_earliest_comes_first() -> None:
    plans, late, early = Plans[Thing](), Thing(), Thing()
    assert plans.next_at == math.inf
    plans.add(late, 5.0)
    plans.add(early, 2.0)
    assert (plans.next_at, late.planned_at) == (2.0, 5.0)
    assert [plans.take(), plans.take()] == [(2.0, early), (5.0, late)]
    assert (plans.next_at, late.planned_at) == (math.inf, None)


def test_a_plan_for_an_earlier_time_replaces_the_one_before() -> None:
    plans, thing = Plans[Thing](), Thing()
    plans.add(thing, 5.0)
    plans.add(thing, 2.0)
    assert [plans.take(), plans.take()] == [(2.0, thing), (5.0, None)]


def test_a_cancelled_plan_is_taken_as_none() -> None:
    plans, thing = Plans[Thing](), Thing()
    plans.add(thing, 5.0)
    plans.cancel(thing)
    assert plans.take() == (5.0, None)


@pytest.mark.parametrize("others", [0, 150])
def test_cancelled_plans_are_forgotten_once_they_are_many(others: int) -> None:
    plans, things = Plans[Thing](), [Thing() for _ in range(101 + others)]
    for number, thing in enumerate(things):
        plans.add(thing, float(number))
    for thing in things[:100]:
        plans.cancel(thing)
    plans.forget_cancelled()
    assert plans.next_at == 0.0  # not many yet
    for thing in things[100 : 101 + others // 2]:
        plans.cancel(thing)
    plans.forget_cancelled()
    left = things[101 + others // 2 :]
    assert plans.next_at == (101.0 + others // 2 if left else math.inf)
    assert [plans.take()[1] for _ in left] == left


def test_what_is_cleared_is_planned_no_more() -> None:
    plans = Plans[Thing]()
    plans.add(Thing(), 1.0)
    plans.clear()
    assert plans.next_at == math.inf


def test_the_garbage_collector_does_not_visit_a_plan() -> None:
    plans = Plans[Thing]()
    for number in range(3):
        plans.add(Thing(), float(number))
    gc.collect()
    assert [gc.is_tracked(plan) for plan in plans._heap] == [False] * 3
