"""The journal in a SQLite file. Users import `SQLiteJournal` from `dollr_async.journal`.

`journal` is the public class and runs one thread; `change_queue` batches that thread's writes; `database` has the
statements; `schema` opens the file and brings its tables up to date; `lease_owner` shows whether a process still lives.
"""

from dollr_async.journal.sqlite.journal import SQLiteJournal

__all__ = ["SQLiteJournal"]
