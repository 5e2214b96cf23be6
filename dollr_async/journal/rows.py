"""An entry as one row of plain values, as a database table holds it, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dollr_async.base.errors import JournalError
from dollr_async.base.record import field_names
from dollr_async.journal.entry import Entry, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Plain = str | int | None

_TERMS = "terms_"
_ENTRY_NAMES = tuple(name for name in field_names(Entry) if name != "terms")
_TERMS_NAMES = tuple(field_names(Terms))

COLUMNS = (*_ENTRY_NAMES, *(_TERMS + name for name in _TERMS_NAMES))
"""The columns of an entry. Those of its terms begin with `terms_`."""

_READERS: dict[str, Callable[..., object]] = {
    "reference_id": UUID,
    "began_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
    "session_expires_at": datetime.fromisoformat,
    "is_renewed": bool,
    "in_doubt": bool,
    "is_contested": bool,
    "terms_amount": Decimal,
}


_ADDED: dict[str, object] = {"is_contested": False}
"""The values of columns that an older table does not have."""

_PLAIN = tuple(column for column in COLUMNS if column not in _READERS)
_TERMS_COLUMNS = tuple((name, _TERMS + name) for name in _TERMS_NAMES)


def as_row(entry: Entry) -> dict[str, Plain]:
    """Return an entry as text, whole numbers and None, by column.

    Amounts and references are text, times are ISO 8601 in UTC and sort as text, flags are 0 and 1.
    """
    row = {name: _plain(getattr(entry, name)) for name in _ENTRY_NAMES}
    row |= {_TERMS + name: _plain(getattr(entry.terms, name)) for name in _TERMS_NAMES}
    return row


def from_row(row: Mapping[str, object]) -> Entry:
    """Return the entry of a row that `as_row` made. Columns of your own are ignored.

    Raises:
        JournalError: the row was changed by something else and holds no valid entry.
    """
    try:
        values: dict[str, Any] = {name: row[name] for name in _PLAIN}
        for name, reader in _READERS.items():
            value = row.get(name, _ADDED[name]) if name in _ADDED else row[name]
            values[name] = None if value is None else reader(value)
        terms = Terms(**{name: values.pop(column) for name, column in _TERMS_COLUMNS})
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        reference_id = row.get("reference_id")
        sentence = f"the journal's row of payment {reference_id} cannot be read: {error!r}. Restore it from a backup"
        raise JournalError(sentence) from error
    return Entry(terms=terms, **values)


def _plain(value: object) -> Plain:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, datetime):
        # A fixed width, so that the text sorts in the order of time.
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)
