"""An entry as one row of the table, and back; and the clock by which leases are measured."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db.models import FloatField, Func, Value
from django.utils import timezone

from dollr_async.journal.rows import COLUMNS, from_row
from dollr_async.journal.rows import as_row as plain_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models.expressions import Combinable

    from dollr_async.journal.entry import Entry

_TIMES = ("began_at", "updated_at", "session_expires_at")
_FLAGS = ("is_renewed", "in_doubt", "is_contested")
_MAX_NUMBER = 2**63 - 1
ROW = (*COLUMNS, "ended_at")
"""The columns that are read of a payment."""


class DatabaseClock(Func):
    """Seconds since 1970 by the clock of the database server; by this host's clock where there is no server."""

    arity = 0

    def __init__(self) -> None:
        """Have no arguments."""
        super().__init__(output_field=FloatField())

    def as_sql(self, *_: Any, **__: Any) -> tuple[str, Any]:  # noqa: ANN401 - Django's own arguments
        """Return the time of this host as a value."""
        return "%s", [time.time()]

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, Any]:  # noqa: ANN401 - as above
        """Return the time at which the server comes to it, also after it has waited for a lock."""
        return "EXTRACT(EPOCH FROM CLOCK_TIMESTAMP())::double precision", []

    def as_mysql(self, *_: Any, **__: Any) -> tuple[str, Any]:  # noqa: ANN401 - as above
        """Return the time at which the server began the statement."""
        return "UNIX_TIMESTAMP(NOW(6))", []


def seconds_from_now(seconds: float) -> Combinable:
    """Return a moment after the present one, by the clock of the database server."""
    return DatabaseClock() + Value(seconds, output_field=FloatField())


def as_row(entry: Entry) -> dict[str, Any]:
    """Return the values of an entry by column.

    Raises:
        OverflowError: a number is too large for its column.
    """
    row: dict[str, Any] = dict(plain_row(entry))
    for name, value in row.items():
        if isinstance(value, int) and abs(value) > _MAX_NUMBER:
            raise OverflowError(f"{name} is too large")
    for name in _TIMES:
        row[name] = stored_time(getattr(entry, name))
    for name in _FLAGS:
        row[name] = bool(row[name])
    row["reference_id"] = entry.reference_id
    return row


def as_entry(row: Mapping[str, Any]) -> Entry:
    """Return the entry of a row.

    Raises:
        JournalError: the row was changed by something else and holds no valid entry.
    """
    return from_row({name: _plain(value) for name, value in row.items()})


def stored_time(moment: datetime | None) -> datetime | None:
    """Return a time as the project's databases store it: naive where the setting `USE_TZ` is off."""
    if moment is None or settings.USE_TZ:
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())


def read_time(moment: datetime) -> datetime:
    """Return a stored time with its timezone."""
    return timezone.make_aware(moment, timezone.get_default_timezone()) if timezone.is_naive(moment) else moment


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return read_time(value).isoformat()
    return str(value) if isinstance(value, UUID) else value
