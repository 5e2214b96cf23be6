"""A shop with Litestar. It begins the payment of an order, streams its status, and shows what became of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import ServerSentEvent

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import TICKET, Order, Shop, explain


@asynccontextmanager
async def one_client(app: Litestar) -> AsyncIterator[None]:
    async with SQLiteJournal("payments.db") as journal, DollrClient(journal=journal, **app.state.settings) as dollr:
        await dollr.ready()
        async with Shop(dollr).delivering() as app.state.shop:
            yield


@post("/orders/{order_id:uuid}/pay", status_code=202)
async def pay(order_id: FromPath[UUID], data: URLEncodedBody[dict[str, str]], state: State) -> dict[str, object]:
    shop: Shop = state.shop
    try:
        payer = Payer(data.get("name", ""), data.get("phone", ""), country_code="LR")
        async with shop.attempt(str(order_id), payer) as order:
            payment = await shop.dollr.collect(
                payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment
            )
            return payment.to_json()
    except DollrError as error:
        status, sentence = explain(error)
        raise HTTPException(sentence, status_code=status) from error


def known_order(state: State, order_id: UUID) -> Order:
    order: Order | None = state.shop.find(str(order_id))
    if order is None:
        raise NotFoundException("There is no such order.")
    return order


@get("/orders/{order_id:uuid}")
async def show(order_id: FromPath[UUID], state: State) -> dict[str, object]:
    return {"status": known_order(state, order_id).status}


@get("/orders/{order_id:uuid}/events")
async def events(order_id: FromPath[UUID], state: State) -> ServerSentEvent:
    return ServerSentEvent(state.shop.statuses(known_order(state, order_id)))


app = Litestar([pay, show, events], lifespan=[one_client], state=State({"settings": {}}))
# `settings` are more settings of the client; a test has those of its sandbox there
