"""A raw HTTP server that sends exactly the bytes it is given, for answers that no well-behaved server would send."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

import attrs

if TYPE_CHECKING:
    from types import TracebackType


@attrs.frozen
class SeenRequest:
    """One request as it arrived; the names of the headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes


@attrs.frozen
class Reply:
    """Bytes to write `after` this many seconds; the connection stays open unless `close` is set."""

    content: bytes = b""
    close: bool = False
    after: float = 0.0


DROP = Reply(close=True)
HANG = Reply()


def answer(status: int = 200, content: bytes = b"{}", **headers: str) -> Reply:
    """Return a complete answer; an underscore in a header's name stands for a dash."""
    named = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Word", *(f"{name}: {value}" for name, value in named.items())]
    return Reply("\r\n".join([*lines, "", ""]).encode() + content)


def chunked(*chunks: bytes, end: bool = True, **headers: str) -> Reply:
    """Return an answer in chunks; without `end` it is cut off."""
    named = {"Transfer-Encoding": "chunked"} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in named.items()), "", ""])
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return Reply(head.encode() + body + (b"0\r\n\r\n" if end else b""), close=not end)


class RawServer:
    """The server: gives its replies in order, and repeats the last one.

    With a `greeting` it writes first.
    """

    def __init__(self, *replies: Reply, greeting: bytes = b"") -> None:
        self.seen: list[SeenRequest] = []
        self.greeting = greeting
        self._replies = deque(replies)
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self.url = ""
        self.connections = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.gather(*(connection.lost.wait() for connection in list(self._connections)))

    @property
    def open_connections(self) -> int:
        """How many connections the client holds open."""
        return len(self._connections)

    def reply_to(self, seen: SeenRequest) -> Reply:
        """Return the reply to a request."""
        self.seen.append(seen)
        return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: RawServer) -> None:
        self._server = server
        self._received = b""
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections += 1
        self._server._connections.add(self)
        if self._server.greeting:
            transport.write(self._server.greeting)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self)
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._received = rest[length:]
        method, target = (*first.split(" "), "")[:2]
        self._give(self._server.reply_to(SeenRequest(method, target, headers, rest[:length])))

    def _give(self, reply: Reply) -> None:
        if reply.after:
            asyncio.get_running_loop().call_later(reply.after, self._give, attrs.evolve(reply, after=0.0))
            return
        if reply.content:
            self.transport.write(reply.content)
        if reply.close:
            self.transport.close()
