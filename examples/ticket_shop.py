"""What the example shops and bots share: their orders, in SQLite, and what they tell a payer.

An order has the reference of its payment before any money moves. A second click finds it, and continues that payment.
Only an order whose payment failed, or surely did not run, gets a new one, with the details that the payer corrected.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, Self
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

from dollr_async import (
    AlreadyHandledError,
    CollectError,
    DollrClient,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    LineItem,
    Payer,
)

TICKET = [LineItem(name="Concert ticket", amount=10)]
ENDS = {
    "COMPLETED": "Thank you, you have paid. The ticket is yours.",
    "FAILED": "The payment failed, and nothing was charged. You may pay again, also from another phone.",
    "NOT_RUN": "The payment did not run, and nothing was charged. You may pay again.",
}
logger = logging.getLogger("shop")


class Order(NamedTuple):
    id: str
    payment: UUID
    payer: Payer
    status: str  # OPEN, then how its payment ended: COMPLETED (the ticket is delivered), FAILED or NOT_RUN


class Shop:
    """The orders of one process: its lock keeps two clicks apart. A call holds the event loop for some milliseconds."""

    def __init__(self, dollr: DollrClient) -> None:
        self.dollr = dollr
        self._database = sqlite3.connect("orders.db", isolation_level=None)
        self._orders("CREATE TABLE IF NOT EXISTS orders (id PRIMARY KEY, payment, name, phone, status)")
        self._locks = WeakValueDictionary[str, asyncio.Lock]()

    def _orders(self, statement: str, *values: str) -> list[Order]:
        rows = self._database.execute(statement, values).fetchall()
        return [Order(row[0], UUID(row[1]), Payer(row[2], row[3]), row[4]) for row in rows]

    def find(self, order_id: str) -> Order | None:
        return next(iter(self._orders("SELECT * FROM orders WHERE id = ?", order_id)), None)

    @asynccontextmanager
    async def attempt(self, order_id: str, payer: Payer) -> AsyncIterator[Order]:
        """Keep an order, or find it, and hold it while its payment begins: nobody else begins one meanwhile."""
        async with self._locks.setdefault(order_id, asyncio.Lock()):
            self._orders(
                "INSERT INTO orders VALUES (?, ?, ?, ?, 'OPEN') ON CONFLICT DO UPDATE SET payment = excluded.payment, "
                "name = excluded.name, phone = excluded.phone, status = 'OPEN' WHERE status IN ('FAILED', 'NOT_RUN')",
                *(order_id, str(uuid4()), payer.fullname, payer.phone),
            )
            (order,) = self._orders("SELECT * FROM orders WHERE id = ?", order_id)
            if order.status == "COMPLETED":
                raise AlreadyHandledError("You have paid for this order, and the ticket is yours.")
            try:
                yield order
            except CollectError:
                self.settle(order.payment, "NOT_RUN")
                raise

    async def statuses(self, order: Order) -> AsyncIterator[str]:
        """Yield each status of an order's payment, the final one last; in place of an error, its explanation."""
        try:
            async for change in self.dollr.watch(order.payment):
                yield change.status
        except DollrError as error:
            yield explain(error)[1]

    def settle(self, payment: UUID, status: str) -> list[Order]:
        """Keep how a payment ended, and return its order if its status has changed. A second call does no harm."""
        changed = "UPDATE orders SET status = ?2 WHERE payment = ?1 AND status IN ('OPEN', nullif(?2, 'NOT_RUN'))"
        return self._orders(f"{changed} RETURNING *", str(payment), status)

    @asynccontextmanager
    async def delivering(self, tell: Callable[[Order], Awaitable[object]] | None = None) -> AsyncIterator[Self]:
        """Settle each order whose payment ends, also one of an earlier process, and tell its payer."""

        async def deliver() -> None:
            async for outcome in self.dollr.outcomes():
                try:
                    for order in self.settle(outcome.reference_id, outcome.status):
                        await tell(order) if tell else None
                    await outcome.handled()
                except Exception:
                    logger.exception("payment %s is handed out again", outcome.reference_id)

        worker = asyncio.create_task(deliver())
        worker.add_done_callback(lambda _: worker.cancelled() or worker.result())  # the event loop logs why it ended
        try:
            yield self
        finally:
            worker.cancel()
            await asyncio.wait([worker])
            self._database.close()


def explain(error: Exception) -> tuple[int, str]:
    """Return the HTTP status of an error, and what its payer has to know."""
    if isinstance(error, AlreadyHandledError):
        return 409, str(error)
    if isinstance(error, InvalidInputError):
        return 422, f"Nothing was charged. {error}."
    if isinstance(error, CollectError) and isinstance(error.__cause__, InvalidRequestError):
        return 422, f"Nothing was charged. {error.__cause__.detail}."
    logger.warning("a payment did not begin, or its outcome is not known", exc_info=error)
    later = "We do not know yet whether you have paid. Please do not pay again: we will tell you."
    return (503, "Nothing was charged. Try again later.") if isinstance(error, CollectError) else (202, later)
