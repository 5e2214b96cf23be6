"""The file of a journal, opened when it is first needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dollr_async.journal.sqlite.database import Database


class JournalFile:
    """The journal's file, opened when it is first needed. It outlives a journal that was never closed, to close it."""

    def __init__(
        self,
        path: Path,
        *,
        lease: float,
        busy_timeout: float,
        now: Callable[[], float],
        time_of_day: Callable[[], float],
    ) -> None:
        """Open nothing yet; the arguments are those of `Database`."""
        self.path = path
        self.process: int | None = None
        self._lease, self._busy_timeout, self._now, self._time_of_day = lease, busy_timeout, now, time_of_day
        self._database: Database | None = None

    def opened(self) -> Database:
        """Return the open file. A failure is not kept, so the next use tries again."""
        if self._database is None:
            # A program without a SQLite journal does not load SQLite.
            from dollr_async.journal.sqlite.database import Database  # noqa: PLC0415 - see above

            self._database = Database(
                self.path,
                lease=self._lease,
                busy_timeout=self._busy_timeout,
                now=self._now,
                time_of_day=self._time_of_day,
            )
        return self._database

    def close(self) -> None:
        """Close the file if it is open. A forked child leaves its parent's file alone."""
        database, self._database = self._database, None
        if database is not None and self.process == os.getpid():
            database.close()
