"""The stub server that every client is measured against.

`python -m benchmarks.harness.stub_server` prints its URL and answers until it is stopped. It does as little as HTTP
allows, so that the client is what is measured: no framework, and answers that are made beforehand.
`GET /count` returns how many requests it has answered. With `--settling` a collection is COMPLETED from the moment that
the last twelve hexadecimal digits of its reference name, and `GET /polls` returns each reference and when its status
was polled. Both moments are milliseconds of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from array import array
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from benchmarks.harness.processes import pin_to_core
from benchmarks.harness.stub_answers import ANSWERS, COMPLETED, REFERENCE, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _http(content: bytes, status: str = "200 OK") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ndate: Wed, 01 Jul 2026 09:00:00 GMT\r\nserver: uvicorn\r\n"
        f"content-length: {len(content)}\r\ncontent-type: application/json\r\n\r\n"
    )
    return head.encode() + content


_ANSWERS = {target.encode(): _http(content) for target, content in ANSWERS.items()}
_STATUS = f"{STATUS}/".encode()
_EXECUTE = b"POST /v1/executions/collection"
_REFERENCE = REFERENCE.encode()
_NAMED = re.compile(rb'"reference_id": *"([0-9a-f-]{36})"')
_PROCESSING, _COMPLETED = _http(ANSWERS[STATUS]), _http(COMPLETED)


def _about(request: bytes, target: bytes, answer: bytes) -> bytes:
    """Return an answer about the payment that the request names, as an API's is."""
    if target.startswith(_STATUS):
        return answer.replace(_REFERENCE, target[len(_STATUS) :])
    if target == _EXECUTE and (named := _NAMED.search(request)) is not None:
        return answer.replace(_REFERENCE, named[1])
    return answer


class Stub(asyncio.Protocol):
    """One connection."""

    answered = 0

    def __init__(self, delay: float, handshake: float = 0.0) -> None:
        """Answer `delay` seconds after a request; the first one of a connection waits for the handshake too."""
        self._delay = delay
        self._handshake = handshake
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to answer on."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is complete."""
        self._buffer = request = self._buffer + data if self._buffer else data
        end = request.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(request, 0, end)
        if length is not None and len(request) < end + 4 + int(length[1]):
            return
        self._buffer = b""
        delay, self._handshake = self._delay + self._handshake, 0.0
        if delay:
            asyncio.get_running_loop().call_later(delay, self._answer, request)
        else:
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if self._transport is not None:
            target = request[: request.index(b" HTTP/1.1")].partition(b"?")[0]
            self._transport.write(_about(request, target, self._found(target)))

    def _found(self, target: bytes) -> bytes:
        if target == b"GET /count":
            return _http(str(Stub.answered).encode())
        Stub.answered += 1
        found = _ANSWERS.get(target) or _ANSWERS.get(target.rpartition(b"/")[0])
        return _http(b'{"detail": "no such path"}', "404 Not Found") if found is None else found


class SettlingStub(Stub):
    """One connection to a server whose payments settle, each at the moment that its reference contains."""

    polled: ClassVar[list[bytes]] = []
    moments: ClassVar[array[float]] = array("d")

    def _found(self, target: bytes) -> bytes:
        if target == b"GET /polls":
            polls = zip(self.polled, self.moments, strict=True)
            return _http(b"\n".join(b"%b %.1f" % poll for poll in polls))
        if not target.startswith(_STATUS):
            return super()._found(target)
        now = time.monotonic() * 1000.0
        reference = target[len(_STATUS) :]
        Stub.answered += 1
        self.polled.append(reference)
        self.moments.append(now)
        return _COMPLETED if now >= int(reference[-12:], 16) else _PROCESSING


async def serve(connection: Callable[[], Stub]) -> None:
    """Serve on a free port of the loopback interface."""
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between a request and its answer")
    parser.add_argument("--handshake", type=float, default=0.0, help="seconds that opening a connection takes")
    parser.add_argument(
        "--settling", action="store_true", help="let each payment settle at the moment in its reference"
    )
    parser.add_argument("--core", type=int, help="the core to run on")
    options = parser.parse_args()
    pin_to_core(options.core)
    asyncio.run(serve(partial(SettlingStub if options.settling else Stub, options.delay, options.handshake)))


if __name__ == "__main__":
    main()
