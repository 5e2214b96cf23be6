"""An entry as the values of a row in PostgreSQL, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dollr_async.base.record import field_names
from dollr_async.journal.entry import Entry, Terms
from dollr_async.journal.outcome_protocol import EndedPayment
from dollr_async.journal.postgres.schema import TYPES
from dollr_async.journal.rows import from_row

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENTRY_NAMES = tuple(name for name in field_names(Entry) if name != "terms")

_AS_TEXT = tuple(name for name, kind in TYPES.items() if kind in {"uuid", "timestamptz"})


def values(entry: Entry) -> dict[str, Any]:
    """Return the values of an entry, by column."""
    row: dict[str, Any] = {name: getattr(entry, name) for name in _ENTRY_NAMES}
    row |= {f"terms_{name}": getattr(entry.terms, name) for name in field_names(Terms)}
    row["terms_amount"] = str(entry.terms.amount)
    # Any enumeration of words is text there.
    return {name: str(value) if isinstance(value, str) else value for name, value in row.items()}


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Return the entry of a row.

    Raises:
        JournalError: something else changed the row, and it holds no valid entry.
    """
    return from_row({**row, **{name: _text(row[name]) for name in _AS_TEXT}})


def ended_of(row: Mapping[str, Any]) -> EndedPayment:
    """Return the payment of a row that was handed out."""
    return EndedPayment(
        entry=entry_of(row),
        ended_at=row["ended_at"].astimezone(UTC),
        number=row["hand_out_number"],
        reason=row["reason"],
    )


def _text(value: object) -> object:
    if isinstance(value, datetime):
        # The server sends times in the time zone of the connection.
        return value.astimezone(UTC).isoformat()
    return None if value is None else str(value)
