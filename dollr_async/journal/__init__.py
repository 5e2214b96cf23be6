"""A durable record of payments: after a crash none is forgotten, and after a restart none is charged twice."""

from dollr_async.journal.entry import Entry, Terms
from dollr_async.journal.memory import MemoryJournal
from dollr_async.journal.outcome_protocol import (
    EndedPayment,
    IndexedJournal,
    OpenPayment,
    OutcomeJournal,
    SignallingJournal,
)
from dollr_async.journal.protocol import Claim, Journal, LeaseLostError
from dollr_async.journal.rows import as_row, from_row
from dollr_async.journal.sqlite.journal import SQLiteJournal

__all__ = [
    "Claim",
    "EndedPayment",
    "Entry",
    "IndexedJournal",
    "Journal",
    "LeaseLostError",
    "MemoryJournal",
    "OpenPayment",
    "OutcomeJournal",
    "SQLiteJournal",
    "SignallingJournal",
    "Terms",
    "as_row",
    "from_row",
]
