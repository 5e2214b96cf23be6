"""The SQL of outcomes: who follows an open payment, who handles an outcome, and what is handled.

Leases use the clock of the runs' leases and end with their process. What was put off uses the time of day, since it
outlives a restart of the host.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dollr_async.journal.outcome_protocol import EndedPayment, OpenPayment, already_handled, cannot_close
from dollr_async.journal.rows import from_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from uuid import UUID

# `is_free` is a function of the connection: whether a lease is over. Values are always bound.
_NO_LIVE_RUN = "(lease_owner IS NULL OR is_free(lease_owner, lease_until))"
_JOIN = "INSERT OR REPLACE INTO workers (name, owner, until) VALUES (?, ?, ?)"
_LEAVE = "DELETE FROM workers WHERE name = ?"
_DEAD = "SELECT name FROM workers WHERE is_free(owner, until)"
_FREE = "UPDATE payments SET follower = NULL WHERE follower = ?"
_NOT_FOLLOWED = (
    "SELECT * FROM payments WHERE outcome IS NULL AND sends > 0 AND follower IS NULL "  # noqa: S608 - see above
    f"AND (:is_early OR check_at IS NULL OR check_at <= :now) AND {_NO_LIVE_RUN} "
    "ORDER BY check_at, began_at LIMIT :limit"
)
_FOLLOW = "UPDATE payments SET follower = ? WHERE reference_id = ?"
_PUT_OFF = "UPDATE payments SET follower = NULL, check_at = ? WHERE reference_id = ? AND follower = ?"
_NOT_HANDED_OUT = (
    "SELECT * FROM payments WHERE outcome IS NOT NULL AND handled_at IS NULL "  # noqa: S608 - see above
    "AND (hand_out_after IS NULL OR hand_out_after <= :now) "
    f"AND (hand_out_owner IS NULL OR is_free(hand_out_owner, hand_out_until)) AND {_NO_LIVE_RUN} "
    "ORDER BY ended_at LIMIT 1"
)
_HAND_OUT = (
    "UPDATE payments SET hand_out_number = ?, hand_out_owner = ?, hand_out_until = ?, hand_out_after = NULL "
    "WHERE reference_id = ?"
)
_RENEW = (
    "UPDATE payments SET hand_out_until = ? "
    "WHERE reference_id = ? AND hand_out_number = ? AND hand_out_owner = ? AND handled_at IS NULL"
)
_GIVE_BACK = (
    "UPDATE payments SET hand_out_owner = NULL, hand_out_after = ? WHERE reference_id = ? AND hand_out_number = ?"
)
_MARK = (
    "UPDATE payments SET handled_at = ?, hand_out_owner = NULL "
    "WHERE reference_id = ? AND ended_at = ? AND handled_at IS NULL"
)
_CLOSE = (
    "UPDATE payments SET outcome = :outcome, reason = :reason, updated_at = :now, ended_at = :now, "
    "hand_out_owner = NULL, hand_out_after = NULL WHERE reference_id = :reference"
)
_READ = f"SELECT *, {_NO_LIVE_RUN} AS has_no_live_run FROM payments WHERE reference_id = ?"  # noqa: S608 - see above
_HAS_WORK = (
    "SELECT EXISTS (SELECT 1 FROM payments WHERE outcome IS NOT NULL AND handled_at IS NULL) "  # noqa: S608 - see above
    "OR EXISTS (SELECT 1 FROM payments WHERE outcome IS NULL AND began_at > ? "
    f"AND (sends > 0 OR NOT {_NO_LIVE_RUN})) AS has_work"
)
_PURGE = (
    "DELETE FROM payments WHERE reference_id IN "
    "(SELECT reference_id FROM payments WHERE handled_at < ? ORDER BY handled_at LIMIT ?)"
)


class Outcomes:
    """The statements of one open file. Each runs inside the transaction of a change."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        owner: str,
        *,
        now: Callable[[], float],
        time_of_day: Callable[[], float],
    ) -> None:
        """Use this connection; `owner` is the name under which this opening of the file holds leases."""
        self._connection, self._owner = connection, owner
        self._now, self._time_of_day = now, time_of_day

    def follow(self, worker: str, *, limit: int, lease: float, is_early: bool) -> list[OpenPayment]:
        """Make a worker the follower of open payments that no living worker follows."""
        self._connection.execute(_JOIN, (worker, self._owner, self._now() + lease))
        if not limit:
            return []
        for dead in self._connection.execute(_DEAD).fetchall():
            self._free(dead["name"])
        values = {"is_early": is_early, "now": self._time_of_day(), "limit": limit}
        rows = self._connection.execute(_NOT_FOLLOWED, values).fetchall()
        self._connection.executemany(_FOLLOW, [(worker, row["reference_id"]) for row in rows])
        return [OpenPayment(entry=from_row(row), was_postponed=row["check_at"] is not None) for row in rows]

    def stop_following(self, worker: str, reference_id: UUID | None, *, check_again_in: float) -> None:
        """Follow one payment no longer, or with None all that this worker follows."""
        if reference_id is None:
            self._free(worker)
        else:
            check_at = self._time_of_day() + check_again_in
            self._connection.execute(_PUT_OFF, (check_at, str(reference_id), worker))

    def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out."""
        row = self._connection.execute(_NOT_HANDED_OUT, {"now": self._time_of_day()}).fetchone()
        if row is None:
            return None
        number = row["hand_out_number"] + 1
        self._connection.execute(_HAND_OUT, (number, self._owner, self._now() + lease, row["reference_id"]))
        ended_at = datetime.fromisoformat(row["ended_at"])
        return EndedPayment(entry=from_row(row), ended_at=ended_at, number=number, reason=row["reason"])

    def renew_hand_out(self, reference_id: UUID, number: int, *, lease: float) -> bool:
        """Let the lease of a hand-out last `lease` seconds from now."""
        values = (self._now() + lease, str(reference_id), number, self._owner)
        return self._connection.execute(_RENEW, values).rowcount > 0

    def give_back(self, reference_id: UUID, number: int, *, delay: float) -> None:
        """End the lease of a hand-out."""
        self._connection.execute(_GIVE_BACK, (self._time_of_day() + delay, str(reference_id), number))

    def mark_handled(self, ended: EndedPayment) -> None:
        """Mark this end of a payment as handled."""
        reference_id = ended.entry.reference_id
        values = (plain_now(), str(reference_id), plain(ended.ended_at))
        if not self._connection.execute(_MARK, values).rowcount:
            raise already_handled(reference_id)

    def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided."""
        row = self._connection.execute(_READ, (str(reference_id),)).fetchone()
        refusal = cannot_close(
            reference_id,
            None if row is None else from_row(row),
            is_live=row is not None and not row["has_no_live_run"],
            is_handled=row is not None and row["handled_at"] is not None,
        )
        if refusal is not None:
            raise refusal
        values = {"outcome": outcome, "reason": reason, "now": plain_now(), "reference": str(reference_id)}
        self._connection.execute(_CLOSE, values)

    def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a young payment is open and executed or live."""
        return bool(self._connection.execute(_HAS_WORK, (plain(since),)).fetchone()["has_work"])

    def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete payments that were handled before this time."""
        return self._connection.execute(_PURGE, (plain(handled_before), limit)).rowcount

    def _free(self, worker: str) -> None:
        self._connection.execute(_FREE, (worker,))
        self._connection.execute(_LEAVE, (worker,))


def plain_now() -> str:
    """Return the time of day as a row holds it."""
    return plain(datetime.now(UTC))


def plain(moment: datetime) -> str:
    """Return a time as a row holds it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
