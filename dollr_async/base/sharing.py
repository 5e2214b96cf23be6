"""What the processes of a fleet may share: the API's token, and the polls that they make in a second.

`dollr_async.fleet` has implementations for SQLite, Redis and PostgreSQL. Your own has to pass `TokenStoreContract` or
`PollBudgetContract` of `dollr_async.testing`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from dollr_async.base.record import Record

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

LOCK_HELD_AT_MOST = 10.0
"""Seconds after which the lock of a holder that has died is free."""

LOCK_WAITED_AT_MOST = 12.0
"""Seconds after which a process stops waiting for a lock."""


@attrs.frozen(eq=False, repr=False)
class StoredToken(Record):
    """A token of the API as a store keeps it; `expires_at` is a timezone-aware time by the system's clock."""

    secret: str
    expires_at: datetime

    def __repr__(self) -> str:
        """Hide the token."""
        return "<StoredToken>"


@runtime_checkable
class TokenStore(Protocol):
    """Keeps one token for each key, for all processes that use the store.

    A key is text of up to 64 letters and digits that says nothing about the credentials. Any method may raise any
    `Exception`: then the client logs a warning and fetches a token for itself alone.
    """

    async def read(self, key: str) -> StoredToken | None:
        """Return the token, or None. A token that has expired may be returned."""
        ...

    async def write(self, key: str, token: StoredToken) -> None:
        """Keep a token in place of the one before."""
        ...

    async def discard(self, key: str, token: StoredToken) -> None:
        """Remove a token, if exactly this token is stored. One that replaced it stays."""
        ...

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an async context manager that one process at a time can enter.

        A holder that died, or took longer, loses the lock after 10 seconds. Entering waits 12 seconds at most, then
        it raises the builtin `TimeoutError`.
        """
        ...


@runtime_checkable
class PollBudget(Protocol):
    """One ceiling on the polls of all processes that use it.

    Any method may raise any `Exception`: then the client logs a warning, and polls as often as in the minute before.
    """

    async def reserve(self, n: int) -> float:
        """Reserve the next `n` polls, and return the seconds until the first of them may begin."""
        ...

    async def pause(self, seconds: float) -> None:
        """Stop the polls of all processes for this many seconds. If a longer pause has begun, it stays."""
        ...


@runtime_checkable
class PacedPollBudget(PollBudget, Protocol):
    """A budget for reserving several polls at once. A pause also stops polls that were reserved before it."""

    @property
    def per_second(self) -> float:
        """The polls in a second that are allowed now: the lowest number that any process asks for."""
        ...

    async def paused_for(self) -> float:
        """Return the seconds until the pause ends; 0 if there is none."""
        ...
