"""A shop with aiohttp.web. It begins the payment of an order, streams its status, and shows what became of it."""

import os
from collections.abc import AsyncIterator

from aiohttp import web

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import TICKET, Order, Shop, explain

SETTINGS, SHOP = web.AppKey("settings", dict), web.AppKey("shop", Shop)
ORDER = "/orders/{order_id:[0-9a-f-]{36}}"


async def one_client(app: web.Application) -> AsyncIterator[None]:
    async with SQLiteJournal("payments.db") as journal, DollrClient(journal=journal, **app[SETTINGS]) as dollr:
        await dollr.ready()
        async with Shop(dollr).delivering() as app[SHOP]:
            yield


async def pay(request: web.Request) -> web.Response:
    shop, form = request.app[SHOP], await request.post()
    try:
        payer = Payer(str(form.get("name", "")), str(form.get("phone", "")), country_code="LR")
        async with shop.attempt(request.match_info["order_id"], payer) as order:
            payment = await shop.dollr.collect(
                payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment
            )
            return web.json_response(payment.to_json(), status=202)
    except DollrError as error:
        status, sentence = explain(error)
        return web.json_response({"detail": sentence}, status=status)


def known_order(request: web.Request) -> Order:
    if order := request.app[SHOP].find(request.match_info["order_id"]):
        return order
    raise web.HTTPNotFound(text="There is no such order.")


async def show(request: web.Request) -> web.Response:
    return web.json_response({"status": known_order(request).status})


async def events(request: web.Request) -> web.Response:
    statuses = request.app[SHOP].statuses(known_order(request))
    lines = (f"data: {status}\n\n".encode() async for status in statuses)
    return web.Response(body=lines, content_type="text/event-stream", headers={"Cache-Control": "no-store"})


app = web.Application()
app[SETTINGS] = {}  # more settings of the client; a test has those of its sandbox here
app.cleanup_ctx.append(one_client)
app.add_routes([web.post(ORDER + "/pay", pay), web.get(ORDER, show), web.get(ORDER + "/events", events)])
if __name__ == "__main__":
    # A handler ends when its visitor leaves.
    web.run_app(app, port=int(os.environ.get("PORT", "8080")), handler_cancellation=True)
