"""The demo: one payment on a sandbox in this process, reported as a series of events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async.base import observing
from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionStatus, SourceType
from dollr_async.base.errors import DollrError
from dollr_async.client import DollrClient
from dollr_async.flows.arguments import Card, LineItem, MobileMoney, Payer
from dollr_async.following.policy import PollPolicy
from dollr_async.sandbox import AfterSeconds, Sandbox

if TYPE_CHECKING:
    from dollr_async.flows.handles import Collection
    from dollr_async.resources.invoices import InvoiceReceipt
    from dollr_async.resources.orders import OrderReceipt

CURRENCY = "USD"
_CLOCK = LoopClock()
_LATENCY = 0.05
_EXTRA_TIMEOUT = 6.0
_KEEP_REQUESTS = 1000
"""How many requests a sandbox that stays remembers."""
_ITEMS = (LineItem("Strategy session", Decimal("250.00")), LineItem("Workbook", Decimal("12.50"), qty=2))


@attrs.frozen(kw_only=True)
class Options:
    """Which payment the demo makes; `seconds` is the time from its execution to its final status."""

    phone: str
    order: bool = False
    direct: bool = False
    card: bool = False
    seconds: float = 3.0


@attrs.frozen(kw_only=True)
class Began:
    """The sandbox listens at `url`, and the payment of `amount` starts."""

    event: str = attrs.field(default="began", init=False)
    url: str
    payer: str
    phone: str
    amount: Decimal
    currency: str
    pay_with: str
    source_type: str
    direct: bool


@attrs.frozen(kw_only=True)
class StepDone:
    """A step was done. It made `id` and took `ms` milliseconds."""

    event: str = attrs.field(default="step", init=False)
    step: str
    id: object
    ms: float


@attrs.frozen(kw_only=True)
class StatusSeen:
    """The status changed, `seconds` after the execution was accepted."""

    event: str = attrs.field(default="status", init=False)
    reference_id: str
    status: str
    previous: str | None
    is_final: bool
    seconds: float
    at: datetime


@attrs.frozen(kw_only=True)
class Line:
    """A line of the receipt. `amount` is for one unit."""

    name: str
    qty: int
    amount: Decimal


@attrs.frozen(kw_only=True)
class ReceiptFetched:
    """What the payer paid, the fees, and what the merchant received."""

    event: str = attrs.field(default="receipt", init=False)
    number: str
    reference_id: str
    lines: tuple[Line, ...]
    paid: Decimal | None
    paid_currency: str | None
    platform_fee: Decimal | None
    gateway_fee: Decimal | None
    received: Decimal | None
    received_currency: str | None


@attrs.frozen(kw_only=True)
class Ended:
    """The demo ended after `seconds`. `error` says why no money arrived, `charges` how often the payer was charged."""

    event: str = attrs.field(default="ended", init=False)
    ok: bool
    charges: int
    seconds: float
    error: str | None = None
    message: str | None = None


@attrs.frozen(kw_only=True)
class Staying:
    """The sandbox goes on at `url`. `opened` says whether a browser shows its pages."""

    event: str = attrs.field(default="staying", init=False)
    url: str
    opened: bool


Event = Began | StepDone | StatusSeen | ReceiptFetched | Ended | Staying


@attrs.frozen(kw_only=True)
class Stay:
    """Show the sandbox's pages, and leave it running after the payment.

    `open_page` opens an address in a browser and returns whether it could; it may block. `until_stopped` waits until
    the person has seen enough.
    """

    open_page: Callable[[str], bool]
    until_stopped: Callable[[], Awaitable[object]]


async def run(options: Options, show: Callable[[Event], None], stay: Stay | None = None) -> bool:
    """Collect one payment on a new sandbox, and return whether the money arrived.

    With `stay` the sandbox's pages are shown, and it goes on until `stay.until_stopped` returns.

    Raises:
        InvalidInputError: the phone is not an international number.
    """
    payer = Payer(
        fullname="Amara Kamara", phone=options.phone, country_code="LR" if options.phone.startswith("231") else None
    )
    settlement = AfterSeconds(processing=options.seconds / 3, final=options.seconds)
    began = _CLOCK.monotonic()
    async with Sandbox(settlement=settlement, latency=_LATENCY, keep_requests=_KEEP_REQUESTS) as sandbox:
        show(_began(options, payer, sandbox.url))
        opened = stay is not None and await asyncio.to_thread(stay.open_page, sandbox.url)
        error = await _error_of(options, payer, sandbox, show)
        ended = Ended(
            ok=error is None,
            charges=sum(entry.status == ExecutionStatus.COMPLETED for entry in sandbox.ledger),
            seconds=round(_CLOCK.monotonic() - began, 3),
            error=type(error).__name__ if error else None,
            message=str(error) if error else None,
        )
        show(ended)
        if stay is not None:
            show(Staying(url=sandbox.url, opened=opened))
            await stay.until_stopped()
    return ended.ok


async def _error_of(
    options: Options, payer: Payer, sandbox: Sandbox, show: Callable[[Event], None]
) -> DollrError | None:
    """Pay, and return what went wrong, or None."""
    polling = PollPolicy(interval=0.2, max_interval=0.2, timeout=options.seconds + _EXTRA_TIMEOUT)
    async with DollrClient(**sandbox.settings, polling=polling, observer=_StepObserver(show)) as dollr:
        try:
            await _pay(options, payer, dollr, show)
        except DollrError as error:
            return error
    return None


async def _pay(options: Options, payer: Payer, dollr: DollrClient, show: Callable[[Event], None]) -> None:
    collection = await dollr.collect(
        payer=payer,
        items=_ITEMS,
        currency=CURRENCY,
        pay_with=Card(account_name=payer.fullname) if options.card else MobileMoney(),
        source_type=SourceType.ORDER if options.order else SourceType.INVOICE,
        direct=options.direct,
    )
    await _follow(collection, show)
    await collection.wait()
    show(_receipt(await collection.receipt(), collection))


async def _follow(collection: Collection, show: Callable[[Event], None]) -> None:
    accepted = _CLOCK.monotonic()
    async for change in collection:
        seen = StatusSeen(
            reference_id=str(change.reference_id),
            status=change.status,
            previous=change.previous,
            is_final=change.is_final,
            seconds=round(_CLOCK.monotonic() - accepted, 3),
            at=change.at,
        )
        show(seen)


class _StepObserver:
    """Reports each step that was done."""

    def __init__(self, show: Callable[[Event], None]) -> None:
        self._show = show

    def observe(self, event: observing.Event) -> None:
        """Take an event of the client."""
        if isinstance(event, observing.StepEnded) and event.error is None:
            self._show(StepDone(step=event.step, id=event.id, ms=round(event.seconds * 1000, 1)))


def _began(options: Options, payer: Payer, url: str) -> Began:
    return Began(
        url=url,
        payer=payer.fullname,
        phone=payer.phone,
        amount=sum((item.total for item in _ITEMS), Decimal(0)),
        currency=CURRENCY,
        pay_with="card" if options.card else "mobile money",
        source_type=SourceType.ORDER if options.order else SourceType.INVOICE,
        direct=options.direct,
    )


def _receipt(receipt: InvoiceReceipt | OrderReceipt, collection: Collection) -> ReceiptFetched:
    return ReceiptFetched(
        number=receipt.number,
        reference_id=str(collection.reference_id),
        lines=tuple(Line(name=item.name, qty=item.qty, amount=item.amount) for item in receipt.items),
        paid=receipt.payer_amount,
        paid_currency=receipt.payer_currency,
        platform_fee=receipt.platform_fee,
        gateway_fee=receipt.gateway_fee,
        received=receipt.payee_amount,
        received_currency=receipt.payee_currency,
    )
