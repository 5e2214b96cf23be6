"""A web app: POST /pay starts a payment, GET /payments/{reference_id}/events streams its status to the browser."""

from collections.abc import AsyncIterator
from uuid import uuid4

from aiohttp import web

from dollr_async import DollrClient, InvalidInputError, LineItem, Payer

DOLLR = web.AppKey("dollr", DollrClient)
ITEMS = [LineItem(name="Concert ticket", amount=10)]


async def one_client_per_app(app: web.Application) -> AsyncIterator[None]:
    async with DollrClient() as app[DOLLR]:
        yield


async def pay(request: web.Request) -> web.Response:
    form, reference_id = await request.post(), uuid4()  # a shop stores both here, before any money moves
    try:
        payer = Payer(fullname=str(form.get("name", "")), phone=str(form.get("phone", "")))
    except InvalidInputError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    await request.app[DOLLR].collect(payer=payer, items=ITEMS, currency="USD", reference_id=reference_id)
    return web.json_response({"reference_id": str(reference_id)}, status=202)


async def events(request: web.Request) -> web.Response:
    changes = request.app[DOLLR].watch(request.match_info["reference_id"])
    lines = (f"data: {change.status}\n\n".encode() async for change in changes)  # COMPLETED or FAILED comes last
    return web.Response(body=lines, content_type="text/event-stream", headers={"Cache-Control": "no-store"})


app = web.Application()
app.cleanup_ctx.append(one_client_per_app)
app.add_routes([web.post("/pay", pay), web.get("/payments/{reference_id}/events", events)])
if __name__ == "__main__":
    web.run_app(app, handler_cancellation=True)  # when the reader disconnects, the handler and its polls end
