"""The push channel: a Supabase Realtime of one table, which tells whoever has joined how their payment changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Literal

import attrs
from aiohttp import web

from dollr_async.sandbox import settlement
from dollr_async.sandbox.phoenix import Message, version_of
from dollr_async.sandbox.records import entry_of
from dollr_async.sandbox.sockets import Channel, Socket
from dollr_async.sandbox.subscriptions import RowShape, change, default_row, read_subscriptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dollr_async.sandbox.records import Payment
    from dollr_async.sandbox.world import World

PATH = "/realtime/v1/websocket"
ANON_KEY = "sandbox-anon-key"

Silence = Literal["nothing", "changes", "all"]

_PREFIX = "realtime:"
_FAREWELL = 0.2
"""Seconds that a client gets to answer when its websocket is closed."""
_SHORTEST_WAIT = 0.001
"""A timer that went off a rounding error too early must not go off for ever."""


@attrs.define
class JoinRefusal:
    """Why the next `left` joins are refused, or all for None: in the reply, or after it as a subscription."""

    reason: str
    after_reply: bool
    left: int | None


class Realtime:
    """Every socket and channel, and the trouble that a test asked for."""

    def __init__(self, world: World) -> None:
        """Tell how the payments of this world change."""
        self._world = world
        self._timer: asyncio.TimerHandle | None = None
        self._sockets: set[Socket] = set()
        self._serving: dict[asyncio.Task[None], Socket] = {}
        self.seen: Counter[str] = Counter()
        self.shape: RowShape = default_row
        self.silent: Silence = "nothing"
        self.refusing_until = 0.0
        self.refusal_status: int | None = 503
        self.join_refusal: JoinRefusal | None = None
        world.changed = self._tell_change
        world.scheduled = self._set_timer

    # connections

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Upgrade a request to a websocket, and speak on it until it is closed."""
        if self._world.clock.seconds() < self.refusing_until:
            return self._refuse(request)
        version = version_of(request.query.get("vsn", "1.0.0"))
        if version is None or request.query.get("apikey") != ANON_KEY:
            self.seen["refused_connects"] += 1
            return web.Response(status=403)
        stream = web.WebSocketResponse(timeout=_FAREWELL)
        if not stream.can_prepare(request):
            return web.Response(status=400)
        socket = Socket(request, stream, version)
        self._serving[request.task] = socket
        request.task.add_done_callback(self._serving.pop)
        await stream.prepare(request)
        self._sockets.add(socket)
        self.seen["connects"] += 1
        try:
            await socket.run(self._answer)
        finally:
            self._sockets.discard(socket)
            self._set_timer()
        return stream

    def _refuse(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen["refused_connects"] += 1
        if self.refusal_status is None and request.transport is not None:
            request.transport.abort()
        return web.Response(status=self.refusal_status or 503)

    def drop(self, code: int | None) -> None:
        """Cut every connection, or close it with a code; what it still says is not heard."""
        while self._sockets:
            socket = self._sockets.pop()
            if code is None:
                socket.drop()
            else:
                socket.close(code)
        self._set_timer()

    async def close(self) -> None:
        """Cut every connection and leave nothing running."""
        self.drop(None)
        for socket in self._serving.values():
            socket.drop()
        if self._serving:
            await asyncio.wait(self._serving)

    def send_frame(self, frame: str | bytes) -> None:
        """Send a frame as it is on every socket."""
        for socket in self._sockets:
            socket.send_frame(frame)

    @property
    def sockets(self) -> int:
        """How many are open."""
        return len(self._sockets)

    def channels(self) -> Iterator[Channel]:
        """Every channel that is joined."""
        for socket in tuple(self._sockets):
            yield from tuple(socket.channels.values())

    # messages

    def _answer(self, socket: Socket, message: Message) -> None:
        heartbeat = (message.topic, message.event) == ("phoenix", "heartbeat")
        self.seen["heartbeats"] += heartbeat
        if self.silent == "all" or socket not in self._sockets:
            return
        channel = socket.channels.get(message.topic)
        if heartbeat:
            socket.send(message.reply({}))
        elif message.event == "phx_join" and message.topic.startswith(_PREFIX):
            self._join(socket, message)
        elif message.event == "phx_leave":
            socket.send(message.reply({}, join_ref=message.join_ref))
            if channel is not None:
                channel.close()
        elif channel is None:
            socket.send(message.reply({"reason": "unmatched topic"}, "error"))
        elif message.event == "access_token":
            self._renew(channel, message.payload)
        self._set_timer()

    def _join(self, socket: Socket, message: Message) -> None:
        """Open a channel; it takes the place of one of the same topic, even when it is refused."""
        settlement.settle_due(self._world)
        replaced = socket.channels.pop(message.topic, None)
        refusal = self._next_join_refusal()
        if refusal is not None and not refusal.after_reply:
            self._refuse_join(socket, message, refusal.reason)
        else:
            self._open(socket, message, None if refusal is None else refusal.reason)
        if replaced is not None:
            replaced.close()
        if message.topic in socket.channels:
            self._subscribe(socket.channels[message.topic])

    def _open(self, socket: Socket, message: Message, refusal: str | None) -> None:
        payload = message.payload if isinstance(message.payload, dict) else {}
        key = self._world.realtime_keys.opening(message.topic.removeprefix(_PREFIX), payload.get("access_token"))
        if isinstance(key, str):
            self._refuse_join(socket, message, key)
            return
        asked = read_subscriptions(payload, key)
        socket.channels[message.topic] = Channel(
            socket=socket,
            topic=message.topic,
            join_ref=message.join_ref,
            key=key,
            ids=asked.ids,
            refusal=refusal or asked.refusal,
            ready_second=self._world.clock.seconds() + self._world.quirks.subscription_lag,
        )
        self.seen["joins"] += 1
        socket.send(message.reply({"postgres_changes": asked.asked}, join_ref=message.join_ref))

    def _refuse_join(self, socket: Socket, message: Message, reason: str) -> None:
        self.seen["refused_joins"] += 1
        socket.send(message.reply({"reason": reason}, "error", join_ref=message.join_ref))

    def _next_join_refusal(self) -> JoinRefusal | None:
        refusal = self.join_refusal
        if refusal is not None and refusal.left is not None:
            refusal.left -= 1
            if refusal.left == 0:
                self.join_refusal = None
        return refusal

    def _renew(self, channel: Channel, payload: object) -> None:
        """Let a channel live as long as a fresh key; a bad one ends it."""
        token = payload.get("access_token") if isinstance(payload, dict) else None
        if token is None:
            return
        key = self._world.realtime_keys.opening(channel.key.channel, token)
        if isinstance(key, str):
            channel.tell("system", "error", key.partition(": ")[2])
            channel.close()
        elif key is not channel.key:
            channel.key = key
            channel.ready = False
            self._subscribe(channel)

    def _subscribe(self, channel: Channel) -> None:
        """Say whether changes are told from now on, once the subscriptions are there."""
        if channel.ready or channel.ready_second > self._world.clock.seconds():
            return
        channel.ready = True
        if channel.refusal is not None:
            channel.tell("postgres_changes", "error", channel.refusal)
        elif channel.ids:
            channel.tell("postgres_changes", "ok", "Subscribed to PostgreSQL")

    # changes

    def _tell_change(self, payment: Payment, event: str, second: float) -> None:
        if self.silent != "nothing":
            return
        entry = entry_of(payment)
        for channel in self.channels():
            listening = channel.ready_second <= second and not channel.key.has_expired(second)
            if listening and channel.refusal is None:
                self._push(channel, entry.reference_id, self.shape(entry), event, second)

    def push_row(self, reference_id: str, row: Mapping[str, object], event: str) -> int:
        """Tell a row to every channel of a payment, and return how many there are."""
        told = 0
        for channel in self.channels():
            told += self._push(channel, reference_id, row, event, self._world.clock.seconds())
        return told

    def _push(self, channel: Channel, reference_id: str, row: Mapping[str, object], event: str, second: float) -> bool:
        fits = channel.key.reference_id == reference_id and bool(channel.ids)
        if fits:
            data = change(row, event, self._world.clock.at(second))
            channel.send("postgres_changes", {"ids": channel.ids, "data": data})
        return fits

    # time

    def pass_time(self) -> None:
        """Let everything happen that the clock has reached."""
        if self.silent != "all":
            for channel in self.channels():
                self._subscribe(channel)
        settlement.settle_due(self._world)
        if self.silent != "all":
            self._end_expired()
        self._set_timer()

    def _end_expired(self) -> None:
        now = self._world.clock.seconds()
        for channel in self.channels():
            if channel.key.has_expired(now):
                channel.tell("system", "error", channel.key.expiry(now))
                channel.close()

    def _set_timer(self) -> None:
        """Wake at the next thing to happen; while nobody has joined, payments wait until they are asked about."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        channels = () if self.silent == "all" else tuple(self.channels())
        if not channels:
            return
        dues = [channel.key.expires_second for channel in channels]
        dues += [channel.ready_second for channel in channels if not channel.ready]
        dues += [entry[0] for entry in self._world.agenda[:1]]
        wait = max(min(dues) - self._world.clock.seconds(), _SHORTEST_WAIT)
        self._timer = asyncio.get_running_loop().call_later(wait, self.pass_time)
