"""The client's side of a journal: claims a payment for a run, compares its terms, and keeps what status checks find."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import hmac
import logging
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

import msgspec

from dollr_async.base.errors import InvalidInputError, JournalError, ReferenceUsedError
from dollr_async.base.progress import resume_call
from dollr_async.journal.entry import REFUSED, Entry, Terms
from dollr_async.journal.journaled_run import JournaledRun
from dollr_async.journal.open_payments import known_payment
from dollr_async.journal.outcome_protocol import check_verdict
from dollr_async.journal.outcomes import Outcomes
from dollr_async.journal.protocol import Journal
from dollr_async.journal.translating_journal import JournalWrites, TranslatingJournal
from dollr_async.wire.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from decimal import Decimal
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import ExecutionKind, ExecutionStatus
    from dollr_async.base.progress import KnownPayment
    from dollr_async.base.reporting import Notify
    from dollr_async.journal.journaled_run import Hold
    from dollr_async.journal.outcomes import OutcomeHandler
    from dollr_async.journal.translating_journal import TranslatingOutcomeJournal, TranslatingSearch
    from dollr_async.resources.executions import Execution

    Settling = Coroutine[object, object, None]

logger = logging.getLogger("dollr_async.journal")

_PAUSES = RetryPolicy()
_encoder = msgspec.json.Encoder(order="deterministic")


class PaymentTerms(Protocol):
    """What the journal needs of the terms of a payment, of any kind of money."""

    def compared(self) -> dict[str, object]:
        """Return every term that must be the same when the reference is used again."""
        ...

    def priced(self) -> tuple[Decimal, str | None, str]:
        """Return the amount in major units, its currency, and the amounts and quantities of the lines."""
        ...


def new_entry(asked: PaymentTerms, reference_id: UUID, kind: ExecutionKind, *, key: bytes, clock: Clock) -> Entry:
    """Return the entry of a new payment. `key` is the one of `journal_key`; it is not kept."""
    now = clock.now()
    amount, currency, lines = asked.priced()
    content = _encoder.encode([kind, asked.compared()])
    terms = Terms(
        key_id=hmac.new(key, b"id", hashlib.sha256).hexdigest()[:16],
        digest=hmac.new(key, content, hashlib.sha256).hexdigest(),
        amount=amount,
        currency=currency,
        lines=lines,
    )
    return Entry(reference_id=reference_id, kind=kind, began_at=now, updated_at=now, terms=terms)


def _about(reference_id: UUID) -> dict[str, UUID]:
    """Return what a log record about a payment has beside its text."""
    return {"reference_id": reference_id}


def journal_key(client_secret: str) -> bytes:
    """Return the key of the terms' HMAC, derived from the client secret."""
    return hashlib.sha256(b"dollr_async journal " + client_secret.encode()).digest()


def _check_terms(known: Entry, asked: Entry, *, is_running: bool) -> None:
    ours, theirs = asked.terms, known.terms
    if ours.key_id == theirs.key_id:
        same = hmac.compare_digest(ours.digest, theirs.digest)
    else:
        # The client secret has changed since: only what is kept as plain text can still be compared.
        same = (ours.amount, ours.currency, ours.lines) == (theirs.amount, theirs.currency, theirs.lines)
    if same and known.kind == asked.kind:
        return
    if is_running or (known.executed and known.outcome != REFUSED):
        advice = f"follow that one with {resume_call('watch', known.reference_id, known.kind)}"
    else:
        advice = "nothing was charged under it, so start a new payment under another reference_id"
    message = (
        f"reference {known.reference_id} names a payment with different terms, begun "
        f"{known.began_at:%Y-%m-%d %H:%M} UTC: {advice}"
    )
    raise ReferenceUsedError(message, reference_id=known.reference_id)


class ClientJournal:
    """A journal and the key under which one client compares terms."""

    def __init__(self, journal: Journal, client_secret: str, clock: Clock, notify: Notify | None = None) -> None:
        """Derive the key from the client secret; the secret itself is not kept."""
        if not isinstance(journal, Journal):
            sentence = "journal must be a Journal, such as dollr_async.journal.SQLiteJournal('payments.db')"
            raise InvalidInputError(sentence)
        self._journal = TranslatingJournal(journal, JournalWrites(notify, clock))
        self._key = journal_key(client_secret)
        self._clock = clock
        self._releases: set[asyncio.Task[None]] = set()
        self._reading = asyncio.Lock()
        self._readings_begun = 0
        self._latest_reading = 0
        self._stopped: frozenset[UUID] = frozenset()
        self._unwritten: dict[UUID, ExecutionStatus] = {}
        self._writing: asyncio.Task[None] | None = None
        self._handlers: WeakSet[OutcomeHandler] = WeakSet()

    def __repr__(self) -> str:
        """Show the journal."""
        return f"<ClientJournal of {self._journal!r}>"

    async def claim(self, asked: PaymentTerms, reference_id: UUID, kind: ExecutionKind) -> JournaledRun:
        """Return the run of a payment, once no other live run works on it.

        Raises:
            ReferenceUsedError: the reference names a payment with different terms.
            JournalError: the payment could not be stored; nothing was sent.
        """
        entry = new_entry(asked, reference_id, kind, key=self._key, clock=self._clock)
        while True:
            claim = await self._journal.claim(entry)
            run = JournaledRun(self._journal, claim, self._clock, hold=self._hold, write_later=self._write_later)
            try:
                _check_terms(claim.entry, entry, is_running=not claim.is_mine)
            except ReferenceUsedError:
                await run.release()
                raise
            if claim.is_mine:
                return run
            await self._journal.released(reference_id, clock=self._clock)

    def _hold(self, release: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run the release of a lease in a task of its own, which no cancellation of the caller reaches."""
        task = asyncio.create_task(release, name="dollr_async lease release")
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)
        return task

    async def close(self) -> None:
        """Hand nothing out any more, and wait until every lease is given back.

        A status that could not be written before is written now, if possible. The journal itself stays open.
        """
        loop = asyncio.get_running_loop()
        for handler in tuple(self._handlers):
            handler.close()
        releases = [task for task in self._releases if task.get_loop() is loop]
        await asyncio.gather(*releases, return_exceptions=True)
        if self._writing is not None and self._writing.get_loop() is loop:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write_unwritten()
        for reference_id, status in self._unwritten.items():
            words = (
                "payment %s: it is %s, but the journal could not be written: it stays open there until the next check"
            )
            logger.error(words, reference_id, status, extra=_about(reference_id))

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether a live run works on a payment. If the journal cannot be read, the error is logged."""
        try:
            is_live = await self._journal.is_live(reference_id)
            if is_live is not None:
                return is_live
            entry = await self._journal.read(reference_id)
            if entry is None or entry.outcome is not None:
                return False
            return reference_id not in await self._without_live_run()
        except JournalError:
            logger.exception(
                "payment %s: its entry in the journal could not be read",
                reference_id,
                extra=_about(reference_id),
            )
            return False

    async def _without_live_run(self) -> frozenset[UUID]:
        """Return the open payments that no live run works on; all that ask before it is read share one reading."""
        asked = self._readings_begun
        async with self._reading:
            if self._latest_reading <= asked:
                self._readings_begun += 1
                number = self._readings_begun
                self._stopped = frozenset(entry.reference_id for entry in await self._journal.unfinished())
                self._latest_reading = number
            return self._stopped

    async def saw(self, execution: Execution, reference_id: UUID) -> None:
        """Keep a status that a status check found. If the journal fails, it is written later, and following goes on."""
        try:
            await self._settle(reference_id, execution.status)
        except JournalError:
            about = _about(reference_id)
            logger.exception("payment %s: its status could not be written to the journal", reference_id, extra=about)
            self._write_later(reference_id, execution.status)
        else:
            self._unwritten.pop(reference_id, None)

    async def _settle(self, reference_id: UUID, status: ExecutionStatus) -> None:
        await self._journal.settle(reference_id, str(status), str(status) if status.is_final else None)

    def _write_later(self, reference_id: UUID, status: ExecutionStatus) -> None:
        """Write a status again and again until the journal has it."""
        self._unwritten[reference_id] = status
        if self._writing is None or self._writing.done():
            # It works for all payments, and must not keep the context variables of the first.
            context = contextvars.Context()
            self._writing = asyncio.create_task(self._keep_writing(), name="dollr_async journal", context=context)

    async def _keep_writing(self) -> None:
        for pause in _PAUSES.delays():
            await self._clock.sleep(pause)
            await self._write_unwritten()
            if not self._unwritten:
                return

    async def _write_unwritten(self) -> None:
        for reference_id, status in tuple(self._unwritten.items()):
            try:
                await self._settle(reference_id, status)
            except JournalError:
                return
            if self._unwritten.get(reference_id) is status:
                del self._unwritten[reference_id]

    async def found(self, reference_id: UUID) -> KnownPayment | None:
        """Return what the journal knows of a payment, or None. If it cannot be read, the error is logged."""
        try:
            entry = await self._journal.read(reference_id)
        except JournalError:
            logger.exception(
                "payment %s: its entry in the journal could not be read",
                reference_id,
                extra=_about(reference_id),
            )
            return None
        return None if entry is None else known_payment(entry)

    async def unfinished(self) -> AsyncIterator[Entry]:
        """Iterate over the open payments that no live run works on, the oldest first."""
        async for page in self._journal.unfinished_pages():
            for entry in page:
                yield entry

    def hand_out(self, make_handler: Callable[[TranslatingOutcomeJournal, Hold], OutcomeHandler]) -> Outcomes:
        """Return an iterator over the outcomes that are not handled; `close` ends it.

        Raises:
            ConfigurationError: the journal hands no outcomes out.
        """
        handler = make_handler(self._journal.with_outcomes(), self._hold)
        self._handlers.add(handler)
        return Outcomes(handler)

    async def settle_unfinished(self, make_settling: Callable[[TranslatingOutcomeJournal, Hold], Settling]) -> None:
        """Follow the open payments to their ends, and hand nothing out.

        Raises:
            ConfigurationError: the journal hands no outcomes out.
        """
        await make_settling(self._journal.with_outcomes(), self._hold)

    def with_search(self) -> TranslatingSearch:
        """Return the journal as one that finds outcomes by their references.

        Raises:
            ConfigurationError: it cannot.
        """
        return self._journal.with_search()

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided.

        Raises:
            InvalidInputError: its execution was never begun, and the outcome is another one than NOT_RUN.
            JournalError: it is unknown, has ended, or a live run works on it.
            ConfigurationError: the journal hands no outcomes out.
        """
        journal = self._journal.with_outcomes()
        check_verdict(await self._journal.read(reference_id), outcome)
        await journal.close_payment(reference_id, outcome, reason)
