"""Which worker follows which open payment, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from dollr_async.journal.outcome_protocol import OpenPayment
from dollr_async.journal.postgres.rows import entry_of

if TYPE_CHECKING:
    from dollr_async.journal.postgres.database import Attempt, Database

_AT_ONCE = 1000
"""Payments of dead workers that are freed in one transaction."""


class Followers:
    """The methods of `OutcomeJournal` about workers.

    A payment has the name of its worker until it ends or is put off, or until the worker is found dead. So a sweep
    reads the few workers, and only the payments of those that have died.
    """

    def __init__(self, database: Database) -> None:
        """Keep the workers in this database."""
        self._database = database

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker."""
        token = uuid4()

        async def follow(attempt: Attempt) -> list[OpenPayment]:
            renewed = await attempt.row("renew_worker", worker=worker, seconds=lease)
            if renewed is not None and renewed["some_died"]:
                await _free(attempt)
            if limit <= 0:
                return []
            rows = await attempt.rows("followed", worker=worker, token=token) if attempt.is_repeat else []
            rows = rows or await attempt.rows("follow", worker=worker, token=token, limit=limit, is_early=is_early)
            return [OpenPayment(entry=entry_of(row), was_postponed=row["was_postponed"]) for row in rows]

        return await self._database.run(follow)

    async def stop_following(self, worker: str, reference_id: UUID | None, *, check_again_in: float) -> None:
        """Follow a payment no longer, and put it off; with None the worker leaves."""

        async def stop(attempt: Attempt) -> None:
            if reference_id is not None:
                await attempt.row("put_off", worker=worker, reference_id=reference_id, seconds=check_again_in)
            elif await attempt.row("leave", worker=worker):
                await _free(attempt)

        await self._database.run(stop)


async def _free(attempt: Attempt) -> None:
    """Let others follow the payments of workers that have died or left."""
    while len(await attempt.rows("free", limit=_AT_ONCE)) == _AT_ONCE:
        pass
    await attempt.rows("forget_workers")
