"""Stores and budgets of the tests, each with a file, a schema or keys of its own."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from dollr_async.fleet import (
    PostgresPollBudget,
    PostgresTokenStore,
    RedisPollBudget,
    RedisTokenStore,
    SQLiteTokenStore,
)
from tests.support.postgres import CONNINFO, own_schema
from tests.support.redis import URL, remove_keys, require_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Store = SQLiteTokenStore | RedisTokenStore | PostgresTokenStore
    Budget = RedisPollBudget | PostgresPollBudget


@contextmanager
def sqlite_place() -> Iterator[str]:
    """Return the path of a file that does not exist yet."""
    with TemporaryDirectory() as directory:
        yield str(Path(directory, "token.db"))


@contextmanager
def redis_place() -> Iterator[str]:
    """Return a URL; token stores have keys of their own anyway, since each test has a client secret of its own."""
    require_redis()
    yield URL


@contextmanager
def redis_budget_place() -> Iterator[str]:
    """Return the key of a budget that nobody has used."""
    require_redis()
    key = f"test-{uuid4().hex}"
    yield key
    remove_keys(f"dollr:budget:{key}")


def sqlite_store(place: str) -> SQLiteTokenStore:
    """Open a store at a place."""
    return SQLiteTokenStore(place)


def redis_store(place: str) -> RedisTokenStore:
    """Open a store at a place."""
    return RedisTokenStore(place)


def postgres_store(place: str) -> PostgresTokenStore:
    """Open a store in a schema."""
    return PostgresTokenStore(CONNINFO, schema=place)


def redis_budget(place: str, per_second: float) -> RedisPollBudget:
    """Open a budget under a key."""
    return RedisPollBudget(URL, per_second=per_second, key=place)


def postgres_budget(place: str, per_second: float) -> PostgresPollBudget:
    """Open a budget in a schema."""
    return PostgresPollBudget(CONNINFO, per_second=per_second, schema=place)


class _StoreAt(Protocol):
    def __call__(self, place: str, /) -> Store: ...


STORES: dict[str, tuple[Callable[[], AbstractContextManager[str]], _StoreAt]] = {
    "sqlite": (sqlite_place, sqlite_store),
    "redis": (redis_place, redis_store),
    "postgres": (own_schema, postgres_store),
}
BUDGETS: dict[str, tuple[Callable[[], AbstractContextManager[str]], Callable[[str, float], Budget]]] = {
    "redis": (redis_budget_place, redis_budget),
    "postgres": (own_schema, postgres_budget),
}
