"""A journal as a client uses it: which payment a reference names, and on which terms."""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import TYPE_CHECKING, Protocol

import msgspec

from dollr_async.base.errors import InvalidInputError, JournalError, ReferenceUsedError
from dollr_async.base.progress import resume_call
from dollr_async.journal.entry import Entry, Journal, Terms
from dollr_async.journal.guarded import Guarded
from dollr_async.journal.journaled_run import JournaledRun

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import ExecutionKind
    from dollr_async.resources.executions import Execution

logger = logging.getLogger("dollr_async.journal")

_PATIENCE = 0.25
"""Seconds between two questions whether a run that is alive has ended."""
_encoder = msgspec.json.Encoder(order="deterministic")


class PaymentTerms(Protocol):
    """What a payment was asked with, of any kind."""

    def compared(self) -> dict[str, object]:
        """Return all that must be the same when the reference is used again."""
        ...

    def priced(self) -> tuple[Decimal, str | None, str]:
        """Return the amount in major units, its currency, and the amounts and quantities of the lines."""
        ...


def new_entry(asked: PaymentTerms, reference_id: UUID, kind: ExecutionKind, *, key: bytes, clock: Clock) -> Entry:
    """Return the entry of a payment that begins; `key` is derived from the client secret and never kept."""
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


def journal_key(client_secret: str) -> bytes:
    """Return the key under which terms are compared."""
    return hashlib.sha256(b"dollr_async journal " + client_secret.encode()).digest()


def _check_terms(known: Entry, asked: Entry) -> None:
    ours, theirs = asked.terms, known.terms
    if ours.key_id == theirs.key_id:
        same = hmac.compare_digest(ours.digest, theirs.digest)
    else:
        # The client secret was changed since: what can still be compared is what stands there plainly.
        same = (ours.amount, ours.currency, ours.lines) == (theirs.amount, theirs.currency, theirs.lines)
    if same and known.kind == asked.kind:
        return
    message = (
        f"reference {known.reference_id} names a payment on other terms, begun {known.began_at:%Y-%m-%d %H:%M} UTC: "
        f"follow that one with {resume_call('watch', known.reference_id, known.kind)}, or begin a new payment under "
        "another reference_id"
    )
    raise ReferenceUsedError(message, reference_id=known.reference_id)


class ClientJournal:
    """A journal, as a client uses it."""

    def __init__(self, journal: Journal, client_secret: str, clock: Clock) -> None:
        """Derive the key under which terms are compared; the secret itself is not kept."""
        if not isinstance(journal, Journal):
            sentence = "journal must keep payments, as dollr_async.journal.SQLiteJournal('payments.db') does"
            raise InvalidInputError(sentence)
        self._journal = Guarded(journal)
        self._key = journal_key(client_secret)
        self._clock = clock

    def __repr__(self) -> str:
        """Show the journal."""
        return f"<ClientJournal of {self._journal!r}>"

    async def claimed(self, asked: PaymentTerms, reference_id: UUID, kind: ExecutionKind) -> JournaledRun:
        """Return the run of a payment, once no other that is alive works on it.

        Raises:
            ReferenceUsedError: the reference names a payment on other terms.
            JournalError: it could not be made durable; nothing was sent.
        """
        entry = new_entry(asked, reference_id, kind, key=self._key, clock=self._clock)
        while True:
            claim = await self._journal.claim(entry)
            run = JournaledRun(self._journal, claim, self._clock)
            try:
                _check_terms(claim.entry, entry)
            except ReferenceUsedError:
                await run.release()
                raise
            if claim.is_mine:
                return run
            await self._clock.sleep(_PATIENCE)

    async def saw(self, execution: Execution, reference_id: UUID) -> None:
        """Note a status that was seen by following; a journal that fails is complained of, and followed on."""
        status = execution.status
        try:
            await self._journal.settle(reference_id, str(status), str(status) if status.is_final else None)
        except JournalError:
            logger.exception("payment %s: its status could not be written down", reference_id)

    async def found(self, reference_id: UUID) -> Entry | None:
        """Return what the journal knows of a payment; one that cannot be read is complained of, and knows nothing."""
        try:
            return await self._journal.read(reference_id)
        except JournalError:
            logger.exception("payment %s: its entry could not be read", reference_id)
            return None

    async def unfinished(self) -> list[Entry]:
        """Return every payment that an earlier run began and did not see end."""
        return await self._journal.unfinished()
