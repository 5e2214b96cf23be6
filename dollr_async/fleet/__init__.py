"""What the processes of a fleet share: one token of the API, and one ceiling on the polls in a second.

It imports only `base`. Each name is loaded, with the library that it needs, when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dollr_async.base.sharing import PacedPollBudget, PollBudget, StoredToken, TokenStore

if TYPE_CHECKING:
    from dollr_async.fleet.postgres_poll_budget import PostgresPollBudget as PostgresPollBudget
    from dollr_async.fleet.postgres_token_store import PostgresTokenStore as PostgresTokenStore
    from dollr_async.fleet.redis_poll_budget import RedisPollBudget as RedisPollBudget
    from dollr_async.fleet.redis_token_store import RedisTokenStore as RedisTokenStore
    from dollr_async.fleet.sqlite_token_store import SQLiteTokenStore

__all__ = [
    "PacedPollBudget",
    "PollBudget",
    "SQLiteTokenStore",
    "StoredToken",
    "TokenStore",
]

_MODULES = {
    "PostgresPollBudget": "postgres_poll_budget",
    "PostgresTokenStore": "postgres_token_store",
    "RedisPollBudget": "redis_poll_budget",
    "RedisTokenStore": "redis_token_store",
    "SQLiteTokenStore": "sqlite_token_store",
}


def __getattr__(name: str) -> object:
    """Load a store or a budget when it is named."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
