"""A push server and the API's operation for its keys, both in memory and controlled by the test."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID, uuid4

from dollr_async.base.enums import SourceType
from dollr_async.base.errors import APIStatusError, ConnectError, TransportError
from dollr_async.push.connection import PushConnection
from dollr_async.push.settings import RealtimeSettings
from dollr_async.resources.realtime_keys import NewRealtimeKey, RealtimeKey, RealtimeKeys
from dollr_async.wire.retry import RetryPolicy
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from dollr_async.push.channel import Channel
    from dollr_async.wire.codec import Body

T = TypeVar("T")
Frame = dict[str, Any]
ANON_KEY = "anon-key-of+the/project"
KEY = "secret-key-number-"
REFUSED = ConnectError("no websocket for live updates could be opened (ClientConnectorError: refused)")
CUT = "the websocket for live updates was closed (code 1006)"


def now() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


class FakeSocket:
    """One connection to the server: the messages that came, and those that the test sends."""

    def __init__(self, server: PushServer) -> None:
        self.server = server
        self.received: list[Frame] = []
        self.is_closed = False
        self._outgoing: asyncio.Queue[str | Exception] = asyncio.Queue()

    async def send(self, text: str) -> None:
        if self.is_closed:
            raise TransportError(CUT)
        frame = json.loads(text)
        self.received.append(frame)
        self.server.answer(self, frame)

    async def receive(self) -> str:
        message = await self._outgoing.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def close(self) -> None:
        self.is_closed = True
        await asyncio.sleep(self.server.close_takes)

    def push(self, topic: str, event: str, payload: object, ref: str | None = None) -> None:
        """Send one message to the client."""
        self.push_text(json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref}))

    def push_text(self, text: str) -> None:
        """Send any text to the client."""
        self._outgoing.put_nowait(text)

    def drop(self) -> None:
        """End the connection as a broken network does."""
        self._outgoing.put_nowait(TransportError(CUT))

    def events(self, event: str) -> list[Frame]:
        """Return the messages received of one event."""
        return [frame for frame in self.received if frame["event"] == event]


class PushServer:
    """Answers joins and heartbeats, unless the test sets it otherwise."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.sockets: list[FakeSocket] = []
        self.joins: list[tuple[float, str, str]] = []
        self.error: Exception | None = None
        self.connect_takes = 0.0
        self.close_takes = 0.0
        self.answers_heartbeats = True
        self.join_reply: str | None = "ok"
        self.confirms = True

    async def connect(self, url: str) -> FakeSocket:
        self.urls.append(url)
        await asyncio.sleep(self.connect_takes)
        if self.error is not None:
            raise self.error
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]

    @property
    def socket(self) -> FakeSocket:
        """The latest connection."""
        return self.sockets[-1]

    @property
    def left_open(self) -> int:
        """How many connections were never closed."""
        return sum(not socket.is_closed for socket in self.sockets)

    def answer(self, socket: FakeSocket, frame: Frame) -> None:
        topic, ref = frame["topic"], frame["ref"]
        if frame["event"] == "heartbeat" and self.answers_heartbeats:
            socket.push("phoenix", "phx_reply", {"status": "ok", "response": {}}, ref)
        if frame["event"] == "phx_join":
            self.joins.append((now(), topic, frame["payload"]["access_token"]))
            if self.join_reply is not None:
                socket.push(topic, "phx_reply", {"status": self.join_reply, "response": {}}, ref)
            if self.join_reply == "ok" and self.confirms:
                self.confirm(topic)

    def confirm(self, topic: str) -> None:
        """Confirm that changes of the payment's row will be pushed."""
        payload = {"status": "ok", "extension": "postgres_changes", "message": "Subscribed to PostgreSQL"}
        self.socket.push(topic, "system", payload)

    def push_row(self, topic: str, **row: object) -> None:
        """Push a change of the payment's row."""
        self.socket.push(topic, "postgres_changes", {"ids": [1], "data": {"type": "UPDATE", "record": row}})


class KeyApi:
    """A caller that answers with a new key each time, or with the errors that the test sets."""

    def __init__(self) -> None:
        self.requests: list[NewRealtimeKey] = []
        self.errors: list[Exception] = []
        self.expires_in = 3600
        self.takes = 0.0
        self.at_once = 0
        self.most_at_once = 0

    async def call(self, method: str, path: str, shape: type[T], *, body: Body | None = None, **more: object) -> T:
        assert (method, path, isinstance(body, NewRealtimeKey)) == ("POST", "realtime-keys/collection", True)
        self.requests.append(cast("NewRealtimeKey", body))
        number = len(self.requests)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.at_once -= 1
        if self.errors:
            raise self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]
        return cast("T", RealtimeKey(access_token=f"{KEY}{number}", expires_in=self.expires_in))


class Subscriber:
    """Follows one collection, and records its hints."""

    def __init__(self) -> None:
        self.hints: list[float] = []
        self.reference_id: UUID = uuid4()
        self.session_id = 310
        self.error: Exception | None = None
        self.channel: Channel | None = None

    @property
    def topic(self) -> str:
        return f"realtime:payment-intent:{self.session_id}:{self.reference_id}"

    @property
    def is_live(self) -> bool:
        assert self.channel is not None
        return self.channel.is_live

    def hint(self) -> None:
        self.hints.append(now())
        if self.error is not None:
            raise self.error

    def leave(self) -> None:
        assert self.channel is not None
        self.channel.leave()


class PushRig:
    """A push connection with its server and its keys."""

    def __init__(self, *, retry: RetryPolicy | None = None, max_channels: int = 100) -> None:
        self.server = PushServer()
        self.key_api = KeyApi()
        self.push = PushConnection(
            RealtimeSettings("https://project.supabase.co", ANON_KEY, max_channels=max_channels),
            connect=self.server.connect,
            keys=RealtimeKeys(self.key_api),
            retry=retry or RetryPolicy(),
            clock=FakeClock(),
        )

    def subscribe(self, subscriber: Subscriber | None = None) -> Subscriber:
        """Open the channel of one collection, by default of a new one."""
        subscriber = subscriber or Subscriber()
        subscriber.channel = self.push.open_channel(
            subscriber.reference_id, subscriber.session_id, SourceType.INVOICE, subscriber.hint
        )
        return subscriber


def refusal(kind: type[APIStatusError], status: int) -> APIStatusError:
    """Return the error for a refusal by the API."""
    return kind(status=status, detail="no", method="POST", path="/v1/realtime-keys/collection")
