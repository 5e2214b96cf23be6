"""A durable record of payments: after a crash none is forgotten, and after a restart none is charged twice.

`PostgresJournal` needs the extra `postgres`, which is imported when it is first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.journal.entry import Entry, Terms
from dollr_async.journal.maintenance import close_payment, copy_journal, open_journal, purge_journal
from dollr_async.journal.memory import MemoryJournal
from dollr_async.journal.moving import MovableJournal, StoredPayment
from dollr_async.journal.outcome_protocol import (
    EndedPayment,
    IndexedJournal,
    OpenPayment,
    OutcomeJournal,
    SearchableOutcomeJournal,
    SignallingJournal,
)
from dollr_async.journal.protocol import Claim, Journal, LeaseLostError
from dollr_async.journal.rows import as_row, from_row
from dollr_async.journal.sqlite.journal import SQLiteJournal

if TYPE_CHECKING:
    from dollr_async.journal.postgres.journal import PostgresJournal as PostgresJournal

__all__ = [
    "Claim",
    "EndedPayment",
    "Entry",
    "IndexedJournal",
    "Journal",
    "LeaseLostError",
    "MemoryJournal",
    "MovableJournal",
    "OpenPayment",
    "OutcomeJournal",
    "SQLiteJournal",
    "SearchableOutcomeJournal",
    "SignallingJournal",
    "StoredPayment",
    "Terms",
    "as_row",
    "close_payment",
    "copy_journal",
    "from_row",
    "open_journal",
    "purge_journal",
]


def __getattr__(name: str) -> object:
    if name != "PostgresJournal":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dollr_async.journal.postgres.journal import PostgresJournal  # noqa: PLC0415 - psycopg loads only when named

    return PostgresJournal
