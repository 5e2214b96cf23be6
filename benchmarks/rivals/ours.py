"""This library."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.harness.stub_answers import REFERENCE
from benchmarks.rivals.by_hand import NAME, PHONE
from dollr_async import DollrClient, LineItem, NewParty, Payer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Ours:
    """The measured work, done by this library."""

    def __init__(self, dollr: DollrClient) -> None:
        """Work with this client."""
        self._dollr = dollr

    async def status(self) -> None:
        """Check a payment's status."""
        await self._dollr.status.collection(REFERENCE)

    async def party(self) -> None:
        """Create a party."""
        await self._dollr.parties.create(NewParty(fullname=NAME, phone=PHONE, country_code="LR"))

    async def direct(self) -> None:
        """Collect by one checkout."""
        await self._collect(direct=True)

    async def document_first(self) -> None:
        """Collect for an invoice, step by step."""
        await self._collect(direct=False)

    async def _collect(self, *, direct: bool) -> None:
        await self._dollr.collect(
            payer=Payer(fullname=NAME, phone=PHONE, country_code="LR"),
            items=[LineItem(name="Panel", amount=Decimal("120.50"))],
            currency="USD",
            direct=direct,
        )


@asynccontextmanager
async def ours(url: str, _: int) -> AsyncIterator[Ours]:
    """Open a client as users do."""
    async with DollrClient("client", "secret", base_url=url) as dollr:
        yield Ours(dollr)
