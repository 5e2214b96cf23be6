"""What the contract tests share: a store that is opened for each test, example entries, and how a test fails."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID, uuid4

from dollr_async.journal.entry import Entry, Terms
from dollr_async.journal.protocol import Claim, Journal, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

J = TypeVar("J", bound=Journal)
BEGAN = datetime(2026, 1, 31, 23, 59, 59, 250_001, tzinfo=UTC)


def an_entry(*, began_at: datetime = BEGAN) -> Entry:
    """Return a new payment, with a new reference and nothing done yet."""
    terms = Terms(key_id="8c1f", digest="5e" * 32, amount=Decimal("250.10"), currency="USD", lines="250.10 x 1")
    return Entry(reference_id=uuid4(), kind="COLLECTION", began_at=began_at, updated_at=began_at, terms=terms)


def a_full_entry(reference_id: UUID) -> Entry:
    """Return a payment with this reference in which no field has its default value."""
    return Entry(
        reference_id=reference_id,
        kind="PAYOUT",
        began_at=BEGAN,
        updated_at=BEGAN + timedelta(seconds=3),
        terms=Terms(key_id="77aa", digest="0f" * 32, amount=Decimal("1E+3"), currency=None, lines=""),
        step="execution",
        source_type="INVOICE",
        source_id=310,
        source_number="INV-2026-00001",
        party_id=11,
        counterparty_id=77,
        payment_account_id=204,
        session_id=2**40,
        session_expires_at=BEGAN + timedelta(minutes=15),
        payer_currency="LRD",
        sends=3,
        session_sends=2,
        is_renewed=True,
        in_doubt=True,
        is_contested=True,
        status="AN_UNKNOWN_STATUS",
        outcome="COMPLETED",
    )


class StoreContract(Generic[J]):
    """How the tests of a contract open a journal, and how they run without pytest."""

    def journal(self) -> AbstractAsyncContextManager[J]:
        """Return an async context manager that opens an empty journal. Every test opens one."""
        raise NotImplementedError("return an async context manager that opens an empty journal")

    @asynccontextmanager
    async def another(self, journal: J) -> AsyncIterator[J]:
        """Open a second journal on the same store, as another process would. By default it is the same journal."""
        yield journal

    async def pass_time(self, seconds: float) -> None:
        """Let `seconds` pass for the leases. By default it waits in real time: open your journal with a short lease."""
        await asyncio.sleep(seconds)

    async def check(self) -> None:
        """Run every test without pytest."""
        for name in dir(self):
            if name.startswith("test_"):
                await getattr(self, name)()


async def claimed(journal: Journal, entry: Entry) -> int:
    """Claim an entry whose lease is free, and return the number of the lease."""
    claim: Claim = await journal.claim(entry)
    if claim.number is None:
        raise AssertionError("expected of this journal: a free lease")
    return claim.number


async def state(journal: Journal, entry: Entry) -> tuple[str | None, str | None]:
    """Return the status and the outcome of an entry."""
    found = await journal.read(entry.reference_id)
    expect(found is not None, "the entry to be there")
    return (None, None) if found is None else (found.status, found.outcome)


async def expect_lost(call: Awaitable[None]) -> None:
    """Fail unless the call raises a `LeaseLostError`."""
    try:
        await call
    except LeaseLostError:
        return
    raise AssertionError("expected of this journal: a LeaseLostError, since that run does not hold the lease")


def expect(truth: bool, wanted: str) -> None:  # noqa: FBT001 - it stands for assert, which -O would remove
    """Fail with what was expected, unless it is so."""
    if not truth:
        raise AssertionError(f"expected of this journal: {wanted}")
