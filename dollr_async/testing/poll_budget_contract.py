"""The contract of a poll budget, as tests that any implementation can run, with or without pytest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dollr_async.base.sharing import PacedPollBudget, PollBudget

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

_PER_SECOND = 50.0
_SLACK = 0.25
"""Seconds that the calls of a test may take together."""


class PollBudgetContract:
    """The contract tests for a poll budget. Subclass it, let `budget` open a budget of yours, and run the tests.

    pytest with pytest-asyncio collects a subclass whose name begins with `Test`. Without pytest, await `check()`. A
    test that fails raises an `AssertionError` that says what was expected.
    """

    def budget(self, per_second: float) -> AbstractAsyncContextManager[PollBudget]:
        """Return an async context manager that opens a budget that nobody has used. Every test opens one."""
        raise NotImplementedError("return an async context manager that opens a poll budget")

    def another(self, budget: PollBudget, per_second: float) -> AbstractAsyncContextManager[PollBudget]:
        """Return a context manager that opens the same budget again, as another process would, with its own ceiling."""
        raise NotImplementedError("return an async context manager that opens the same poll budget again")

    async def check(self) -> None:
        """Run every test without pytest."""
        for name in dir(self):
            if name.startswith("test_"):
                await getattr(self, name)()

    async def test_it_is_a_poll_budget(self) -> None:
        """It has every method of `PollBudget`."""
        async with self.budget(_PER_SECOND) as budget:
            _expect(isinstance(budget, PollBudget), "every method of PollBudget")

    async def test_what_is_free_is_given_at_once_and_the_rest_in_turn(self) -> None:
        """The first reservation begins now, and each later one after those before it, whoever made them."""
        async with self.budget(_PER_SECOND) as budget, self.another(budget, _PER_SECOND) as other:
            waits = [await one.reserve(50) for one in (budget, other, budget, other)]
        _expect_waits(waits, [0.0, 1.0, 2.0, 3.0])

    async def test_many_reservations_at_once_are_counted_once_each(self) -> None:
        """None is lost, and no two begin at the same moment."""
        async with self.budget(_PER_SECOND) as budget, self.another(budget, _PER_SECOND) as other:
            began = asyncio.get_running_loop().time()
            waits = sorted(await asyncio.gather(*(one.reserve(25) for one in [budget, other] * 5)))
            took = asyncio.get_running_loop().time() - began
            last = await budget.reserve(1)
        _expect(abs(waits[-1] - 4.5) < _SLACK + took, f"the last of ten half seconds to begin after 4.5 s, not {waits}")
        _expect(abs(last - 5.0) < _SLACK + took, f"the next reservation to begin after 5 s, not {last}")

    async def test_unused_time_is_not_saved_up(self) -> None:
        """After a quiet second no burst is granted."""
        async with self.budget(_PER_SECOND) as budget:
            await budget.reserve(5)
            await asyncio.sleep(1.0)
            waits = [await budget.reserve(50) for _ in range(2)]
        _expect_waits(waits, [0.0, 1.0])

    async def test_a_pause_is_for_all(self) -> None:
        """No reservation begins before its end, in this process or another."""
        async with self.budget(_PER_SECOND) as budget, self.another(budget, _PER_SECOND) as other:
            await budget.reserve(1)
            await budget.pause(5.0)
            waits = [await one.reserve(50) for one in (other, budget)]
        _expect_waits(waits, [5.0, 6.0])

    async def test_a_pause_of_an_unused_budget_counts(self) -> None:
        """The first call may be the pause."""
        async with self.budget(_PER_SECOND) as budget:
            await budget.pause(5.0)
            _expect_waits([await budget.reserve(1)], [5.0])

    async def test_a_shorter_pause_does_not_end_a_longer_one(self) -> None:
        """The one that ends last counts."""
        async with self.budget(_PER_SECOND) as budget, self.another(budget, _PER_SECOND) as other:
            await budget.pause(5.0)
            await other.pause(1.0)
            _expect_waits([await budget.reserve(1)], [5.0])

    async def test_the_pause_that_is_left_can_be_asked(self) -> None:
        """A `PacedPollBudget` says how long a pause still lasts, whatever was reserved; others pass this test."""
        async with self.budget(_PER_SECOND) as budget, self.another(budget, _PER_SECOND) as other:
            if not (isinstance(budget, PacedPollBudget) and isinstance(other, PacedPollBudget)):
                return
            _expect(await other.paused_for() == 0.0, "no pause of an unused budget")
            await budget.reserve(500)
            _expect(await other.paused_for() == 0.0, "no pause where much was reserved")
            await budget.pause(5.0)
            _expect_waits([await other.paused_for()], [5.0])

    async def test_the_lower_of_two_ceilings_wins(self) -> None:
        """Whoever asks for more gets the pace of who asks for less."""
        async with self.budget(_PER_SECOND) as budget, self.another(budget, 10.0) as slower:
            waits = [await one.reserve(10) for one in (slower, budget, slower, budget)]
        _expect_waits(waits, [0.0, 1.0, 2.0, 3.0])


def _expect_waits(waits: Sequence[float], wanted: Sequence[float]) -> None:
    pairs = zip(waits, wanted, strict=True)
    _expect(all(abs(wait - right) < _SLACK for wait, right in pairs), f"waits of nearly {wanted} s, not {waits}")


def _expect(truth: bool, wanted: str) -> None:  # noqa: FBT001 - it stands for assert, which -O would remove
    if not truth:
        raise AssertionError(f"expected of this poll budget: {wanted}")
