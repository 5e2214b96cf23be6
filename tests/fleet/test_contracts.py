"""Every token store and every poll budget fulfils its contract, and one that breaks it is found."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dollr_async.testing import PollBudgetContract, TokenStoreContract
from tests.fleet.stores import BUDGETS, STORES
from tests.support.sharing import MemoryBudget, MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from dollr_async.base.sharing import PollBudget, StoredToken, TokenStore

TEN_SECONDS = pytest.mark.full(reason="a lock ends after ten seconds")


class StoreTests(TokenStoreContract):
    kind: str

    @pytest.fixture(autouse=True)
    def place(self) -> Iterator[None]:
        new_place, self.open = STORES[self.kind]
        with new_place() as self.at:
            yield

    @asynccontextmanager
    async def store(self) -> AsyncIterator[TokenStore]:
        async with self.open(self.at) as store:
            yield store

    @asynccontextmanager
    async def another(self, store: TokenStore) -> AsyncIterator[TokenStore]:
        async with self.open(self.at) as other:
            yield other

    @TEN_SECONDS
    async def test_a_lock_that_is_never_given_back_passes_on(self) -> None:
        await super().test_a_lock_that_is_never_given_back_passes_on()


@pytest.mark.real_time
class TestSQLiteTokenStore(StoreTests):
    kind = "sqlite"


@pytest.mark.real_time
class TestRedisTokenStore(StoreTests):
    kind = "redis"


@pytest.mark.real_time
class TestPostgresTokenStore(StoreTests):
    kind = "postgres"


class BudgetTests(PollBudgetContract):
    kind: str

    @pytest.fixture(autouse=True)
    def place(self) -> Iterator[None]:
        new_place, self.open = BUDGETS[self.kind]
        with new_place() as self.at:
            yield

    @asynccontextmanager
    async def budget(self, per_second: float) -> AsyncIterator[PollBudget]:
        async with self.open(self.at, per_second) as budget:
            yield budget

    @asynccontextmanager
    async def another(self, budget: PollBudget, per_second: float) -> AsyncIterator[PollBudget]:
        async with self.open(self.at, per_second) as other:
            yield other


@pytest.mark.real_time
class TestRedisPollBudget(BudgetTests):
    kind = "redis"


@pytest.mark.real_time
class TestPostgresPollBudget(BudgetTests):
    kind = "postgres"


class DiscardsAnything(MemoryStore):
    async def discard(self, key: str, token: StoredToken) -> None:
        self.tokens.pop(key, None)


class ComparesTheTime(MemoryStore):
    async def discard(self, key: str, token: StoredToken) -> None:
        if self.tokens.get(key) == token:
            del self.tokens[key]


class OneTokenForAllKeys(MemoryStore):
    async def read(self, key: str) -> StoredToken | None:
        return await super().read("")

    async def write(self, key: str, token: StoredToken) -> None:
        await super().write("", token)


class LocksNothing(MemoryStore):
    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        yield


class OneLockForAllKeys(MemoryStore):
    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        async with super().lock(""):
            yield


class LocksForEver(MemoryStore):
    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        async with super().lock(key):
            self.locks[key] = self.locks[key][0], 1e9
            yield


class KeepsTheLockOfACancelledHolder(MemoryStore):
    def free(self, key: str, holder: object, *, failed: bool) -> None:
        if not failed:
            super().free(key, holder, failed=failed)


class FreesTheLockOfAnother(MemoryStore):
    def free(self, key: str, holder: object, *, failed: bool) -> None:
        self.locks.pop(key, None)


def checking(store: MemoryStore) -> TokenStoreContract:
    class Checked(TokenStoreContract):
        @asynccontextmanager
        async def store(self) -> AsyncIterator[TokenStore]:
            yield store

    return Checked()


async def test_the_contract_can_be_checked_without_pytest() -> None:
    await checking(MemoryStore()).check()


@pytest.mark.parametrize(
    ("broken", "test", "wanted"),
    [
        (DiscardsAnything, "exactly_that_token_is_discarded", "a token that replaced the discarded one to stay"),
        (ComparesTheTime, "exactly_that_token_is_discarded", "the discarded token to be gone"),
        (OneTokenForAllKeys, "every_key_has_a_token_of_its_own", "the token of the first key"),
        (LocksNothing, "one_at_a_time_holds_the_lock", "one holder of the lock at a time"),
        (KeepsTheLockOfACancelledHolder, "a_lock_is_free_after_an_error_and_a_cancellation", "as soon as it is left"),
        (FreesTheLockOfAnother, "a_lock_that_is_never_given_back_passes_on", "not to free the lock of the next"),
    ],
)
async def test_a_store_that_breaks_the_contract_is_found(broken: type[MemoryStore], test: str, wanted: str) -> None:
    with pytest.raises(AssertionError, match=wanted):
        await getattr(checking(broken()), f"test_{test}")()


@pytest.mark.parametrize("broken", [OneLockForAllKeys(), LocksForEver()], ids=lambda value: type(value).__name__)
async def test_a_lock_that_is_waited_for_too_long_is_found(broken: MemoryStore) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100.0):
            await checking(broken).check()


class SavesUp(MemoryBudget):
    async def reserve(self, n: int) -> float:
        begins_at, self.next_at = self.next_at, self.next_at + n / self.per_second
        return max(begins_at - asyncio.get_running_loop().time(), 0.0)


class NeverPauses(MemoryBudget):
    async def pause(self, seconds: float) -> None:
        pass


class ShortensThePause(MemoryBudget):
    async def pause(self, seconds: float) -> None:
        self.next_at = asyncio.get_running_loop().time() + seconds


class CountsTooLittle(MemoryBudget):
    async def reserve(self, n: int) -> float:
        return await super().reserve(n // 2)


class HigherWins(MemoryBudget):
    pass


def checking_budget(kind: type[MemoryBudget]) -> PollBudgetContract:
    class Checked(PollBudgetContract):
        @asynccontextmanager
        async def budget(self, per_second: float) -> AsyncIterator[PollBudget]:
            yield kind()

        @asynccontextmanager
        async def another(self, budget: PollBudget, per_second: float) -> AsyncIterator[PollBudget]:
            assert isinstance(budget, MemoryBudget)
            if kind is not HigherWins:
                budget.per_second = min(budget.per_second, per_second)
            yield budget

    return Checked()


async def test_the_contract_of_a_budget_can_be_checked_without_pytest() -> None:
    await checking_budget(MemoryBudget).check()


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (SavesUp, "unused_time_is_not_saved_up"),
        (NeverPauses, "a_pause_is_for_all"),
        (ShortensThePause, "a_shorter_pause_does_not_end_a_longer_one"),
        (CountsTooLittle, "many_reservations_at_once_are_counted_once_each"),
        (HigherWins, "the_lower_of_two_ceilings_wins"),
    ],
)
async def test_a_budget_that_breaks_the_contract_is_found(broken: type[MemoryBudget], test: str) -> None:
    with pytest.raises(AssertionError, match="expected of this poll budget"):
        await getattr(checking_budget(broken), f"test_{test}")()
