"""A shop with Quart. It begins the payment of an order, streams its status, and shows what became of it."""

from collections.abc import AsyncGenerator
from uuid import UUID

from quart import Quart, Response, abort, request

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import TICKET, Order, Shop, explain

app = Quart(__name__)
app.config["DOLLR"] = {}  # more settings of the client; a test has those of its sandbox here


@app.while_serving
async def one_client() -> AsyncGenerator[None]:
    async with SQLiteJournal("payments.db") as journal, DollrClient(journal=journal, **app.config["DOLLR"]) as dollr:
        await dollr.ready()
        async with Shop(dollr).delivering() as app.extensions["shop"]:
            yield


@app.errorhandler(DollrError)
async def tell(error: DollrError) -> tuple[dict[str, str], int]:
    status, sentence = explain(error)
    return {"detail": sentence}, status


@app.post("/orders/<uuid:order_id>/pay")
async def pay(order_id: UUID) -> tuple[dict[str, object], int]:
    shop: Shop = app.extensions["shop"]
    form = await request.form
    async with shop.attempt(str(order_id), Payer(form["name"], form["phone"], country_code="LR")) as order:
        payment = await shop.dollr.collect(payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment)
        return payment.to_json(), 202


def known_order(order_id: UUID) -> Order:
    order: Order | None = app.extensions["shop"].find(str(order_id))
    if order is None:
        abort(404, "There is no such order.")
    return order


@app.get("/orders/<uuid:order_id>")
async def show(order_id: UUID) -> dict[str, object]:
    return {"status": known_order(order_id).status}


@app.get("/orders/<uuid:order_id>/events")
async def events(order_id: UUID) -> Response:
    statuses = app.extensions["shop"].statuses(known_order(order_id))
    lines = (f"data: {status}\n\n" async for status in statuses)
    response = Response(lines, content_type="text/event-stream", headers={"Cache-Control": "no-store"})
    response.timeout = None
    return response
