"""A bare client of the push channel's protocol, frame by frame."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.merchant import Body, Merchant

PATH = "/realtime/v1/websocket"
TABLE = "checkout_payment_intent_public_status"


class Listener:
    """One websocket to a sandbox, in either version of the protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, version: str) -> None:
        self.socket = socket
        self._version = version
        self._refs = count(1)

    async def send(self, topic: str, event: str, payload: object, *, join_ref: str | None = None) -> str:
        """Send one message, and return its ref."""
        ref = str(next(self._refs))
        join_ref = ref if event == "phx_join" else join_ref
        if self._version == "2.0.0":
            await self.socket.send_str(json.dumps([join_ref, ref, topic, event, payload]))
        else:
            named = {"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
            await self.socket.send_str(json.dumps(named))
        return ref

    async def receive(self) -> Body:
        """Return the next message, as an object in either version."""
        frame = await self.socket.receive()
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        message = json.loads(frame.data)
        if self._version == "2.0.0":
            assert len(message) == 5
            return dict(zip(("join_ref", "ref", "topic", "event", "payload"), message, strict=True))
        assert message.keys() == {"topic", "event", "payload", "ref"}
        named: Body = message
        return named

    async def receives_nothing(self, seconds: float) -> bool:
        """Whether nothing arrives for so many seconds."""
        try:
            await asyncio.wait_for(self.socket.receive(), seconds)
        except TimeoutError:
            return True
        return False

    async def wait_closed(self) -> int | None:
        """Wait until the server ends the connection, and return its close code."""
        frame = await self.socket.receive()
        assert frame.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}, frame
        return self.socket.close_code

    async def join(self, topic: str, key: object, **changes: Any) -> Body:  # noqa: ANN401 - JSON
        """Ask to join, and return the reply's payload."""
        ref = await self.send(topic, "phx_join", join_payload(topic, key, **changes))
        reply = await self.receive()
        assert (reply["event"], reply["topic"], reply["ref"]) == ("phx_reply", topic, ref)
        payload: Body = reply["payload"]
        return payload

    async def subscribe(self, topic: str, key: object) -> Self:
        """Join, and wait until the subscription is confirmed."""
        assert (await self.join(topic, key))["status"] == "ok"
        assert (await self.receive())["payload"]["message"] == "Subscribed to PostgreSQL"
        return self

    async def receive_change(self) -> tuple[str, str]:
        """Return the type and the status of the next change."""
        message = await self.receive()
        assert message["event"] == "postgres_changes", message
        data = message["payload"]["data"]
        return data["type"], data["record"]["status"]


def join_payload(topic: str, key: object, **changes: Any) -> Body:  # noqa: ANN401 - JSON
    feed = {"event": "*", "schema": "public", "table": TABLE, "filter": f"reference_id=eq.{topic[-36:]}"}
    return {"config": {"postgres_changes": [{**feed, **changes}]}, "access_token": key}


@asynccontextmanager
async def open_listener(merchant: Merchant, version: str = "1.0.0") -> AsyncIterator[Listener]:
    """A websocket, closed at the end."""
    keywords = merchant.sandbox.realtime
    query = {"apikey": keywords["anon_key"], "vsn": version}
    async with merchant.http.ws_connect(keywords["url"] + PATH, params=query) as socket:
        yield Listener(socket, version)


async def unsent_collection(merchant: Merchant, phone: str = "231880001122") -> tuple[Body, str]:
    """Return the body of an execution that is not sent yet, and the topic of its changes."""
    body = await merchant.collection_body(phone=phone)
    return body, f"realtime:payment-intent:{body['session_id']}:{body['reference_id']}"


async def key_for(merchant: Merchant, body: Body) -> str:
    """Return a key for the changes of the payment that an execution's body asks for."""
    wanted = {
        "session_id": int(body["session_id"]),
        "source_type": "INVOICE",
        "reference_id": body["reference_id"],
    }
    key: str = (await merchant.create("realtime-keys/collection", wanted))["access_token"]
    return key
