"""A shop with Starlette. It begins the payment of an order, streams its status, and shows what became of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import TICKET, Order, Shop, explain


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with SQLiteJournal("payments.db") as journal, DollrClient(journal=journal, **app.state.settings) as dollr:
        await dollr.ready()
        async with Shop(dollr).delivering() as app.state.shop:
            yield


async def tell(_: Request, error: Exception) -> JSONResponse:
    status, sentence = explain(error)
    return JSONResponse({"detail": sentence}, status)


async def pay(request: Request) -> JSONResponse:
    shop: Shop = request.app.state.shop
    form = await request.form()
    payer = Payer(str(form.get("name", "")), str(form.get("phone", "")), country_code="LR")
    async with shop.attempt(str(request.path_params["order_id"]), payer) as order:
        payment = await shop.dollr.collect(payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment)
        return JSONResponse(payment.to_json(), 202)


def known_order(request: Request) -> Order:
    order: Order | None = request.app.state.shop.find(str(request.path_params["order_id"]))
    if order is None:
        raise HTTPException(404, "There is no such order.")
    return order


async def show(request: Request) -> JSONResponse:
    return JSONResponse({"status": known_order(request).status})


async def events(request: Request) -> StreamingResponse:
    statuses = request.app.state.shop.statuses(known_order(request))
    return StreamingResponse((f"data: {status}\n\n" async for status in statuses), media_type="text/event-stream")


order = "/orders/{order_id:uuid}"
routes = [Route(order + "/pay", pay, methods=["POST"]), Route(order, show), Route(order + "/events", events)]
app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={DollrError: tell})
app.state.settings = {}  # more settings of the client; a test has those of its sandbox here
