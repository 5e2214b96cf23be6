"""Copies a journal in PostgreSQL to another place, and refuses changes of the old one afterwards."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dollr_async.journal.moving import StoredPayment, cannot_move
from dollr_async.journal.postgres.rows import entry_of, values

if TYPE_CHECKING:
    from datetime import datetime

    from dollr_async.journal.postgres.database import Attempt, Database


class Moving:
    """The methods of `MovableJournal`."""

    def __init__(self, database: Database) -> None:
        """Move the payments of this database."""
        self._database = database

    async def move_to(self, place: str) -> None:
        """Refuse every later change, unless a live run works on a payment."""

        async def move(attempt: Attempt) -> None:
            async with attempt.transaction():
                # What was begun before is finished first, and what begins later sees that the journal was moved.
                await attempt.lock()
                row = await attempt.row("count_live") or {}
                refusal = cannot_move(self._database.name, live=row["live"], place=place, moved_to=row["moved_to"])
                if refusal is not None:
                    raise refusal
                if row["moved_to"] is None:
                    # A run whose lease has expired, and which still works, can write nothing more.
                    await attempt.rows("release_everything")
                    await attempt.rows("move", place=place)

        await self._database.run(move)

    async def export_page(self, after: UUID | None, *, limit: int) -> list[StoredPayment]:
        """Return the next payments by reference."""
        rows = await self._database.run(
            lambda attempt: attempt.rows("export", reference_id=after or UUID(int=0), limit=limit)
        )
        return [
            StoredPayment(
                entry=entry_of(row),
                lease_number=row["lease_number"],
                ended_at=_in_utc(row["ended_at"]),
                handled_at=_in_utc(row["handled_at"]),
                hand_out_number=row["hand_out_number"],
                reason=row["reason"],
            )
            for row in rows
        ]

    async def import_page(self, payments: list[StoredPayment]) -> None:
        """Keep payments of another journal: all of them or none."""

        async def keep(attempt: Attempt) -> None:
            async with attempt.transaction():
                for payment in payments:
                    await attempt.rows("import", **_row(payment))

        await self._database.run(keep)


def _row(payment: StoredPayment) -> dict[str, Any]:
    return values(payment.entry) | {
        "lease_number": payment.lease_number,
        "ended_at": payment.ended_at,
        "handled_at": payment.handled_at,
        "hand_out_number": payment.hand_out_number,
        "reason": payment.reason,
    }


def _in_utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)
