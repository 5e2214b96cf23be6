"""A shop with FastAPI. It begins the payment of an order, streams its status, and shows what became of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import TICKET, Order, Shop, explain


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with SQLiteJournal("payments.db") as journal, DollrClient(journal=journal, **app.state.settings) as dollr:
        await dollr.ready()
        async with Shop(dollr).delivering() as app.state.shop:
            yield


app = FastAPI(lifespan=lifespan)
app.state.settings = {}  # more settings of the client; a test has those of its sandbox here


@app.post("/orders/{order_id}/pay", status_code=202)
async def pay(order_id: UUID, name: Annotated[str, Form()], phone: Annotated[str, Form()]) -> dict[str, object]:
    shop: Shop = app.state.shop
    try:
        async with shop.attempt(str(order_id), Payer(name, phone, country_code="LR")) as order:
            payment = await shop.dollr.collect(
                payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment
            )
            return payment.to_json()
    except DollrError as error:
        raise HTTPException(*explain(error)) from error


async def known_order(order_id: UUID) -> Order:
    order: Order | None = app.state.shop.find(str(order_id))
    if order is None:
        raise HTTPException(404, "There is no such order.")
    return order


@app.get("/orders/{order_id}")
async def show(order: Annotated[Order, Depends(known_order)]) -> dict[str, object]:
    return {"status": order.status}


@app.get("/orders/{order_id}/events", response_class=EventSourceResponse)
async def events(order: Annotated[Order, Depends(known_order)]) -> AsyncIterator[ServerSentEvent]:
    async for status in app.state.shop.statuses(order):
        yield ServerSentEvent(raw_data=status)
