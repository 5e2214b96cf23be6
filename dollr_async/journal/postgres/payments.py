"""The entries of a journal in PostgreSQL and their leases."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import attrs

from dollr_async.base.errors import JournalError
from dollr_async.journal.outcome_protocol import OpenPayment, must_be_durable
from dollr_async.journal.postgres.rows import entry_of, values
from dollr_async.journal.protocol import Claim, lease_lost

if TYPE_CHECKING:
    from dollr_async.journal.entry import Entry
    from dollr_async.journal.postgres.database import Attempt, Database, Row

_PAGE = 500
"""Entries that are read at once."""
_CLAIM_ATTEMPTS = 10


@attrs.define
class _Lease:
    """A lease that this journal holds.

    The token is random: it says whose lease it is also where a number was given twice, after a server was replaced by a
    replica that was behind. Writes are counted, so that a late one never replaces a later one.
    """

    token: UUID
    writes: int = 0


class Payments:
    """The methods of `Journal` and `IndexedJournal`."""

    def __init__(self, database: Database, *, lease: float) -> None:
        """Keep the payments in this database."""
        self._database, self._lease = database, lease
        self._held: dict[tuple[UUID, int], _Lease] = {}

    async def claim(self, entry: Entry) -> Claim:
        """Keep a new entry, or find the one with its reference, and take the lease unless a live run holds it."""
        token = uuid4()

        async def claim(attempt: Attempt) -> Claim:
            return await self._claim(attempt, entry, token)

        async def undo(attempt: Attempt) -> None:
            await self._release(attempt, {entry.reference_id: token})

        claim_made = await self._database.run(claim, undo=undo)
        if claim_made.number is not None:
            self._held[entry.reference_id, claim_made.number] = _Lease(token)
        return claim_made

    async def write(self, entry: Entry, number: int) -> None:
        """Replace an entry whose lease this run still holds, and renew the lease."""
        lease = self._lease_of(entry.reference_id, number)
        lease.writes += 1
        writes = lease.writes
        statement = "write_durably" if must_be_durable(entry) else "write"

        async def write(attempt: Attempt) -> None:
            written = await attempt.row(
                statement, **values(entry), number=number, token=lease.token, writes=writes, seconds=self._lease
            )
            if written is None:
                found = await attempt.row("read", reference_id=entry.reference_id)
                # An earlier attempt, or a later write of this run, has been there.
                if found is None or found["lease_token"] != lease.token or found["lease_writes"] < writes:
                    raise lease_lost(entry.reference_id)

        await self._database.run(write)

    async def renew(self, reference_id: UUID, number: int) -> None:
        """Renew a lease."""
        token = self._lease_of(reference_id, number).token

        async def renew(attempt: Attempt) -> None:
            if not await attempt.row(
                "renew", reference_id=reference_id, number=number, token=token, seconds=self._lease
            ):
                raise lease_lost(reference_id)

        await self._database.run(renew)

    async def release(self, reference_id: UUID, number: int) -> None:
        """Give a lease back. A lease that another run holds now is left alone."""
        lease = self._held.pop((reference_id, number), None)
        if lease is None:
            return
        token = lease.token
        await self._database.run(lambda attempt: self._release(attempt, {reference_id: token}))

    async def release_all(self, attempt: Attempt) -> None:
        """Give every lease back that this journal holds."""
        if self._held:
            await self._release(attempt, {reference: lease.token for (reference, _), lease in self._held.items()})

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        """Keep a status that a status check found, unless the payment has its outcome already."""

        async def settle(attempt: Attempt) -> None:
            await attempt.row("settle", reference_id=reference_id, status=status, outcome=outcome)

        # Thousands may settle at once, and whoever begins a payment or handles an outcome must not wait for them.
        await self._database.run(settle, in_turn=True)

    async def read(self, reference_id: UUID) -> Entry | None:
        """Return the entry of a reference, or None."""
        row = await self._read(reference_id)
        return None if row is None else entry_of(row)

    async def is_live(self, reference_id: UUID) -> bool:
        """Return whether the payment is open and a live run works on it."""
        row = await self._read(reference_id)
        return row is not None and row["outcome"] is None and row["is_live"]

    async def unfinished(self, *, with_live: bool) -> list[Entry]:
        """Return the open entries that no live run works on, the oldest first; `with_live` adds the others."""
        found: list[Entry] = []
        page: list[Entry] = []
        while not found or len(page) == _PAGE:
            page = await self.unfinished_page(found[-1] if found else None, limit=_PAGE, with_live=with_live)
            found += page
            if not page:
                break
        return found

    async def unfinished_page(self, after: Entry | None, *, limit: int, with_live: bool) -> list[Entry]:
        """Return the next open entries after one, by start time and reference."""
        rows = await self._database.run(
            lambda attempt: attempt.rows(
                "page",
                began_at="-infinity" if after is None else after.began_at,
                reference_id=UUID(int=0) if after is None else after.reference_id,
                with_live=with_live,
                limit=limit,
            )
        )
        return [entry_of(row) for row in rows]

    async def unfinished_of_source(self, source_type: str, source_id: int) -> list[OpenPayment]:
        """Return the open payments of a document, live ones too."""
        rows = await self._database.run(
            lambda attempt: attempt.rows("of_source", source_type=source_type, source_id=source_id)
        )
        return [OpenPayment(entry=entry_of(row), is_live=row["is_live"]) for row in rows]

    async def _claim(self, attempt: Attempt, entry: Entry, token: UUID) -> Claim:
        if await attempt.row("create", **values(entry), token=token, seconds=self._lease):
            return Claim(entry=entry, number=1, is_new=True)
        reference_id = entry.reference_id
        for _ in range(_CLAIM_ATTEMPTS):
            taken = await attempt.row("take", reference_id=reference_id, token=token, seconds=self._lease)
            found = taken or await attempt.row("read", reference_id=reference_id)
            if found is not None and (taken or found["is_live"]):
                is_mine = bool(taken) or found["lease_token"] == token
                number = found["lease_number"] if is_mine else None
                # It is new also where an earlier attempt has made it.
                return Claim(entry=entry_of(found), number=number, is_new=is_mine and number == 1)
            # Between the two statements its lease ended, or it was purged.
        raise JournalError(f"payment {reference_id} changes all the time: try again. Nothing was sent")

    async def _release(self, attempt: Attempt, tokens: dict[UUID, UUID]) -> None:
        channel = channel_of(self._database)
        await attempt.rows("release", references=list(tokens), tokens=list(tokens.values()), channel=channel)

    def _lease_of(self, reference_id: UUID, number: int) -> _Lease:
        lease = self._held.get((reference_id, number))
        if lease is None:
            raise lease_lost(reference_id)
        return lease

    async def _read(self, reference_id: UUID) -> Row | None:
        return await self._database.run(lambda attempt: attempt.row("read", reference_id=reference_id))


def channel_of(database: Database) -> str:
    """Return the name of the channel by which it is said that a lease was given back."""
    if database.identity is None:
        raise AssertionError
    return f"dollr_{database.identity.hex}"
