"""The demo: one payment on a sandbox of this process, told as a row of events."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionStatus, SourceType
from dollr_async.base.errors import DollrError
from dollr_async.client import DollrClient
from dollr_async.flows.arguments import Card, LineItem, MobileMoney, Payer
from dollr_async.following.policy import PollPolicy
from dollr_async.sandbox import AfterSeconds, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from dollr_async.flows.handles import Collection
    from dollr_async.resources.invoices import InvoiceReceipt
    from dollr_async.resources.orders import OrderReceipt

CURRENCY = "USD"
_CLOCK = LoopClock()
_LATENCY = 0.05
_PATIENCE = 6.0
_ITEMS = (LineItem("Strategy session", Decimal("250.00")), LineItem("Workbook", Decimal("12.50"), qty=2))


@attrs.frozen(kw_only=True)
class Job:
    """What is demonstrated; `seconds` is how long the payment takes from its execution to its end."""

    phone: str
    order: bool = False
    direct: bool = False
    card: bool = False
    seconds: float = 3.0


@attrs.frozen(kw_only=True)
class Began:
    """The sandbox listens at `url`, and the payer is about to be asked for `amount`."""

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
    """A step of the chain was done and made `id`, in `ms` milliseconds."""

    event: str = attrs.field(default="step", init=False)
    step: str
    id: object
    ms: float


@attrs.frozen(kw_only=True)
class StatusSeen:
    """The payment changed, `seconds` after its execution was accepted."""

    event: str = attrs.field(default="status", init=False)
    reference_id: str
    status: str
    previous: str | None
    is_final: bool
    seconds: float
    at: datetime


@attrs.frozen(kw_only=True)
class Line:
    """A line of the receipt; `amount` is for one."""

    name: str
    qty: int
    amount: Decimal


@attrs.frozen(kw_only=True)
class ReceiptFetched:
    """What the payer paid, what it cost, and what the merchant received."""

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
    """All is over, in `seconds`; `error` says why the money did not arrive, `charges` how often it was taken."""

    event: str = attrs.field(default="ended", init=False)
    ok: bool
    charges: int
    seconds: float
    error: str | None = None
    message: str | None = None


Event = Began | StepDone | StatusSeen | ReceiptFetched | Ended


async def run(job: Job, show: Callable[[Event], None]) -> bool:
    """Collect one payment on a sandbox of its own, and return whether the money arrived.

    Raises:
        InvalidInputError: the job's phone is not an international number.
    """
    payer = Payer(fullname="Amara Kamara", phone=job.phone, country_code="LR" if job.phone.startswith("231") else None)
    began = _CLOCK.monotonic()
    async with _sandbox(job) as (sandbox, dollr):
        show(_began(job, payer, sandbox.url))
        error: DollrError | None = None
        try:
            await _pay(job, payer, dollr, show)
        except DollrError as failure:
            error = failure
        ended = Ended(
            ok=error is None,
            charges=sum(entry.status == ExecutionStatus.COMPLETED for entry in sandbox.ledger),
            seconds=round(_CLOCK.monotonic() - began, 3),
            error=type(error).__name__ if error else None,
            message=str(error) if error else None,
        )
    show(ended)
    return ended.ok


@contextlib.asynccontextmanager
async def _sandbox(job: Job) -> AsyncIterator[tuple[Sandbox, DollrClient]]:
    settlement = AfterSeconds(processing=job.seconds / 3, final=job.seconds)
    polling = PollPolicy(interval=0.2, max_interval=0.2, timeout=job.seconds + _PATIENCE)
    async with (
        Sandbox(settlement=settlement, latency=_LATENCY) as sandbox,
        DollrClient(**sandbox.settings, polling=polling) as dollr,
    ):
        yield sandbox, dollr


async def _pay(job: Job, payer: Payer, dollr: DollrClient, show: Callable[[Event], None]) -> None:
    with _steps_shown(show):
        collection = await dollr.collect(
            payer=payer,
            items=_ITEMS,
            currency=CURRENCY,
            pay_with=Card(account_name=payer.fullname) if job.card else MobileMoney(),
            source_type=SourceType.ORDER if job.order else SourceType.INVOICE,
            direct=job.direct,
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


class _StepHandler(logging.Handler):
    """Hands each step on as it is logged."""

    def __init__(self, show: Callable[[Event], None]) -> None:
        super().__init__(logging.DEBUG)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        facts = vars(record)
        if "dollr_step" in facts:
            milliseconds = round(facts["dollr_elapsed"] * 1000, 1)
            self._show(StepDone(step=facts["dollr_step"], id=facts["dollr_id"], ms=milliseconds))


@contextlib.contextmanager
def _steps_shown(show: Callable[[Event], None]) -> Iterator[None]:
    logger, handler = logging.getLogger("dollr_async.collect"), _StepHandler(show)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _began(job: Job, payer: Payer, url: str) -> Began:
    return Began(
        url=url,
        payer=payer.fullname,
        phone=payer.phone,
        amount=sum((item.total for item in _ITEMS), Decimal(0)),
        currency=CURRENCY,
        pay_with="card" if job.card else "mobile money",
        source_type=SourceType.ORDER if job.order else SourceType.INVOICE,
        direct=job.direct,
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
