"""What a journal can do beyond `Journal`: hand each outcome out until it is handled, and answer narrow questions fast.

All protocols are optional. `DollrClient.outcomes()` needs `OutcomeJournal`. Without `IndexedJournal` the client reads
all open payments where it needs a few. Without `SignallingJournal` it asks four times a second whether a lease is free.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from dollr_async.base.enums import OutcomeStatus
from dollr_async.base.errors import AlreadyHandledError, InvalidInputError, JournalError
from dollr_async.base.record import Record
from dollr_async.journal.entry import REFUSED, Entry
from dollr_async.journal.protocol import Journal

if TYPE_CHECKING:
    from uuid import UUID


@attrs.frozen(kw_only=True, eq=False, repr=False)
class OpenPayment(Record):
    """An open entry, and who works on it."""

    entry: Entry
    is_live: bool = False
    """Whether a live run works on it."""
    was_postponed: bool = False
    """Whether a worker has followed it before in vain, and has put it off."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class EndedPayment(Record):
    """An entry that has its outcome, handed out under a lease."""

    entry: Entry
    ended_at: datetime
    """When the outcome was kept (timezone-aware, UTC). With the reference it names this very end of the payment."""
    number: int
    """The number of this hand-out, which grows with every hand-out of the payment."""
    reason: str | None = None
    """Why a person closed the payment; None when nobody did."""


@runtime_checkable
class OutcomeJournal(Journal, Protocol):  # pragma: no mutate block - it has no code, and a journal is compared with it
    """A journal that hands each payment's outcome out until it is marked as handled.

    It keeps three more things of a payment. The *follower* is the worker that follows it while it is open, as long as
    that worker's own lease lasts. The *hand-out lease* belongs to the one worker that handles its outcome now. The
    *mark* says that the outcome was handled. A new outcome is not marked. An entry that loses its outcome, because its
    payment is tried again, loses its mark too.

    Every method may raise `JournalError`.
    """

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker for `lease` seconds.

        It gets at most `limit` payments: executed, with no live run and no living follower, and not put off to a later
        time (`is_early` ignores that). Those that were put off to the earliest time come first, then the oldest. With
        `limit` 0 only the worker's lease is renewed.
        """
        ...

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        """Follow a payment no longer, and put it off by `check_again_in` seconds.

        With None the worker leaves: it follows nothing any more, and nothing is put off.
        """
        ...

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment for `lease` seconds that ended first, is not handled, and has no live run or hand-out."""
        ...

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now. False when another hand-out has followed it."""
        ...

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        """End the lease of a hand-out; the payment is handed out again after `delay` seconds at the earliest.

        Nothing happens when another hand-out has followed it.
        """
        ...

    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        """Mark this end of a payment as handled, durably; its hand-out lease may have run out.

        With a `connection`, which is in an open transaction of the caller, the mark commits or rolls back with it.

        Raises:
            AlreadyHandledError: it is marked already, or the payment has been tried again since.
            InvalidInputError: this journal cannot mark in a transaction of this connection.
        """
        ...

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided: COMPLETED, FAILED or REFUSED. Stored durably.

        A contested payment may have an outcome already, as long as it is not handled.

        Raises:
            JournalError: the reference is unknown, a live run works on it, or it has an outcome.
        """
        ...

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a payment that began after `since` is open and executed or live."""
        ...

    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete at most `limit` payments that were handled before this time, and return how many were deleted."""
        ...


@runtime_checkable
class SearchableOutcomeJournal(OutcomeJournal, Protocol):
    """A journal that finds outcomes that are not handled without a lease, for task queues that schedule the checks."""

    async def unhandled(self, reference_id: UUID) -> EndedPayment | None:
        """Return the payment if it has ended, is not handled, and has no live run. It is not leased."""
        ...

    async def unhandled_page(self, after: EndedPayment | None, *, limit: int) -> list[EndedPayment]:
        """Return the next such payments after one, by end and reference; an empty list ends them."""
        ...


@runtime_checkable
class IndexedJournal(Journal, Protocol):  # pragma: no mutate block - it has no code, and a journal is compared with it
    """A journal that finds a few of its open payments without reading all of them."""

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool = False) -> list[Entry]:
        """Return the next open entries after one, by start time and reference; an empty list ends them."""
        ...

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        ...

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        ...


@runtime_checkable
class SignallingJournal(Journal, Protocol):
    """A journal that lets a run wait until a lease may be free."""

    async def released(self, reference_id: UUID, *, timeout: float) -> None:  # noqa: ASYNC109 - it returns after that time
        """Return when the lease of a payment was given back or has run out, or after `timeout` seconds."""
        ...


def must_be_durable(entry: Entry) -> bool:
    """Return whether an entry that is written has to survive a loss of power (docs/design.md, rule 7).

    An execution is about to be sent, or surely did not run. Before any other step is repeated, the client checks
    whether it was carried out.
    """
    return entry.in_doubt or entry.outcome == REFUSED


def already_handled(reference_id: UUID) -> AlreadyHandledError:
    """Return the error for an outcome that is marked, or that is no longer the payment's outcome."""
    sentence = (
        f"the outcome of payment {reference_id} was handled already, or the payment has been tried again since: "
        "roll your transaction back. Nothing was changed in the journal"
    )
    return AlreadyHandledError(sentence)


def no_transaction(journal: str) -> InvalidInputError:
    """Return the error for a connection that is given to a journal without transactions of the caller."""
    sentence = (
        f"{journal} cannot mark in a transaction of yours: call handled() without a connection, which marks at least "
        "once, or use a PostgresJournal in the database of your orders, whose mark commits together with your changes"
    )
    return InvalidInputError(sentence)


def verdict(as_: object, reason: object) -> tuple[str, str]:
    """Return a person's verdict as an entry's outcome, and the reason.

    Raises:
        InvalidInputError: the outcome is none, or no reason is given.
    """
    status = OutcomeStatus(as_) if isinstance(as_, str) else None
    if status is None or not status.is_known:
        sentence = f"as_ must be 'NOT_RUN', 'COMPLETED' or 'FAILED', not {as_!r}"
        raise InvalidInputError(sentence)
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidInputError("reason must say in words why the payment is closed, as in reason='not on the bill'")
    return REFUSED if status == OutcomeStatus.NOT_RUN else str(status), reason.strip()


def check_verdict(entry: Entry | None, outcome: str) -> None:
    """Refuse to say of a payment whose execution was never begun that it ran.

    Raises:
        InvalidInputError: it was never begun, and the outcome is another one than REFUSED.
    """
    if entry is not None and not entry.executed and outcome != REFUSED:
        sentence = f"the execution of payment {entry.reference_id} was never begun: close it as NOT_RUN"
        raise InvalidInputError(sentence)


def cannot_close(reference_id: UUID, entry: Entry | None, *, is_live: bool, is_handled: bool) -> JournalError | None:
    """Return why a person's verdict on a payment is refused, or None."""
    if entry is None:
        return JournalError(f"payment {reference_id} is not in this journal: check the reference. Nothing was changed")
    if is_live:
        sentence = f"payment {reference_id} is being worked on by a live run: wait for its end. Nothing was changed"
        return JournalError(sentence)
    if entry.outcome is not None and (is_handled or not entry.is_contested):
        sentence = (
            f"payment {reference_id} has ended as {shown_outcome(entry.outcome)} already: there is nothing to close, "
            "and nothing was changed"
        )
        return JournalError(sentence)
    return None


def shown_outcome(outcome: str) -> str:
    """Return an entry's outcome in the word that users see."""
    return "NOT_RUN" if outcome == REFUSED else outcome
