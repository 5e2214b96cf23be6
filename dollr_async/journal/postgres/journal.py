"""`PostgresJournal`: a journal in PostgreSQL, for all processes of all hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dollr_async.base import fields
from dollr_async.base.errors import InvalidInputError
from dollr_async.base.postgres import ddl
from dollr_async.journal.entry import REFUSED
from dollr_async.journal.postgres.database import Database
from dollr_async.journal.postgres.followers import Followers
from dollr_async.journal.postgres.moving import Moving
from dollr_async.journal.postgres.outcomes import Outcomes
from dollr_async.journal.postgres.payments import Payments
from dollr_async.journal.postgres.releases import Releases
from dollr_async.journal.postgres.schema import RELATIONS

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from psycopg_pool import AsyncConnectionPool

    from dollr_async.journal.entry import Entry
    from dollr_async.journal.moving import StoredPayment
    from dollr_async.journal.outcome_protocol import EndedPayment, OpenPayment
    from dollr_async.journal.protocol import Claim

_OUTCOMES = ("COMPLETED", "FAILED", REFUSED)


class PostgresJournal:
    """A durable journal in PostgreSQL, for all processes of all hosts.

    Leases go by the server's clock. The lease of a process that has died runs out. What must outlive a loss of power
    does: a claim, the write before an execution, a confirmed refusal, a mark and a person's verdict. The other writes
    outlive the process, and the server's next stop, but a crash of the server may take those of its last second.

    When a connection is lost, the journal connects again for about 10 seconds. It reads what was written before it
    repeats anything. A journal belongs to the event loop and the process that first use it.

    Close it with `async with` or `close()`. Then its leases are free, and any later use is a `JournalError`.
    """

    _patience = 10.0
    """Seconds for which a lost connection is replaced before an operation fails."""

    def __init__(
        self,
        conninfo_or_pool: str | AsyncConnectionPool[Any],
        *,
        lease: float = 15.0,
        schema: str = "public",
        migrate: bool = True,
    ) -> None:
        """Take the settings; nothing is opened yet, and no event loop is needed.

        Args:
            conninfo_or_pool: a connection string or URL of PostgreSQL, or a `psycopg_pool.AsyncConnectionPool` that you
                open and close.
            lease: seconds without a renewal after which another run may take a payment over.
            schema: the schema of the tables. Journals in different schemas know nothing of each other.
            migrate: whether to make the schema and its tables where they are missing, at the first use. For a role
                without that right pass False, and run the SQL of `ddl` once.

        Raises:
            InvalidInputError: an argument has the wrong form.
        """
        self._lease = fields.seconds("lease", lease)
        self._database = Database(conninfo_or_pool, schema=schema, migrate=migrate, patience=self._patience)
        self._payments = Payments(self._database, lease=self._lease)
        self._outcomes = Outcomes(self._database)
        self._followers = Followers(self._database)
        self._moving = Moving(self._database)
        self._releases = Releases(self._database)

    @staticmethod
    def ddl(schema: str = "public") -> str:
        """Return the SQL that makes the schema and its tables, for a role that may. Running it again changes nothing.

        Raises:
            InvalidInputError: PostgreSQL could not have a schema of that name.
        """
        return ddl(schema, RELATIONS)

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        return self._lease

    def __repr__(self) -> str:
        """Show the schema, and nothing of the connection string, which may have a password."""
        return f"<PostgresJournal schema={self._database.schema!r}>"

    async def __aenter__(self) -> Self:
        """Return the journal. It connects at the first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the journal."""
        await self.close()

    async def close(self) -> None:
        """Finish the calls that were begun, give all leases back and close the pool, unless it is yours."""
        self._releases.close()
        await self._database.close(last=self._payments.release_all)

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it.

        A cancelled claim holds no lease.
        """
        return await self._payments.claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease.

        When the call is cancelled, the entry is replaced as a whole or not at all.
        """
        await self._payments.write(entry, number)

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await self._payments.renew(reference_id, number)

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run, or another journal object, holds now is left alone."""
        await self._payments.release(reference_id, number)
        self._releases.free(reference_id)

    async def released(self, reference_id: UUID, *, timeout: float) -> None:  # noqa: ASYNC109 - see below
        """Return when the lease of a payment was given back or has run out, or after `timeout` seconds.

        All that wait share one task. It asks at most twice a second, and where the connection allows it, it hears of a
        release at once.
        """
        await self._releases.wait(reference_id, timeout)

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""
        await self._payments.settle(reference_id, status, outcome)

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await self._payments.read(reference_id)

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first; `with_live` adds the others."""
        return await self._payments.unfinished(with_live=with_live)

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        return await self._payments.unfinished_page(after, limit=limit, with_live=with_live)

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        return await self._payments.unfinished_of_source(source_type, source_id)

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        return await self._payments.is_live(reference_id)

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker."""
        return await self._followers.follow(worker, limit=limit, lease=lease, is_early=is_early)

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        """Follow a payment no longer, and put it off; with None the worker leaves."""
        await self._followers.stop_following(worker, reference_id, check_again_in=check_again_in)

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out."""
        return await self._outcomes.hand_out(lease=lease)

    async def unhandled(self, reference_id: UUID) -> EndedPayment | None:
        """Return the payment if it has ended, is not handled, and has no live run. It is not leased."""
        return await self._outcomes.unhandled(reference_id)

    async def unhandled_page(self, after: EndedPayment | None, *, limit: int) -> list[EndedPayment]:
        """Return the next such payments after one, by end and reference."""
        return await self._outcomes.unhandled_page(after, limit=limit)

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now. False when another hand-out has followed it."""
        return await self._outcomes.set_hand_out(reference_id, number, lease)

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        """End the lease of a hand-out; the payment is handed out again after `delay` seconds at the earliest."""
        await self._outcomes.set_hand_out(reference_id, number, delay)

    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        """Mark this end of a payment as handled, durably; its hand-out lease may have run out.

        Args:
            ended: what was handed out.
            connection: a `psycopg.AsyncConnection` to the same database, in your own transaction. Then the mark commits
                or rolls back with it. When two do this at once, the second waits until the first has ended.

        Raises:
            AlreadyHandledError: it is marked already, or the payment has been tried again since.
            InvalidInputError: the connection is none of psycopg's, in autocommit, or to another database.
        """
        if connection is None:
            await self._outcomes.mark_handled(ended)
        else:
            await self._outcomes.mark_in_transaction(ended, connection)

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided: COMPLETED, FAILED or REFUSED. Stored durably.

        Raises:
            JournalError: the reference is unknown, a live run works on it, or it has an outcome.
            InvalidInputError: the outcome is another word.
        """
        if outcome not in _OUTCOMES:
            raise InvalidInputError(f"outcome must be one of {', '.join(_OUTCOMES)}, not {outcome!r}")
        await self._outcomes.close_payment(reference_id, outcome, reason)

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a payment that began after `since` is open and executed or live."""
        return await self._outcomes.has_work(since=since)

    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete at most `limit` payments that were handled before this time, and return how many were deleted.

        Where a connection was lost meanwhile, more than that number may be gone.
        """
        return await self._outcomes.purge(handled_before=handled_before, limit=limit)

    async def move_to(self, place: str) -> None:
        """Refuse every later change with a `JournalError` that names the new place. Stored durably.

        Raises:
            JournalError: a live run works on a payment, or the journal was moved to another place before.
        """
        await self._moving.move_to(place)

    async def export_page(self, after: UUID | None, *, limit: int) -> list[StoredPayment]:
        """Return the next payments by reference; an empty list ends them."""
        return await self._moving.export_page(after, limit=limit)

    async def import_page(self, payments: list[StoredPayment]) -> None:
        """Keep payments of another journal, in place of those with the same references. Stored durably."""
        await self._moving.import_page(payments)
