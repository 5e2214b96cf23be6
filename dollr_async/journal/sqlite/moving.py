"""The SQL that copies a journal to another place, and refuses changes of the old one afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dollr_async.journal.moving import StoredPayment, cannot_move, moved
from dollr_async.journal.rows import COLUMNS, as_row, from_row
from dollr_async.journal.sqlite.outcomes import plain

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
    from uuid import UUID

_PLACE = "SELECT place FROM moved"
_MOVE = "INSERT INTO moved (place) VALUES (?)"
_LIVE = "SELECT count(*) AS live FROM payments WHERE lease_owner IS NOT NULL AND NOT is_free(lease_owner, lease_until)"
_RELEASE = "UPDATE payments SET lease_owner = NULL WHERE lease_owner IS NOT NULL"
_PAGE = "SELECT * FROM payments WHERE reference_id > ? ORDER BY reference_id LIMIT ?"
_MARKS = ("lease_number", "ended_at", "handled_at", "hand_out_number", "reason")
_KEEP = (
    f"INSERT OR REPLACE INTO payments ({', '.join((*COLUMNS, *_MARKS))}) "  # noqa: S608 - names of this package
    f"VALUES ({', '.join(f':{column}' for column in (*COLUMNS, *_MARKS))})"
)


class Moving:
    """The statements of one open file."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use this connection of the file at `path`."""
        self._connection, self._name = connection, f"the journal {path}"

    def check_not_moved(self) -> None:
        """Raise a `JournalError` if the journal was moved."""
        place = self._place()
        if place is not None:
            raise moved(self._name, place)

    def _place(self) -> str | None:
        row = self._connection.execute(_PLACE).fetchone()
        return None if row is None else str(row["place"])

    def move_to(self, place: str) -> None:
        """Note the new place, unless a live run works on a payment."""
        live = self._connection.execute(_LIVE).fetchone()["live"]
        before = self._place()
        refusal = cannot_move(self._name, live=live, place=place, moved_to=before)
        if refusal is not None:
            raise refusal
        # A run whose lease has expired, and which still works, can write nothing more.
        self._connection.execute(_RELEASE)
        if before is None:
            self._connection.execute(_MOVE, (place,))

    def export_page(self, after: UUID | None, *, limit: int) -> list[StoredPayment]:
        """Return the next payments by reference."""
        rows = self._connection.execute(_PAGE, ("" if after is None else str(after), limit)).fetchall()
        return [
            StoredPayment(
                entry=from_row(row),
                lease_number=row["lease_number"],
                ended_at=_time(row["ended_at"]),
                handled_at=_time(row["handled_at"]),
                hand_out_number=row["hand_out_number"],
                reason=row["reason"],
            )
            for row in rows
        ]

    def import_page(self, payments: list[StoredPayment]) -> None:
        """Keep payments of another journal."""
        self._connection.executemany(_KEEP, [_row(payment) for payment in payments])


def _row(payment: StoredPayment) -> dict[str, str | int | None]:
    return as_row(payment.entry) | {
        "lease_number": payment.lease_number,
        "ended_at": None if payment.ended_at is None else plain(payment.ended_at),
        "handled_at": None if payment.handled_at is None else plain(payment.handled_at),
        "hand_out_number": payment.hand_out_number,
        "reason": payment.reason,
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
