"""A durable record of payments, so that a crash forgets none and a restart repeats none."""

from dollr_async.journal.entry import Claim, Entry, Journal, LeaseLostError, Terms
from dollr_async.journal.memory import MemoryJournal
from dollr_async.journal.rows import as_row, from_row
from dollr_async.journal.sqlite.journal import SQLiteJournal

__all__ = [
    "Claim",
    "Entry",
    "Journal",
    "LeaseLostError",
    "MemoryJournal",
    "SQLiteJournal",
    "Terms",
    "as_row",
    "from_row",
]
