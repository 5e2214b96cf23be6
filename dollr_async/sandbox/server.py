"""The HTTP server: it reads requests, applies faults and delays, and writes answers."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from aiohttp import web

from dollr_async.sandbox.api.dispatch import JSON_TYPE, Api, ApiAnswer, ApiRequest
from dollr_async.sandbox.changes import Changes
from dollr_async.sandbox.faults import Fault, FaultKind, FaultPlan
from dollr_async.sandbox.origins import foreign_origin, wrong_host
from dollr_async.sandbox.push.server import PATH, RealtimeServer
from dollr_async.sandbox.recording import RecordedAnswer, RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from dollr_async.sandbox.world.records import Payment
    from dollr_async.sandbox.world.world import World

_HIDDEN = "Bearer [hidden]"
_DELIVERED = (FaultKind.LATENCY, FaultKind.TWICE)
"""The faults after which the client gets the API's own answer."""
_CLOSE_TIMEOUT = 0.2
"""How many seconds connections have to end when the server closes."""


def check_loopback(host: str) -> str:
    """Return the address to listen on; a ValueError for a host that other machines could reach."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        message = f"The sandbox only listens on this machine: use host '127.0.0.1' instead of {host!r}."
        raise ValueError(message)
    return address


class Server:
    """One listening socket for one world, with the faults and delays that a test asked for."""

    def __init__(self, world: World, plan: FaultPlan, keep_requests: int | None, latency: float) -> None:
        """Serve this world, each answer after `latency` seconds; keep the last `keep_requests` requests, or all."""
        self._world = world
        self._api = Api(world)
        self._plan = plan
        self._keep = keep_requests
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()
        self._web: web.Server | None = None
        self._socket: asyncio.Server | None = None
        self._received = 0
        self.realtime = RealtimeServer(world)
        self.changes = Changes()
        self.pages: Callable[[web.BaseRequest], Awaitable[web.StreamResponse | None]] = _no_pages
        """Answers requests for pages, with None for every other path."""
        self._send_change = world.on_payment_change
        world.on_payment_change = self._note_change
        self.requests: list[RecordedRequest] = []
        self._first_latencies = {"*": latency} if latency else {}
        self.latencies: dict[str, float] = dict(self._first_latencies)
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def running(self) -> bool:
        """Whether it is listening."""
        return self._socket is not None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; for port 0, the free one that was found."""
        self._closing = asyncio.Event()
        self._web = served = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._socket = listening = await asyncio.get_running_loop().create_server(served, host, port)
        bound: int = listening.sockets[0].getsockname()[1]
        return bound

    def reset(self) -> None:
        """Forget the requests, faults and delays; requests that are still delayed or hanging end without an answer."""
        self._closing.set()
        self._closing = asyncio.Event()
        for task in self._tasks:
            task.cancel()
        self._plan.reset()
        self.requests.clear()
        self._received = 0
        self.latencies = dict(self._first_latencies)
        self.most_in_flight = 0
        self.realtime.reset()
        self.changes.note()

    async def close(self) -> None:
        """Stop listening, end hanging requests, drop every connection, and leave no task behind."""
        if self._socket is None or self._web is None:
            return
        self._socket.close()
        self._socket = None
        self._closing.set()
        self.changes.note()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.realtime.close()
        self._web.pre_shutdown()
        await self._web.shutdown(_CLOSE_TIMEOUT)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        refusal = wrong_host(request.headers)
        if refusal is not None:
            return _forbidden(refusal)
        if request.rel_url.raw_path == PATH:
            return await self.realtime.serve(request)
        answer = await self.pages(request)
        if answer is not None:
            return answer
        refusal = foreign_origin(request.headers)
        if refusal is not None:
            return _forbidden(refusal)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._respond(request)
        finally:
            self.in_flight -= 1
            self.changes.note()

    def _note_change(self, payment: Payment, event: str, second: float) -> None:
        self._send_change(payment, event, second)
        self.changes.note()

    @property
    def closing(self) -> bool:
        """Whether it has been asked to stop."""
        return self._socket is None

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        content = await request.read()
        match = self._api.match(request.method, request.rel_url.raw_path)
        operation = match.operation
        incoming = ApiRequest(
            match=match,
            query=dict(request.rel_url.query),
            authorization=request.headers.get("Authorization"),
            content_type=request.content_type,
            content=content,
        )
        recorded = self._record(request, incoming)
        name = operation.id if operation else "*"
        fault = self._plan.take(name)
        if fault is not None:
            recorded.fault = fault.word
        delay = self._delay(name, fault)
        if delay > 0:
            return await self._outlive_client(self._after(delay, request, incoming, recorded, fault))
        return await self._serve(request, incoming, recorded, fault)

    def _delay(self, name: str, fault: Fault | None) -> float:
        asked = fault.seconds if fault is not None and fault.kind is FaultKind.LATENCY else 0.0
        return asked + self.latencies.get(name, self.latencies.get("*", 0.0))

    async def _outlive_client(self, work: Coroutine[object, object, web.StreamResponse]) -> web.StreamResponse:
        """Finish the work for a request even when the client leaves before the answer."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _after(
        self,
        seconds: float,
        request: web.BaseRequest,
        incoming: ApiRequest,
        recorded: RecordedRequest,
        fault: Fault | None,
    ) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await self._serve(request, incoming, recorded, fault)

    async def _serve(
        self, request: web.BaseRequest, incoming: ApiRequest, recorded: RecordedRequest, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is None or fault.kind in _DELIVERED:
            if fault is not None and fault.kind is FaultKind.TWICE:
                self._work(incoming, recorded)
            answer = self._work(incoming, recorded)
            recorded.delivered = True
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        done = self._work(incoming, recorded) if fault.after_work else None
        return await self._apply_fault(request, fault, done)

    def _work(self, incoming: ApiRequest, recorded: RecordedRequest) -> ApiAnswer:
        answer = self._api.answer(incoming)
        recorded.answer = RecordedAnswer(status=answer.status, headers=answer.headers, content=answer.body)
        return answer

    async def _apply_fault(self, request: web.BaseRequest, fault: Fault, done: ApiAnswer | None) -> web.StreamResponse:
        if fault.kind is FaultKind.ANSWER:
            return web.Response(status=fault.status, headers=dict(fault.headers), body=fault.body)
        if fault.kind is FaultKind.CHANGE and done is not None:
            return web.Response(status=done.status, headers=done.headers, body=fault.change(done.status, done.body))
        if fault.kind is FaultKind.HANG:
            await self._closing.wait()
        transport = request.transport
        if transport is not None:
            if fault.kind is FaultKind.CUT and done is not None:
                transport.write(_half_of(done))
            transport.close()
        return web.Response()

    def _record(self, request: web.BaseRequest, incoming: ApiRequest) -> RecordedRequest:
        token = self._world.tokens.find(incoming.authorization)
        operation = incoming.match.operation
        self._received += 1
        second = self._world.clock.seconds()
        recorded = RecordedRequest(
            number=self._received,
            operation=operation.id if operation else None,
            method=request.method,
            path=request.rel_url.raw_path,
            query=incoming.query,
            headers=_without_secrets(request.headers),
            content=incoming.content,
            second=second,
            at=self._world.clock.at(second),
            token=token.number if token else None,
        )
        self.requests.append(recorded)
        self.changes.note()
        if self._keep is not None and len(self.requests) > self._keep:
            del self.requests[0]
        return recorded


async def _no_pages(_: web.BaseRequest) -> web.StreamResponse | None:
    return None


def _forbidden(detail: str) -> web.Response:
    return web.json_response({"detail": detail}, status=403, content_type=JSON_TYPE)


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: _HIDDEN if name.lower() == "authorization" else value for name, value in headers.items()}


def _half_of(answer: ApiAnswer) -> bytes:
    """The first half of an answer, whose Content-Length is that of the whole."""
    length = max(len(answer.body), 2)
    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + answer.body[: length // 2]
