"""The server of the push channel: a Supabase Realtime of one table, which sends each payment's changes."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import TYPE_CHECKING, Literal

import attrs
from aiohttp import web

from dollr_async.sandbox.push.channels import Channel, Channels
from dollr_async.sandbox.push.phoenix import Message, version_of
from dollr_async.sandbox.push.sockets import Socket
from dollr_async.sandbox.push.subscriptions import RowShape, change, default_row, read_subscriptions
from dollr_async.sandbox.world import settlement
from dollr_async.sandbox.world.records import entry_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dollr_async.sandbox.world.records import Payment
    from dollr_async.sandbox.world.world import World

PATH = "/realtime/v1/websocket"
ANON_KEY = "sandbox-anon-key"

Silence = Literal["nothing", "changes", "all"]

_PREFIX = "realtime:"
_CLOSE_TIMEOUT = 0.2
"""How many seconds a client has to answer when its websocket is closed."""
_SHORTEST_WAIT = 0.001
"""A timer that fires too early by a rounding error must not fire in an endless loop."""


@attrs.define
class JoinRefusal:
    """Why the next `left` joins are refused, or all for None: in the reply, or in a `system` message after it."""

    reason: str
    after_reply: bool
    left: int | None


class RealtimeServer:
    """All sockets and channels, and the failures that a test asked for."""

    def __init__(self, world: World) -> None:
        """Send the changes of this world's payments."""
        self._world = world
        self._channels = Channels()
        self._timer: asyncio.TimerHandle | None = None
        self._sockets: set[Socket] = set()
        self._serving: dict[asyncio.Task[None], Socket] = {}
        self.counts: Counter[str] = Counter()
        self.row_shape: RowShape = default_row
        self.silent: Silence = "nothing"
        self.refusing_until = 0.0
        self.refusal_status: int | None = 503
        self.join_refusal: JoinRefusal | None = None
        world.on_payment_change = self._send_change
        world.on_event_scheduled = self._set_timer

    # connections

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Upgrade a request to a websocket, and answer its messages until it is closed."""
        if self._world.clock.seconds() < self.refusing_until:
            return self._refuse(request)
        version = version_of(request.query.get("vsn", "1.0.0"))
        if version is None or request.query.get("apikey") != ANON_KEY:
            self.counts["refused_connects"] += 1
            return web.Response(status=403)
        stream = web.WebSocketResponse(timeout=_CLOSE_TIMEOUT)
        if not stream.can_prepare(request):
            return web.Response(status=400)
        socket = Socket(request, stream, version)
        self._serving[request.task] = socket
        request.task.add_done_callback(self._serving.pop)
        await stream.prepare(request)
        self._sockets.add(socket)
        self.counts["connects"] += 1
        try:
            await socket.run(self._answer)
        finally:
            self._sockets.discard(socket)
            self._channels.remove_all(socket)
            self._set_timer()
        return stream

    def _refuse(self, request: web.BaseRequest) -> web.StreamResponse:
        self.counts["refused_connects"] += 1
        if self.refusal_status is None and request.transport is not None:
            request.transport.abort()
        return web.Response(status=self.refusal_status or 503)

    def drop(self, code: int | None) -> None:
        """Drop every connection, or close it with a code; later messages are ignored."""
        while self._sockets:
            socket = self._sockets.pop()
            self._channels.remove_all(socket)
            if code is None:
                socket.drop()
            else:
                socket.close(code)
        self._set_timer()

    def reset(self) -> None:
        """Drop every connection, and forget the counts and the shape of rows."""
        self.drop(None)
        self.counts.clear()
        self.row_shape = default_row

    async def close(self) -> None:
        """Drop every connection, and leave no task behind."""
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
    def open_sockets(self) -> int:
        """How many are open."""
        return len(self._sockets)

    @property
    def open_channels(self) -> int:
        """How many are joined."""
        return len(self._channels)

    # messages

    def _answer(self, socket: Socket, message: Message) -> None:
        heartbeat = (message.topic, message.event) == ("phoenix", "heartbeat")
        self.counts["heartbeats"] += heartbeat
        if self.silent == "all" or socket not in self._sockets:
            return
        channel = self._channels.find(socket, message.topic)
        if heartbeat:
            socket.send(message.reply({}))
        elif message.event == "phx_join" and message.topic.startswith(_PREFIX):
            self._join(socket, message)
        elif message.event == "phx_leave":
            socket.send(message.reply({}, join_ref=message.join_ref))
            if channel is not None:
                self._end(channel)
        elif channel is None:
            socket.send(message.reply({"reason": "unmatched topic"}, "error"))
        elif message.event == "access_token":
            self._renew_key(channel, message.payload)
        self._set_timer()

    def _join(self, socket: Socket, message: Message) -> None:
        """Open a channel; it replaces one of the same topic, even when it is refused."""
        settlement.settle_due(self._world)
        replaced = self._channels.find(socket, message.topic)
        if replaced is not None:
            self._channels.remove(replaced)
        refusal = self._next_join_refusal()
        if refusal is not None and not refusal.after_reply:
            self._refuse_join(socket, message, refusal.reason)
        else:
            self._open(socket, message, None if refusal is None else refusal.reason)
        if replaced is not None:
            replaced.send_close()
        channel = self._channels.find(socket, message.topic)
        if channel is not None:
            self._confirm(channel)

    def _open(self, socket: Socket, message: Message, refusal: str | None) -> None:
        payload = message.payload if isinstance(message.payload, dict) else {}
        key = self._world.realtime_keys.check(message.topic.removeprefix(_PREFIX), payload.get("access_token"))
        if isinstance(key, str):
            self._refuse_join(socket, message, key)
            return
        subscriptions = read_subscriptions(payload, key)
        channel = Channel(
            socket=socket,
            topic=message.topic,
            join_ref=message.join_ref,
            key=key,
            ids=subscriptions.ids,
            refusal=refusal or subscriptions.refusal,
            ready_second=self._world.clock.seconds() + self._world.quirks.subscription_lag,
        )
        self._channels.add(channel)
        self.counts["joins"] += 1
        socket.send(message.reply({"postgres_changes": subscriptions.feeds}, join_ref=message.join_ref))

    def _refuse_join(self, socket: Socket, message: Message, reason: str) -> None:
        self.counts["refused_joins"] += 1
        socket.send(message.reply({"reason": reason}, "error", join_ref=message.join_ref))

    def _next_join_refusal(self) -> JoinRefusal | None:
        refusal = self.join_refusal
        if refusal is not None and refusal.left is not None:
            refusal.left -= 1
            if refusal.left == 0:
                self.join_refusal = None
        return refusal

    def _renew_key(self, channel: Channel, payload: object) -> None:
        """Take a new key for a channel; one that is not valid ends it."""
        token = payload.get("access_token") if isinstance(payload, dict) else None
        if token is None:
            return
        key = self._world.realtime_keys.check(channel.key.channel, token)
        if isinstance(key, str):
            self._end(channel, key.partition(": ")[2])
        elif key is not channel.key:
            channel.key = key
            channel.confirmed = False
            self._channels.schedule(channel)
            self._confirm(channel)

    def _confirm(self, channel: Channel) -> None:
        """Send whether the subscription was accepted, once the channel is ready."""
        if channel.confirmed or channel.ready_second > self._world.clock.seconds():
            return
        channel.confirmed = True
        if channel.refusal is not None:
            channel.send_system("postgres_changes", "error", channel.refusal)
        elif channel.ids:
            channel.send_system("postgres_changes", "ok", "Subscribed to PostgreSQL")

    def _end(self, channel: Channel, error: str | None = None) -> None:
        """End a channel, for an error that is sent first or because its client has left."""
        self._channels.remove(channel)
        if error is not None:
            channel.send_system("system", "error", error)
        channel.send_close()

    # changes

    def _send_change(self, payment: Payment, event: str, second: float) -> None:
        if self.silent != "nothing":
            return
        for channel in self._channels.of_payment(payment.reference_id):
            if channel.is_listening(second):
                self._send_row(channel, self._row_of(payment), event, second)

    def _row_of(self, payment: Payment) -> Mapping[str, object]:
        row = self.row_shape(entry_of(payment))
        if row.get("status") != payment.status:
            return row
        return {**row, "status": self._world.quirks.status_word(payment.status)}

    def push_row(self, reference_id: str, row: Mapping[str, object], event: str) -> int:
        """Send a row to every channel of a payment, and return how many there are."""
        channels = self._channels.of_payment(reference_id)
        for channel in channels:
            self._send_row(channel, row, event, self._world.clock.seconds())
        return len(channels)

    def _send_row(self, channel: Channel, row: Mapping[str, object], event: str, second: float) -> None:
        if channel.ids:
            data = change(row, event, self._world.clock.at(second))
            channel.send("postgres_changes", {"ids": channel.ids, "data": data})

    # time

    def pass_time(self) -> None:
        """Do everything that is due now."""
        now = self._world.clock.seconds()
        due = () if self.silent == "all" else self._channels.take_due(now)
        for channel in due:
            self._confirm(channel)
        settlement.settle_due(self._world)
        for channel in due:
            if channel.key.has_expired(now):
                self._end(channel, channel.key.expiry_message(now))
        self._set_timer()

    def expire_keys(self) -> None:
        """Make every key expire now, and end its channels."""
        self._world.realtime_keys.expire_all()
        for channel in self._channels:
            self._channels.schedule(channel)
        self.pass_time()

    def _set_timer(self) -> None:
        """Set the timer for what is due next; without a joined channel, payments change at the next request."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._channels.next_second()
        if self.silent == "all" or due == math.inf:
            return
        if self._world.events:
            due = min(due, self._world.events[0][0])
        wait = max(due - self._world.clock.seconds(), _SHORTEST_WAIT)
        self._timer = asyncio.get_running_loop().call_later(wait, self.pass_time)
