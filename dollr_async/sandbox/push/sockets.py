"""One websocket of the push channel: it reads messages, and writes frames in order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType

from dollr_async.sandbox.push.phoenix import UNREADABLE, Message, Version, read_message, write_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web


IDLE_SECONDS = 60.0
"""How many seconds a client may send nothing, not even a heartbeat, before the server closes the socket."""


class Socket:
    """An open websocket. Frames are queued, so that the code that changes the world need not wait."""

    def __init__(self, request: web.BaseRequest, stream: web.WebSocketResponse, version: Version) -> None:
        """Use this version of the protocol on an accepted websocket."""
        self._request = request
        self._stream = stream
        self._version: Version = version
        self._outbox: asyncio.Queue[str | bytes | int] = asyncio.Queue()

    def send(self, message: Message) -> None:
        """Send a message."""
        self._outbox.put_nowait(write_message(message, self._version))

    def send_frame(self, frame: str | bytes) -> None:
        """Send a frame as it is, text or binary."""
        self._outbox.put_nowait(frame)

    def close(self, code: int) -> None:
        """Close with a code, after everything that is queued."""
        self._outbox.put_nowait(code)

    def drop(self) -> None:
        """Drop the connection."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self, answer: Callable[[Socket, Message], None]) -> None:
        """Call `answer` for every message until either side closes the socket."""
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._write())
            try:
                await self._read(answer)
            finally:
                writing.cancel()

    async def _read(self, answer: Callable[[Socket, Message], None]) -> None:
        while True:
            try:
                frame = await self._stream.receive(timeout=IDLE_SECONDS)
            except TimeoutError:
                await self._stream.close()
                return
            if frame.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return
            try:
                message = read_message(frame.data, self._version)
            except UNREADABLE:
                await self._stream.close(code=WSCloseCode.INTERNAL_ERROR)
                return
            answer(self, message)

    async def _write(self) -> None:
        with suppress(ConnectionError):  # the client has left: nobody reads what is queued
            while True:
                item = await self._outbox.get()
                if isinstance(item, int):
                    await self._stream.close(code=item)
                elif isinstance(item, bytes):
                    await self._stream.send_bytes(item)
                else:
                    await self._stream.send_str(item)
