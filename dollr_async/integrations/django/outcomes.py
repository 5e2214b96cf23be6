"""The journal's statements about outcomes: who follows an open payment, who handles an outcome, and what is handled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from dollr_async.integrations.django.models import NOT_HANDLED, OPEN, Worker
from dollr_async.integrations.django.payments import is_live, live_run, locked, no_live_run, rows
from dollr_async.integrations.django.rows import (
    ROW,
    DatabaseClock,
    as_entry,
    read_time,
    seconds_from_now,
    stored_time,
)
from dollr_async.journal.outcome_protocol import EndedPayment, OpenPayment, already_handled, cannot_close

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from dollr_async.integrations.django.models import Payment

_ENDED_ROW = (*ROW, "hand_out_number", "reason")
_TOGETHER = 500
"""Rows that one statement names, since databases limit the values of a statement."""


class Outcomes:
    """The statements of one database. Each runs inside a transaction."""

    def __init__(self, alias: str) -> None:
        """Use this database."""
        self._alias = alias

    def follow(self, worker: str, *, limit: int, lease: float, is_early: bool) -> list[OpenPayment]:
        """Make a worker the follower of open payments that no living worker follows."""
        self._join(worker, lease)
        if not limit:
            return []
        self._free_dead()
        found = rows(self._alias).filter(OPEN, sends__gt=0, follower__isnull=True).filter(no_live_run())
        if not is_early:
            found = found.filter(check_at__lte=DatabaseClock())
        found = found.order_by("check_at", "began_at")
        taken: list[dict[str, Any]] = list(locked(found, self._alias, skip=True).values(*ROW, "check_at")[:limit])
        for start in range(0, len(taken), _TOGETHER):
            references = [row["reference_id"] for row in taken[start : start + _TOGETHER]]
            rows(self._alias).filter(pk__in=references).update(follower=worker)
        return [OpenPayment(entry=as_entry(row), was_postponed=row["check_at"] > 0.0) for row in taken]

    def stop_following(self, worker: str, reference_id: UUID | None, *, check_again_in: float) -> None:
        """Follow one payment no longer, or with None all that this worker follows."""
        if reference_id is None:
            self._free([worker])
        else:
            own = rows(self._alias).filter(pk=reference_id, follower=worker)
            own.update(follower=None, check_at=seconds_from_now(check_again_in))

    def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out."""
        free = Q(hand_out_until__isnull=True) | Q(hand_out_until__lte=DatabaseClock())
        found = self._unhandled().filter(free)
        first = locked(found.order_by("ended_at", "reference_id"), self._alias, skip=True)
        for row in first.values(*_ENDED_ROW)[:1]:
            number = row["hand_out_number"] + 1
            own = rows(self._alias).filter(pk=row["reference_id"])
            own.update(hand_out_number=number, hand_out_until=seconds_from_now(lease))
            return _ended(row, number)
        return None

    def unhandled(self, reference_id: UUID) -> EndedPayment | None:
        """Return the payment if it has ended, is not handled, and has no live run."""
        row: dict[str, Any] | None = self._unhandled().filter(pk=reference_id).values(*_ENDED_ROW).first()
        return None if row is None else _ended(row, row["hand_out_number"])

    def unhandled_page(self, after: EndedPayment | None, *, limit: int) -> list[EndedPayment]:
        """Return the next such payments after one, by end and reference."""
        found = self._unhandled()
        if after is not None:
            last = stored_time(after.ended_at)
            found = found.filter(Q(ended_at__gt=last) | Q(ended_at=last, reference_id__gt=after.entry.reference_id))
        page: list[dict[str, Any]] = list(found.order_by("ended_at", "reference_id").values(*_ENDED_ROW)[:limit])
        return [_ended(row, row["hand_out_number"]) for row in page]

    def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now."""
        return bool(self._handed_out(reference_id, number).update(hand_out_until=seconds_from_now(lease)))

    def give_back(self, reference_id: UUID, number: int, *, delay: float) -> None:
        """End the lease of a hand-out."""
        self._handed_out(reference_id, number).update(hand_out_until=seconds_from_now(delay))

    def mark_handled(self, ended: EndedPayment) -> None:
        """Mark this end of a payment as handled."""
        reference_id = ended.entry.reference_id
        this_end = rows(self._alias).filter(NOT_HANDLED, pk=reference_id, ended_at=stored_time(ended.ended_at))
        if not this_end.update(handled_at=stored_time(datetime.now(UTC)), hand_out_until=None):
            raise already_handled(reference_id)

    def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided."""
        own = rows(self._alias).filter(pk=reference_id)
        asked = locked(own, self._alias).annotate(is_live=is_live())
        row: dict[str, Any] | None = asked.values(*ROW, "handled_at", "is_live").first()
        refusal = cannot_close(
            reference_id,
            None if row is None else as_entry(row),
            is_live=row is not None and bool(row["is_live"]),
            is_handled=row is not None and row["handled_at"] is not None,
        )
        if refusal is not None:
            raise refusal
        now = stored_time(datetime.now(UTC))
        own.update(outcome=outcome, reason=reason, updated_at=now, ended_at=now, hand_out_until=None)

    def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a young payment is open and executed or live."""
        young = rows(self._alias).filter(OPEN, began_at__gt=_shown(since)).filter(Q(sends__gt=0) | live_run())
        return rows(self._alias).filter(NOT_HANDLED).exists() or young.exists()

    def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete payments that were handled before this time."""
        handled = rows(self._alias).filter(handled_at__lt=_shown(handled_before)).order_by("handled_at")
        references = list(handled.values_list("pk", flat=True)[:limit])
        deleted = 0
        for start in range(0, len(references), _TOGETHER):
            together = rows(self._alias).filter(pk__in=references[start : start + _TOGETHER])
            deleted += together.delete()[0]
        return deleted

    def _unhandled(self) -> QuerySet[Payment]:
        return rows(self._alias).filter(NOT_HANDLED).filter(no_live_run())

    def _handed_out(self, reference_id: UUID, number: int) -> QuerySet[Payment]:
        return rows(self._alias).filter(NOT_HANDLED, pk=reference_id, hand_out_number=number)

    def _join(self, worker: str, lease: float) -> None:
        workers, until = Worker.objects.using(self._alias), seconds_from_now(lease)
        if not workers.filter(pk=worker).update(until=until):
            workers.bulk_create([Worker(name=worker, until=until)])

    def _free_dead(self) -> None:
        dead = Worker.objects.using(self._alias).filter(until__lte=DatabaseClock())
        # One worker at a time frees what a dead one has followed.
        names = list(locked(dead, self._alias, skip=True).values_list("pk", flat=True))
        if names:
            self._free(names)

    def _free(self, workers: list[str]) -> None:
        rows(self._alias).filter(follower__in=workers).update(follower=None)
        Worker.objects.using(self._alias).filter(pk__in=workers).delete()


def _ended(row: dict[str, Any], number: int) -> EndedPayment:
    ended_at = read_time(row["ended_at"]).astimezone(UTC)
    return EndedPayment(entry=as_entry(row), ended_at=ended_at, number=number, reason=row["reason"])


def _shown(moment: datetime) -> datetime:
    """Return a time that every database can compare, whatever timezone it shows it in."""
    inside = max(moment, datetime(1971, 1, 1, tzinfo=UTC))
    return stored_time(inside) or inside
