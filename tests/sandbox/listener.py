"""Somebody who speaks the push channel's protocol bare, frame by frame."""

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

    async def heard(self) -> Body:
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

    async def nothing(self, seconds: float) -> bool:
        """Whether nothing is heard for so long."""
        try:
            await asyncio.wait_for(self.socket.receive(), seconds)
        except TimeoutError:
            return True
        return False

    async def ended(self) -> int | None:
        """Wait until the server ends the connection, and return its close code."""
        frame = await self.socket.receive()
        assert frame.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}, frame
        return self.socket.close_code

    async def join(self, topic: str, key: object, **changes: Any) -> Body:  # noqa: ANN401 - JSON
        """Ask to join, and return the reply's payload."""
        ref = await self.send(topic, "phx_join", join_payload(topic, key, **changes))
        reply = await self.heard()
        assert (reply["event"], reply["topic"], reply["ref"]) == ("phx_reply", topic, ref)
        payload: Body = reply["payload"]
        return payload

    async def joined(self, topic: str, key: object) -> Self:
        """Join, and wait until changes are told."""
        assert (await self.join(topic, key))["status"] == "ok"
        assert (await self.heard())["payload"]["message"] == "Subscribed to PostgreSQL"
        return self

    async def change(self) -> tuple[str, str]:
        """Return the type and the status of the next change."""
        message = await self.heard()
        assert message["event"] == "postgres_changes", message
        data = message["payload"]["data"]
        return data["type"], data["record"]["status"]


def join_payload(topic: str, key: object, **changes: Any) -> Body:  # noqa: ANN401 - JSON
    feed = {"event": "*", "schema": "public", "table": TABLE, "filter": f"reference_id=eq.{topic[-36:]}"}
    return {"config": {"postgres_changes": [{**feed, **changes}]}, "access_token": key}


@asynccontextmanager
async def listening(merchant: Merchant, version: str = "1.0.0") -> AsyncIterator[Listener]:
    """A websocket, closed at the end."""
    keywords = merchant.sandbox.realtime
    query = {"apikey": keywords["anon_key"], "vsn": version}
    async with merchant.http.ws_connect(keywords["url"] + PATH, params=query) as socket:
        yield Listener(socket, version)


async def to_be_collected(merchant: Merchant, phone: str = "231880001122") -> tuple[Body, str]:
    """Return the order of an execution that is still to be sent, and the topic of its changes."""
    order = await merchant.order(phone=phone)
    return order, f"realtime:payment-intent:{order['session_id']}:{order['reference_id']}"


async def key_for(merchant: Merchant, order: Body) -> str:
    """Return a key for the changes of an order's payment."""
    body = {
        "session_id": int(order["session_id"]),
        "source_type": "INVOICE",
        "reference_id": order["reference_id"],
    }
    key: str = (await merchant.made("realtime-keys/collection", body))["access_token"]
    return key
