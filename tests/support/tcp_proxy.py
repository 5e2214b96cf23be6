"""A proxy between a program and a server, which cuts connections at a chosen moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class TCPProxy:
    """Passes bytes on to `target`, which may change.

    `cut(marker, after=True)` cuts the next connection that sends these bytes: when the server has answered, and before
    the answer is passed on. With `after=False` what was sent is not passed on either. While `is_down` nobody gets a
    connection.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.is_down = False
        self.port = 0
        self.cuts = 0
        self.counted: Counter[bytes] = Counter()
        self._marker: bytes | None = None
        self._after = True
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut_all()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self, marker: bytes, *, after: bool) -> None:
        self._marker, self._after = marker, after

    def cut_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def count(self, *markers: bytes) -> None:
        self.counted = Counter(dict.fromkeys(markers, 0))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.is_down:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._open |= both
        drop = asyncio.Event()
        try:
            await asyncio.gather(
                self._forward(reader, server_writer, writer, drop),
                self._back(server_reader, writer, server_writer, drop),
            )
        finally:
            self._open -= both
            for one in both:
                one.transport.abort()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        drop: asyncio.Event,
    ) -> None:
        try:
            while data := await reader.read(2**16):
                for marker in self.counted:
                    self.counted[marker] += data.count(marker)
                if self._marker is not None and self._marker in data:
                    self._marker = None
                    self.cuts += 1
                    drop.set()
                    if not self._after:
                        break
                server.write(data)
                await server.drain()
        except OSError:
            pass
        if drop.is_set() and not self._after:
            client.transport.abort()
        server.transport.close() if not drop.is_set() or not self._after else None

    async def _back(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
        drop: asyncio.Event,
    ) -> None:
        try:
            while data := await reader.read(2**16):
                if drop.is_set():
                    break
                client.write(data)
                await client.drain()
        except OSError:
            pass
        client.transport.abort()
        server.transport.abort()
