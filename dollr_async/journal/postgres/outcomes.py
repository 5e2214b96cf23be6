"""What is handed out until it is handled, in PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.sql import Identifier

from dollr_async.base.errors import InvalidInputError, JournalError
from dollr_async.journal.moving import moved
from dollr_async.journal.outcome_protocol import EndedPayment, already_handled, cannot_close
from dollr_async.journal.postgres.failures import explained
from dollr_async.journal.postgres.rows import ended_of, entry_of
from dollr_async.journal.postgres.schema import IDENTITY

if TYPE_CHECKING:
    from dollr_async.journal.postgres.database import Attempt, Database

_CLOSE_ATTEMPTS = 10
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Outcomes:
    """The methods of `OutcomeJournal` about payments that have ended."""

    def __init__(self, database: Database) -> None:
        """Keep the outcomes in this database."""
        self._database = database

    async def hand_out(self, *, lease: float) -> EndedPayment | None:
        """Lease the payment that ended first, is not handled, and has no live run or hand-out."""
        token = uuid4()

        async def hand_out(attempt: Attempt) -> EndedPayment | None:
            row = await attempt.row("handed_out", token=token) if attempt.is_repeat else None
            row = row or await attempt.row("hand_out", token=token, seconds=lease)
            return None if row is None else ended_of(row)

        return await self._database.run(hand_out, undo=lambda attempt: attempt.row("take_back", token=token))

    async def unhandled(self, reference_id: UUID) -> EndedPayment | None:
        """Return the payment if it has ended, is not handled, and has no live run."""
        row = await self._database.run(lambda attempt: attempt.row("unhandled", reference_id=reference_id))
        return None if row is None else ended_of(row)

    async def unhandled_page(self, after: EndedPayment | None, *, limit: int) -> list[EndedPayment]:
        """Return the next such payments after one, by end and reference."""
        ended_at = _EARLIEST if after is None else after.ended_at
        reference_id = UUID(int=0) if after is None else after.entry.reference_id
        values = {"ended_at": ended_at, "reference_id": reference_id, "limit": max(limit, 0)}
        return [
            ended_of(row) for row in await self._database.run(lambda attempt: attempt.rows("unhandled_page", **values))
        ]

    async def set_hand_out(self, reference_id: UUID, number: int, seconds: float) -> bool:
        """Let a hand-out end in a number of seconds; return whether it is still the last one."""

        async def set_hand_out(attempt: Attempt) -> bool:
            row = await attempt.row("set_hand_out", reference_id=reference_id, number=number, seconds=seconds)
            return row is not None

        return await self._database.run(set_hand_out)

    async def mark_handled(self, ended: EndedPayment) -> None:
        """Mark this end of a payment as handled, durably."""
        values = {"reference_id": ended.entry.reference_id, "ended_at": ended.ended_at, "token": uuid4()}

        async def mark(attempt: Attempt) -> None:
            if await attempt.row("mark", **values):
                return
            found = await attempt.row("read", reference_id=ended.entry.reference_id)
            # An earlier attempt may have marked it.
            if found is None or found["handled_token"] != values["token"]:
                raise already_handled(ended.entry.reference_id)

        await self._database.run(mark)

    async def mark_in_transaction(self, ended: EndedPayment, connection: object) -> None:
        """Mark this end of a payment as handled, in the open transaction of the caller's connection."""
        mine = _usable(connection)
        await self._database.known_identity()
        try:
            async with mine.cursor(row_factory=dict_row, binary=True) as cursor:
                if not await self._has_journal(cursor):
                    raise InvalidInputError(_another_database(self._database.schema))
                values = {"reference_id": ended.entry.reference_id, "ended_at": ended.ended_at, "token": uuid4()}
                values["identity"] = self._database.identity
                await cursor.execute(self._database.statements["mark_in_transaction"], values, prepare=False)
                rows = await cursor.fetchall()
        except psycopg.Error as error:
            raise self._explained(error, ended.entry.reference_id) from error
        if not rows or rows[0]["identity"] != self._database.identity:
            raise InvalidInputError(_another_database(self._database.schema))
        if rows[0]["moved_to"] is not None:
            raise moved(self._database.name, rows[0]["moved_to"])
        if not rows[0]["found"]:
            raise already_handled(ended.entry.reference_id)

    async def close_payment(self, reference_id: UUID, outcome: str, reason: str) -> None:
        """Give an open payment an outcome that a person has decided."""

        async def close(attempt: Attempt) -> None:
            for _ in range(_CLOSE_ATTEMPTS):
                row = await attempt.row("read", reference_id=reference_id)
                if attempt.is_repeat and row is not None and (row["outcome"], row["reason"]) == (outcome, reason):
                    return  # an earlier attempt has closed it
                entry = None if row is None else entry_of(row)
                is_live, is_handled = bool(row and row["is_live"]), bool(row and row["handled_at"])
                refusal = cannot_close(reference_id, entry, is_live=is_live, is_handled=is_handled)
                if refusal is not None or entry is None:
                    raise refusal or AssertionError
                known = entry.outcome
                if await attempt.row("close", reference_id=reference_id, outcome=outcome, reason=reason, known=known):
                    return
                # Between the two statements something else changed it.
            raise JournalError(f"payment {reference_id} changes all the time: try again. Nothing was changed")

        await self._database.run(close)

    async def has_work(self, *, since: datetime) -> bool:
        """Whether an outcome is not handled, or a payment that began after `since` is open and executed or live."""
        return await self._database.run(lambda attempt: attempt.row("has_work", since=since)) is not None

    async def purge(self, *, handled_before: datetime, limit: int) -> int:
        """Delete at most `limit` payments that were handled before this time, and return how many were deleted."""
        deleted = await self._database.run(
            lambda attempt: attempt.rows("purge", before=handled_before, limit=max(limit, 0))
        )
        return len(deleted)

    async def _has_journal(self, cursor: psycopg.AsyncCursor[Any]) -> bool:
        # Asked first, since an error of a missing table would end the caller's transaction.
        name = Identifier(self._database.schema, IDENTITY).as_string(None)
        await cursor.execute("SELECT to_regclass(%s) IS NOT NULL AS is_there", (name,), prepare=False)
        row = await cursor.fetchone()
        return row is not None and row["is_there"]

    def _explained(self, error: psycopg.Error, reference_id: UUID) -> JournalError:
        if isinstance(error, errors.SerializationFailure | errors.DeadlockDetected):
            sentence = (
                f"payment {reference_id} was changed by another transaction at the same time: roll your transaction "
                "back; if the outcome is not handled then, it is handed out again"
            )
            return JournalError(sentence)
        return explained(error, schema=self._database.schema, is_open=True, may_have_changed=False)


def _usable(connection: object) -> AsyncConnection[Any]:
    """Return the caller's connection, if it is in a transaction or will begin one."""
    if not isinstance(connection, AsyncConnection):
        sentence = (
            "handled() takes a psycopg.AsyncConnection that is in a transaction of yours, as in `async with "
            f"pool.connection() as connection`, not a {type(connection).__module__}.{type(connection).__qualname__}"
        )
        raise InvalidInputError(sentence)
    if connection.closed:
        raise InvalidInputError("the connection for handled() is closed: give one that is in an open transaction")
    status = connection.info.transaction_status
    if status == TransactionStatus.INERROR:
        raise InvalidInputError("the transaction of this connection has failed: roll it back; nothing was marked")
    if status == TransactionStatus.IDLE and connection.autocommit:
        sentence = (
            "the connection for handled() is in autocommit and in no transaction, so your change and the mark would "
            "not commit together: put both into `async with connection.transaction():`"
        )
        raise InvalidInputError(sentence)
    return connection


def _another_database(schema: str) -> str:
    return (
        f"the connection for handled() is to another database than that of this journal (schema {schema!r}): give a "
        "connection to the journal's database, or call handled() without one, which marks at least once"
    )
