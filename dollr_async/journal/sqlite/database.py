"""The SQL of a SQLite journal, run in the thread of the journal."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any, TypeVar

from dollr_async.base.errors import JournalError
from dollr_async.journal.outcome_protocol import OpenPayment
from dollr_async.journal.protocol import Claim, lease_lost
from dollr_async.journal.rows import COLUMNS, as_row, from_row
from dollr_async.journal.sqlite import schema
from dollr_async.journal.sqlite.lease_owner import LeaseOwner, is_alive, remove_dead_owners
from dollr_async.journal.sqlite.moving import Moving
from dollr_async.journal.sqlite.outcomes import Outcomes, plain_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID

    from dollr_async.journal.entry import Entry

T = TypeVar("T")
# Only column names of this package are put into a statement. Values are always bound.
_INSERT = (
    f"INSERT INTO payments ({', '.join(COLUMNS)}, lease_number, lease_owner, lease_until) "  # noqa: S608 - see above
    f"VALUES ({', '.join(f':{column}' for column in COLUMNS)}, :lease_number, :lease_owner, :lease_until)"
)
# The right sides see the row as it was. An outcome that changes has another end, and nobody has handled that one.
_WRITE = (
    f"UPDATE payments SET {', '.join(f'{column} = :{column}' for column in COLUMNS)}, lease_until = :lease_until, "  # noqa: S608 - see above
    "ended_at = CASE WHEN :outcome IS NULL THEN NULL WHEN outcome IS :outcome THEN ended_at ELSE :updated_at END, "
    "handled_at = CASE WHEN outcome IS :outcome THEN handled_at END, "
    "hand_out_owner = CASE WHEN outcome IS :outcome THEN hand_out_owner END, "
    "hand_out_after = CASE WHEN outcome IS :outcome THEN hand_out_after END, "
    "reason = CASE WHEN outcome IS :outcome THEN reason END "
    "WHERE reference_id = :reference_id AND lease_number = :lease_number AND lease_owner = :lease_owner"
)
_RENEW = "UPDATE payments SET lease_until = ? WHERE reference_id = ? AND lease_number = ? AND lease_owner = ?"
_TAKE = "UPDATE payments SET lease_number = ?, lease_owner = ?, lease_until = ? WHERE reference_id = ?"
_RELEASE = "UPDATE payments SET lease_owner = NULL, lease_until = NULL WHERE reference_id = ? AND lease_number = ?"
_SETTLE = (
    "UPDATE payments SET status = :status, outcome = :outcome, updated_at = :now, "
    "ended_at = CASE WHEN :outcome IS NOT NULL THEN :now END WHERE reference_id = :reference AND outcome IS NULL"
)
_READ = "SELECT * FROM payments WHERE reference_id = ?"
_PAGE = (
    "SELECT * FROM payments WHERE outcome IS NULL AND (began_at, reference_id) > (:began_at, :reference) "
    "AND (:with_live OR lease_owner IS NULL OR is_free(lease_owner, lease_until)) "
    "ORDER BY began_at, reference_id LIMIT :limit"
)
_OF_SOURCE = "SELECT * FROM payments WHERE outcome IS NULL AND source_type = ? AND source_id = ?"


class Database:
    """An open journal file, used by one thread at a time. Changes are made by `together`.

    `now` is a clock in seconds that all processes of the host share and that never jumps. It starts again when the host
    restarts, which does no harm: then the owners of all leases are dead. `time_of_day` is the clock that goes on.
    """

    def __init__(
        self,
        path: Path,
        *,
        lease: float,
        busy_timeout: float,
        now: Callable[[], float],
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        """Open the file or make it, bring its schema up to date, and remove the lock files of dead owners.

        Raises:
            JournalError: it could not be opened. The message says why, and what to do.
        """
        self._path, self._lease, self._now = path, lease, now
        self._owner: LeaseOwner | None = None
        self._is_durable = True
        with as_journal_errors(path):
            self._connection = schema.connect(path, busy_timeout=busy_timeout)
            try:
                with schema.writing(self._connection):
                    schema.migrate(self._connection)
                    self._owner = owner = LeaseOwner(path)
                    remove_dead_owners(path)
            except BaseException:
                self.close()
                raise
            self._identity = _identity(path)
        self._me = owner.name
        self._connection.row_factory = schema.named
        self._connection.create_function("is_free", 2, self._is_free)
        self.outcomes = Outcomes(self._connection, self._me, now=now, time_of_day=time_of_day)
        self.moving = Moving(self._connection, path)

    def close(self) -> None:
        """Close the file. Every lease taken through it is free from now on."""
        self._connection.close()
        if self._owner is not None:
            self._owner.release()

    def together(self, changes: list[Callable[[Database], object]], *, is_durable: bool = True) -> list[object]:
        """Make changes in one transaction, and return the result of each: a `JournalError` where it was refused.

        A refused change has changed nothing, and does not affect the others. What was changed survives the end of the
        process, and with `is_durable` a loss of power.

        Raises:
            JournalError: none of them was made.
        """
        with as_journal_errors(self._path):
            if _identity(self._path) != self._identity:
                # SQLite would go on writing to a file that no longer has a name.
                sentence = (
                    f"the journal {self._path} was replaced while it was open: put the file back, and open it again"
                )
                raise JournalError(sentence)
            if is_durable != self._is_durable:
                schema.make_durable(self._connection, is_durable=is_durable)
                self._is_durable = is_durable
            with schema.writing(self._connection):
                self.moving.check_not_moved()
                return [self._outcome(change) for change in changes]

    def move_to(self, place: str) -> None:
        """Refuse every later change, and name the new place."""
        with as_journal_errors(self._path), schema.writing(self._connection):
            self.moving.move_to(place)

    def query(self, ask: Callable[[Database], T]) -> T:
        """Return what a question finds outside of a change, with errors that say what to do."""
        with as_journal_errors(self._path):
            return ask(self)

    def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it."""
        reference = str(entry.reference_id)
        row = self._connection.execute(_READ, (reference,)).fetchone()
        if row is None:
            self._connection.execute(_INSERT, as_row(entry) | self._lease_columns(1))
            return Claim(entry=entry, number=1, is_new=True)
        found = from_row(row)
        if self._is_live(row):
            return Claim(entry=found, number=None, is_new=False)
        number = row["lease_number"] + 1
        self._connection.execute(_TAKE, (number, self._me, self._until, reference))
        return Claim(entry=found, number=number, is_new=False)

    def write(self, entry: Entry, number: int) -> None:
        """Replace an entry under a lease, and renew it."""
        written = self._connection.execute(_WRITE, as_row(entry) | self._lease_columns(number))
        _check_held(written, entry.reference_id)

    def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        renewed = self._connection.execute(_RENEW, (self._until, str(reference_id), number, self._me))
        _check_held(renewed, reference_id)

    def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        self._connection.execute(_RELEASE, (str(reference_id), number))

    def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""
        values = {"status": status, "outcome": outcome, "now": plain_now(), "reference": str(reference_id)}
        self._connection.execute(_SETTLE, values)

    def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        row = self._connection.execute(_READ, (str(reference_id),)).fetchone()
        return None if row is None else from_row(row)

    def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        last = ("", "") if after is None else (as_row(after)["began_at"], str(after.reference_id))
        values = {"began_at": last[0], "reference": last[1], "limit": limit, "with_live": with_live}
        rows = self._connection.execute(_PAGE, values).fetchall()
        return [from_row(row) for row in rows]

    def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        rows = self._connection.execute(_OF_SOURCE, (source_type, source_id)).fetchall()
        return [OpenPayment(entry=from_row(row), is_live=self._is_live(row)) for row in rows]

    def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        row = self._connection.execute(_READ, (str(reference_id),)).fetchone()
        return row is not None and row["outcome"] is None and self._is_live(row)

    @property
    def _until(self) -> float:
        return self._now() + self._lease

    def _lease_columns(self, number: int) -> dict[str, str | float]:
        return {"lease_number": number, "lease_owner": self._me, "lease_until": self._until}

    def _is_live(self, row: dict[str, Any]) -> bool:
        return not self._is_free(row["lease_owner"], row["lease_until"])

    def _is_free(self, owner: str | None, until: float) -> bool:
        if owner is None or self._now() >= until:
            return True
        return owner != self._me and not is_alive(self._path, owner)

    def _outcome(self, change: Callable[[Database], object]) -> object:
        try:
            return change(self)
        except JournalError as error:
            return error
        except (OverflowError, UnicodeError) as error:
            return JournalError(f"the journal {self._path} cannot hold a value of this payment: {error}")


@contextlib.contextmanager
def as_journal_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the operating system into a `JournalError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} {_advice(error)} ({error})") from error
    except OSError as error:
        raise JournalError(f"the journal {path} {_os_advice(error)} ({error.strerror})") from error


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _check_held(changed: sqlite3.Cursor, reference_id: UUID) -> None:
    if changed.rowcount == 0:
        raise lease_lost(reference_id)


def _advice(error: sqlite3.Error) -> str:
    # The lowest byte is the kind of error. The others are its details.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _ADVICE.get(code, "could not be read or written: check the file and its disk")


def _os_advice(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist: make its directory first, and do not move the file while it is open"
    return "cannot be made: put it in a directory that this user may write to, on a local disk with free space"


_DAMAGED = "is damaged, or is not a SQLite file: restore it from a backup, or check each open payment by its reference"
_READ_ONLY = "cannot be written: put it in a directory that this user may write to"
_ADVICE = {
    sqlite3.SQLITE_BUSY: "was locked by another program for too long: stop that program, then try again",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: name a file, in a directory that this user may write to",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: "cannot be written, because its disk is full: free some space, then try again",
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
}
