"""The journal in a SQLite file; used through `dollr_async.journal`."""

from dollr_async.journal.sqlite.journal import SQLiteJournal

__all__ = ["SQLiteJournal"]
