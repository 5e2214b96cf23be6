"""`DjangoJournal`: the journal in a database of the project, through Django's ORM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dollr_async.base import fields
from dollr_async.base.errors import JournalError
from dollr_async.integrations.django.app_settings import journal_alias_of_the_router
from dollr_async.integrations.django.callers import transaction_of_the_caller
from dollr_async.integrations.django.database import JournalDatabase
from dollr_async.integrations.django.marking import marking_transaction
from dollr_async.integrations.django.outcomes import Outcomes
from dollr_async.integrations.django.payments import Payments

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from dollr_async.journal.entry import Entry
    from dollr_async.journal.outcome_protocol import EndedPayment, OpenPayment
    from dollr_async.journal.protocol import Claim

_PAGE = 100


class DjangoJournal:
    """A durable journal in the table `dollr_payment` of one of the project's databases.

    `dollr()` and `run()` make one by themselves, as the settings say. It writes on a thread and a connection of its
    own, so that no transaction of yours can roll a record back. Inside an open transaction of yours no payment is
    begun: that is a `JournalError`. In Django's `TestCase` it uses the connection of the test, so that all is rolled
    back with the test.

    Close it with `async with` or `close()`. What it held then can be taken over when its leases have run out.
    """

    def __init__(self, alias: str | None = None, *, lease: float = 15.0) -> None:
        """Take the alias of the database; nothing is opened yet.

        Args:
            alias: a key of the setting `DATABASES`; by default where the project's routers send the model `Payment`.
            lease: seconds without a renewal after which another run may take a payment over.

        Raises:
            InvalidInputError: the lease is not a positive, finite number.
        """
        self.alias = alias if alias is not None else journal_alias_of_the_router()
        self._lease = fields.seconds("lease", lease)
        self._payments = Payments(self.alias, lease=self._lease)
        self._outcomes = Outcomes(self.alias)
        self._database = JournalDatabase(self.alias)

    def __repr__(self) -> str:
        """Show the alias."""
        return f"<DjangoJournal in {self.alias!r}>"

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        return self._lease

    async def __aenter__(self) -> Self:
        """Return the journal."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the journal."""
        await self.close()

    async def close(self) -> None:
        """Finish the calls that were begun and close the connection. Closing twice is fine."""
        await self._database.close()

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it.

        A cancelled claim holds no lease.

        Raises:
            JournalError: the caller has a transaction open, or the entry could not be kept.
        """
        found = await transaction_of_the_caller(self.alias)
        if found is not None and not found.is_of_a_test:
            raise _inside_a_transaction(self.alias)

        def give_back(claim: Claim) -> None:
            if claim.number is not None:
                self._payments.release(entry.reference_id, claim.number)

        return await self._database.take(lambda: self._payments.claim(entry), give_back)

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease."""
        await self._database.change(lambda: self._payments.write(entry, number))

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await self._database.change(lambda: self._payments.renew(reference_id, number))

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        await self._database.change(lambda: self._payments.release(reference_id, number))

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""
        await self._database.change_in_turn(lambda: self._payments.settle(reference_id, status, outcome))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await self._database.query(lambda: self._payments.read(reference_id))

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first; `with_live` adds the others."""
        found: list[Entry] = []
        while page := await self.unfinished_page(found[-1] if found else None, limit=_PAGE, with_live=with_live):
            found += page
        return found

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        return await self._database.query(
            lambda: self._payments.unfinished_page(after, limit=limit, with_live=with_live)
        )

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        return await self._database.query(lambda: self._payments.unfinished_of_source(source_type, source_id))

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        return await self._database.query(lambda: self._payments.is_live(reference_id))

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker."""
        return await self._database.change(
            lambda: self._outcomes.follow(worker, limit=limit, lease=lease, is_early=is_early)
        )

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        """Follow a payment no longer, and put it off; with None the worker leaves."""
        await self._database.change(
            lambda: self._outcomes.stop_following(worker, reference_id, check_again_in=check_again_in)
        )

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out.

        A cancelled call holds no lease.
        """

        def give_back(ended: EndedPayment | None) -> None:
            if ended is not None:
                self._outcomes.give_back(ended.entry.reference_id, ended.number, delay=0.0)

        return await self._database.take(lambda: self._outcomes.hand_out(lease=lease), give_back)

    async def unhandled(self, reference_id: UUID) -> EndedPayment | None:
        """Return the payment if it has ended, is not handled, and has no live run. It is not leased."""
        return await self._database.query(lambda: self._outcomes.unhandled(reference_id))

    async def unhandled_page(self, after: EndedPayment | None, *, limit: int) -> list[EndedPayment]:
        """Return the next such payments after one, by end and reference; an empty list ends them."""
        return await self._database.query(lambda: self._outcomes.unhandled_page(after, limit=limit))

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now."""
        return await self._database.change(lambda: self._outcomes.renew_hand_out(reference_id, number, lease=lease))

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        """End the lease of a hand-out; the payment is handed out again after `delay` seconds at the earliest."""
        await self._database.change(lambda: self._outcomes.give_back(reference_id, number, delay=delay))

    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        """Mark this end of a payment as handled.

        `connection` is an alias or a connection of Django in an open transaction, with which the mark commits or rolls
        back. With None it is the transaction that the caller has open on the journal's alias, and without one the
        mark is made at once.
        """
        opened = await marking_transaction(self.alias, connection)
        if opened is None:
            await self._database.change(lambda: self._outcomes.mark_handled(ended))
            return
        await self._database.run_in(opened, lambda: self._outcomes.mark_handled(ended))

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided."""
        await self._database.change(lambda: self._outcomes.close_payment(reference_id, outcome, reason))

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a payment that began after `since` is open and executed or live."""
        return await self._database.query(lambda: self._outcomes.has_work(since=since))

    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete at most `limit` payments that were handled before this time, and return how many were deleted."""
        return await self._database.change(lambda: self._outcomes.purge(handled_before=handled_before, limit=limit))


def _inside_a_transaction(alias: str) -> JournalError:
    sentence = (
        f"a transaction is open on the database {alias!r}, so no payment was begun, and nothing was sent. A later "
        "rollback would delete your own record of the payment, but not the payment itself. Commit first, then collect. "
        "If the setting ATOMIC_REQUESTS opened the transaction, decorate the view with "
        "django.db.transaction.non_atomic_requests"
    )
    return JournalError(sentence)
