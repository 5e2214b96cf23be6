"""Phoenix's channel protocol, version 1.0.0, on one open socket: messages out and in, heartbeats, and the socket's end.

What is received is not trusted: text that is not a message is ignored, and no part of it is logged or raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import attrs

from dollr_async.base.errors import TransportError
from dollr_async.wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock

REPLY_WITHIN = 10.0
"""Seconds that the server has for a reply."""

_HEARTBEAT_INTERVAL = 25.0
_HEARTBEAT_TOPIC = "phoenix"


class Socket(Protocol):
    """An open connection that carries text; `send` and `receive` raise `TransportError` once it has ended."""

    async def send(self, text: str) -> None:
        """Send one message."""
        ...

    async def receive(self) -> str:
        """Wait for the next message."""
        ...

    async def close(self) -> None:
        """Close the connection; closing twice is fine."""
        ...


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SentMessage(codec.Body):
    """One message to the server; its payload may have a key."""

    topic: str
    event: str
    payload: Mapping[str, object] = attrs.field(repr=False)
    ref: str
    join_ref: str | None = None


@attrs.frozen
class Message:
    """One message from the server; `ref` is that of the message it replies to, if it replies to one."""

    topic: str
    event: str
    payload: Mapping[str, object] = attrs.field(repr=False)
    ref: str | None


def parse(text: str) -> Message | None:
    """Return the message in a received text, or None if it is not one."""
    found = codec.decode_loosely(text.encode(errors="replace"))
    if not isinstance(found, dict):
        return None
    topic, event, payload, ref = (found.get(name) for name in ("topic", "event", "payload", "ref"))
    if not isinstance(topic, str) or not isinstance(event, str) or not isinstance(payload, dict):
        return None
    return Message(topic, event, payload, ref if isinstance(ref, str) else None)


class PhoenixConnection:
    """One open socket, until it ends."""

    def __init__(self, socket: Socket, *, clock: Clock, on_message: Callable[[Message], None]) -> None:
        """Take an open socket; `on_message` is called with each message that is not a reply to a heartbeat."""
        self._socket = socket
        self._clock = clock
        self._on_message = on_message
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._sent = 0
        self._heartbeat: str | None = None
        self._opened_at = clock.monotonic()

    @property
    def age(self) -> float:
        """How many seconds ago it was opened."""
        return self._clock.monotonic() - self._opened_at

    def post(self, topic: str, event: str, payload: Mapping[str, object], *, join_ref: str | None = None) -> str:
        """Queue a message and return its `ref`, which identifies a join; after the socket's end it is not sent."""
        self._sent += 1
        ref = str(self._sent)
        join_ref = ref if event == "phx_join" else join_ref
        message = SentMessage(topic=topic, event=event, payload=payload, ref=ref, join_ref=join_ref)
        self._outgoing.put_nowait(codec.encode(message).decode())
        return ref

    async def run(self) -> None:
        """Send and receive messages until the socket ends, and close it.

        Raises:
            TransportError: always, since only the end of the connection ends this.
        """
        work = [asyncio.create_task(part) for part in (self._receive(), self._send(), self._send_heartbeats())]
        try:
            ended, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            try:
                await asyncio.gather(*work, return_exceptions=True)
            finally:
                await self._socket.close()
        for task in ended:
            task.result()

    async def _receive(self) -> None:
        while True:
            message = parse(await self._socket.receive())
            if message is None:
                continue
            if message.topic != _HEARTBEAT_TOPIC:
                self._on_message(message)
            elif message.ref == self._heartbeat:
                self._heartbeat = None

    async def _send(self) -> None:
        while True:
            await self._socket.send(await self._outgoing.get())

    async def _send_heartbeats(self) -> None:
        while True:
            await self._clock.sleep(_HEARTBEAT_INTERVAL - REPLY_WITHIN)
            self._heartbeat = self.post(_HEARTBEAT_TOPIC, "heartbeat", {})
            await self._clock.sleep(REPLY_WITHIN)
            if self._heartbeat is not None:
                message = f"the server of live updates did not reply to a heartbeat in {REPLY_WITHIN:g} seconds"
                raise TransportError(message)
