"""A merchant with a past: documents that were paid, one that waits for its payer, and one with a hosted page."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from dollr_async import DecodeError, DollrClient, LineItem, Payer, SourceType
from dollr_async.base.secret import Secret
from dollr_async.checking.check import Access, Report, make_report
from dollr_async.sandbox import Quirks, Sandbox
from tests.support.collections import collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.checking.contract import Contract

PHONE = "231880001122"
NAMES = ("Amara Kamara", "Fatu Kollie", "Comfort Wreh")
_STAYS_PENDING = "231770000004"


def access(sandbox: Sandbox) -> Access:
    settings = sandbox.settings
    return Access(
        base_url=settings["base_url"],
        client_id=settings["client_id"],
        client_secret=Secret(settings["client_secret"]),
    )


async def trade(dollr: DollrClient) -> None:
    """Collect for an invoice and an order, begin a payment that nobody answers, and make a hosted page."""
    for source_type in (SourceType.INVOICE, SourceType.ORDER):
        payer = Payer(fullname=NAMES[0], phone="231771234567", email="amara@example.com")
        await dollr.wait(await _accepted(dollr, payer=payer, source_type=source_type))
    await _accepted(dollr, payer=Payer(fullname=NAMES[1], phone=_STAYS_PENDING))
    item = LineItem("Brass lamp", Decimal("12.34"))
    await dollr.hosted_checkout(payer=Payer(NAMES[2], PHONE), items=[item], currency="USD", note="for the veranda")


async def _accepted(dollr: DollrClient, **terms: Any) -> UUID:  # noqa: ANN401 - passed on
    """Begin a payment, also with a quirk that makes the answer to its execution unreadable."""
    reference_id = uuid4()
    with suppress(DecodeError):
        await collect(dollr, reference_id=reference_id, **terms)
    return reference_id


@asynccontextmanager
async def merchant(**quirks: Any) -> AsyncIterator[Sandbox]:  # noqa: ANN401 - the fields of Quirks
    """Run a sandbox with some quirks, and with a past."""
    credentials = {name: quirks.pop(name) for name in ("client_id", "client_secret") if name in quirks}
    async with Sandbox(quirks=Quirks(**quirks), **credentials) as sandbox:
        async with DollrClient(**sandbox.settings) as dollr:
            await trade(dollr)
        sandbox.advance(60.0)
        sandbox.requests.clear()
        yield sandbox


async def report_of(sandbox: Sandbox, contract: Contract, **options: Any) -> Report:  # noqa: ANN401 - passed on
    return await make_report(access(sandbox), contract=contract, **{"phone": PHONE, "drafts": True, **options})
