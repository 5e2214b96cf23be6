"""The journal's statements about the payments that runs work on. Each runs inside a transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections
from django.db.models import BooleanField, Case, DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value, When

from dollr_async.integrations.django.models import OPEN, Payment, Worker
from dollr_async.integrations.django.rows import ROW, DatabaseClock, as_entry, as_row, seconds_from_now, stored_time
from dollr_async.journal.outcome_protocol import OpenPayment
from dollr_async.journal.protocol import Claim, lease_lost

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.journal.entry import Entry


M = TypeVar("M", Payment, Worker)


def is_live() -> ExpressionWrapper[Q]:
    """Return the column that says whether a live run works on a payment."""
    return ExpressionWrapper(live_run(), output_field=BooleanField())


def live_run() -> Q:
    """Return the payments that a live run works on."""
    return Q(lease_until__isnull=False, lease_until__gt=DatabaseClock())


def no_live_run() -> Q:
    """Return the payments that no live run works on."""
    return Q(lease_until__isnull=True) | Q(lease_until__lte=DatabaseClock())


def rows(alias: str) -> QuerySet[Payment]:
    """Return all payments in a database, in no order."""
    return Payment.objects.using(alias).order_by()


def locked(found: QuerySet[M], alias: str, *, skip: bool = False) -> QuerySet[M]:
    """Lock the rows that are read until the end of the transaction, where the database can."""
    features = connections[alias].features
    return found.select_for_update(skip_locked=skip and features.has_select_for_update_skip_locked)


def begin_writing(alias: str) -> None:
    """Wait for the right to write, where one transaction at a time has it."""
    if connections[alias].vendor == "sqlite":
        # A transaction that reads first and writes then is refused at once while another one writes.
        Worker.objects.using(alias).filter(name="").update(until=0.0)


class Payments:
    """The statements of one database."""

    def __init__(self, alias: str, *, lease: float) -> None:
        """Use this database; a lease lasts `lease` seconds."""
        self._alias, self._lease = alias, lease

    def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it."""
        rows(self._alias).bulk_create([Payment(**as_row(entry))], ignore_conflicts=True)
        own = self._own(entry.reference_id)
        row: dict[str, Any] = (
            locked(own, self._alias).annotate(is_live=is_live()).values(*ROW, "lease_number", "is_live").get()
        )
        # Only in this transaction, between the two statements, a payment has had no lease yet.
        is_new = row["lease_number"] == 0
        if row["is_live"]:
            return Claim(entry=as_entry(row), number=None, is_new=False)
        number = row["lease_number"] + 1
        own.update(lease_number=number, lease_until=seconds_from_now(self._lease))
        return Claim(entry=entry if is_new else as_entry(row), number=number, is_new=is_new)

    def write(self, entry: Entry, number: int) -> None:
        """Replace an entry under a lease, and renew it."""
        # An outcome that changes has another end, and nobody has handled that one. These columns come first, since
        # MySQL computes them one after the other, and they need the outcome before it changes.
        same = Q(outcome=entry.outcome) if entry.outcome is not None else OPEN
        values: dict[str, Any] = {
            name: Case(When(same, then=F(name)), default=Value(None))
            for name in ("handled_at", "hand_out_until", "reason")
        }
        row = as_row(entry)
        ended_at = None if entry.outcome is None else row["updated_at"]
        values["ended_at"] = Case(When(same, then=F("ended_at")), default=Value(ended_at, output_field=DateTimeField()))
        del row["reference_id"]
        changed = self._held(entry.reference_id, number).update(
            **values, **row, lease_until=seconds_from_now(self._lease)
        )
        if not changed:
            raise lease_lost(entry.reference_id)

    def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        if not self._held(reference_id, number).update(lease_until=seconds_from_now(self._lease)):
            raise lease_lost(reference_id)

    def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        self._held(reference_id, number).update(lease_until=None)

    def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""
        now = stored_time(datetime.now(UTC))
        self._own(reference_id).filter(OPEN).update(
            status=status, outcome=outcome, updated_at=now, ended_at=None if outcome is None else now
        )

    def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        row = self._own(reference_id).values(*ROW).first()
        return None if row is None else as_entry(row)

    def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        found = rows(self._alias).filter(OPEN)
        if after is not None:
            began_at = stored_time(after.began_at)
            same_time = Q(began_at=began_at, reference_id__gt=after.reference_id)
            found = found.filter(Q(began_at__gt=began_at) | same_time)
        if not with_live:
            found = found.filter(no_live_run())
        return [as_entry(row) for row in found.order_by("began_at", "reference_id").values(*ROW)[:limit]]

    def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        found = rows(self._alias).filter(OPEN, source_id=source_id, source_type=source_type).annotate(is_live=is_live())
        return [OpenPayment(entry=as_entry(row), is_live=bool(row["is_live"])) for row in found.values(*ROW, "is_live")]

    def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        return self._own(reference_id).filter(OPEN).filter(live_run()).exists()

    def _own(self, reference_id: UUID) -> QuerySet[Payment]:
        return rows(self._alias).filter(pk=reference_id)

    def _held(self, reference_id: UUID, number: int) -> QuerySet[Payment]:
        return self._own(reference_id).filter(lease_number=number, lease_until__isnull=False)
