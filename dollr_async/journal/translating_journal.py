"""A journal whose errors are all of this library, whatever the wrapped journal raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dollr_async.base.clock import LoopClock
from dollr_async.base.errors import ConfigurationError, DollrError, JournalError
from dollr_async.base.observing import JournalWritten
from dollr_async.journal.outcome_protocol import (
    IndexedJournal,
    OpenPayment,
    OutcomeJournal,
    SearchableOutcomeJournal,
    SignallingJournal,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from datetime import datetime
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.journal.entry import Entry
    from dollr_async.journal.outcome_protocol import EndedPayment
    from dollr_async.journal.protocol import Claim, Journal

T = TypeVar("T")
_PAGE = 100
"""Entries that are read at a time."""

_CLAIM_INTERVAL = 0.25
"""Seconds between two claims while a live run holds the lease."""

_CLAIM_TIMEOUT = 5.0
"""Seconds between two claims where the journal tells when the lease is free."""


class JournalWrites:
    """Awaits the writes about a payment, and reports them to the client's observer."""

    def __init__(self, notify: Notify | None, clock: Clock) -> None:
        """Report by `notify`; None reports nothing."""
        self._notify = notify
        self._clock = clock

    async def run(self, action: str, reference_id: UUID, call: Awaitable[T]) -> T:
        """Await a write; it raises only errors of this library."""
        if self._notify is None:
            return await _translated(call)
        began, failed = self._clock.monotonic(), None
        try:
            return await _translated(call)
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            seconds = self._clock.monotonic() - began
            self._notify(JournalWritten(reference_id=reference_id, action=action, seconds=seconds, error=failed))


_UNREPORTED = JournalWrites(None, LoopClock())


class TranslatingJournal:
    """Wraps a journal that a user wrote: an error of its database or framework becomes a `JournalError`.

    It answers narrow questions by all open payments, where the wrapped journal is no `IndexedJournal`.
    """

    def __init__(self, journal: Journal, writes: JournalWrites = _UNREPORTED) -> None:
        """Wrap this journal."""
        self._journal = journal
        self._writes = writes
        self._indexed = journal if isinstance(journal, IndexedJournal) else None

    def __repr__(self) -> str:
        """Show the wrapped journal."""
        return repr(self._journal)

    @property
    def lease(self) -> float:
        """Seconds until a lease expires that is not renewed."""
        return self._journal.lease

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it."""
        return await self._writes.run("claim", entry.reference_id, self._journal.claim(entry))

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease."""
        await self._writes.run("write", entry.reference_id, self._journal.write(entry, number))

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        await _translated(self._journal.renew(reference_id, number))

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back."""
        await _translated(self._journal.release(reference_id, number))

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found."""
        await self._writes.run("settle", reference_id, self._journal.settle(reference_id, status, outcome))

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        return await _translated(self._journal.read(reference_id))

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        """Return the open entries."""
        return await _translated(self._journal.unfinished(with_live=with_live))

    async def unfinished_pages(self) -> AsyncIterator[list[Entry]]:
        """Iterate over the open entries that no live run works on, the oldest first, some at a time."""
        if self._indexed is None:
            yield await self.unfinished()
            return
        page = await _translated(self._indexed.unfinished_page(None, limit=_PAGE))
        while page:
            yield page
            page = await _translated(self._indexed.unfinished_page(page[-1], limit=_PAGE))

    async def unfinished_of_source(self, source_type: str | None, source_id: int | None) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        if source_type is None or source_id is None:
            return []
        if self._indexed is not None:
            return await _translated(self._indexed.unfinished_of_source(source_type, source_id))
        stopped = {entry.reference_id for entry in await self.unfinished()}
        return [
            OpenPayment(entry=entry, is_live=entry.reference_id not in stopped)
            for entry in await self.unfinished(with_live=True)
            if (entry.source_type, entry.source_id) == (source_type, source_id)
        ]

    async def is_live(self, reference_id: UUID) -> bool | None:
        """Return whether a live run works on an open payment; None where only a list of all can tell."""
        return None if self._indexed is None else await _translated(self._indexed.is_live(reference_id))

    async def released(self, reference_id: UUID, *, clock: Clock) -> None:
        """Wait until the lease of a payment may be free."""
        if isinstance(self._journal, SignallingJournal):
            await _translated(self._journal.released(reference_id, timeout=_CLAIM_TIMEOUT))
        else:
            await clock.sleep(_CLAIM_INTERVAL)

    def with_outcomes(self) -> TranslatingOutcomeJournal:
        """Return this journal as one that hands outcomes out.

        Raises:
            ConfigurationError: it cannot.
        """
        if not isinstance(self._journal, OutcomeJournal):
            sentence = (
                f"{self._journal!r} does not hand out outcomes: use a SQLiteJournal or a PostgresJournal, or write the "
                "methods of dollr_async.journal.OutcomeJournal"
            )
            raise ConfigurationError(sentence)
        return TranslatingOutcomeJournal(self._journal, self._writes)

    def with_search(self) -> TranslatingSearch:
        """Return this journal as one that finds outcomes by their references.

        Raises:
            ConfigurationError: it cannot.
        """
        if not isinstance(self._journal, SearchableOutcomeJournal):
            sentence = (
                f"{self._journal!r} cannot find an outcome by its reference: use a PostgresJournal or the journal of "
                "Django, or write the methods of dollr_async.journal.SearchableOutcomeJournal"
            )
            raise ConfigurationError(sentence)
        return TranslatingSearch(self._journal, self._writes)


class TranslatingOutcomeJournal:
    """Wraps the methods of an `OutcomeJournal` that are not those of a `Journal`."""

    def __init__(self, journal: OutcomeJournal, writes: JournalWrites) -> None:
        """Wrap this journal."""
        self._journal = journal
        self._writes = writes

    async def follow(self, worker: str, *, limit: int, lease: float, is_early: bool = False) -> list[OpenPayment]:
        """Make this worker the follower of open payments, and renew its lease as a worker."""
        return await _translated(self._journal.follow(worker, limit=limit, lease=lease, is_early=is_early))

    async def stop_following(
        self, worker: str, reference_id: UUID | None = None, *, check_again_in: float = 0.0
    ) -> None:
        """Follow a payment no longer, and put it off; with None the worker leaves."""
        await _translated(self._journal.stop_following(worker, reference_id, check_again_in=check_again_in))

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out."""
        return await _translated(self._journal.hand_out(lease=lease))

    async def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now."""
        return await _translated(self._journal.renew_hand_out(reference_id, number, lease=lease))

    async def give_back(self, reference_id: UUID, number: int, *, delay: float = 0.0) -> None:
        """End the lease of a hand-out."""
        await _translated(self._journal.give_back(reference_id, number, delay=delay))

    async def mark_handled(self, ended: EndedPayment, connection: object = None) -> None:
        """Mark this end of a payment as handled."""
        marking = self._journal.mark_handled(ended, connection)
        await self._writes.run("handled", ended.entry.reference_id, marking)

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided."""
        closing = self._journal.close_payment(reference_id, outcome, reason)
        await self._writes.run("close", reference_id, closing)

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a young payment is open and executed or live."""
        return await _translated(self._journal.has_work(since=since))


class TranslatingSearch(TranslatingOutcomeJournal):
    """Wraps the methods of a `SearchableOutcomeJournal` too."""

    def __init__(self, journal: SearchableOutcomeJournal, writes: JournalWrites) -> None:
        """Wrap this journal."""
        super().__init__(journal, writes)
        self._search = journal

    async def unhandled(self, reference_id: UUID) -> EndedPayment | None:
        """Return the payment if it has ended, is not handled, and has no live run."""
        return await _translated(self._search.unhandled(reference_id))

    async def unhandled_page(self, after: EndedPayment | None, *, limit: int) -> list[EndedPayment]:
        """Return the next such payments after one, by end and reference."""
        return await _translated(self._search.unhandled_page(after, limit=limit))


async def _translated(call: Awaitable[T]) -> T:
    try:
        return await call
    except DollrError:
        raise
    # A user's own journal may raise anything. A payment must not end in an error that its caller does not expect.
    except Exception as error:
        sentence = f"the journal failed ({type(error).__name__}): {error}. Fix its cause, then try again"
        raise JournalError(sentence) from error
