"""The joined channels: by socket and topic, by payment, and by the time at which something is due."""

from __future__ import annotations

import math
from heapq import heappop, heappush
from itertools import chain, count
from typing import TYPE_CHECKING

import attrs

from dollr_async.sandbox.push.phoenix import Message, Ref
from dollr_async.sandbox.push.sockets import Socket
from dollr_async.sandbox.world.realtime_keys import RealtimeKey

if TYPE_CHECKING:
    from collections.abc import Iterator


@attrs.define(kw_only=True, eq=False)
class Channel:
    """One topic joined on a socket; from `ready_second` on it gets the changes that its subscriptions ask for."""

    socket: Socket
    topic: str
    join_ref: Ref
    key: RealtimeKey
    ids: tuple[int, ...]
    refusal: str | None
    ready_second: float
    confirmed: bool = False

    def send(self, event: str, payload: object, *, join_ref: Ref = None, ref: Ref = None) -> None:
        """Send a message of this topic."""
        self.socket.send(Message(topic=self.topic, event=event, payload=payload, join_ref=join_ref, ref=ref))

    def send_system(self, extension: str, status: str, message: str) -> None:
        """Send a `system` message."""
        payload = {"extension": extension, "status": status, "message": message, "channel": self.key.channel}
        self.send("system", payload, join_ref=self.join_ref)

    def send_close(self) -> None:
        """Send that this channel has ended."""
        self.send("phx_close", {}, join_ref=self.join_ref, ref=self.join_ref)

    def is_listening(self, second: float) -> bool:
        """Whether it gets a change of this second."""
        return self.refusal is None and self.ready_second <= second and not self.key.has_expired(second)


class Channels:
    """All channels that are joined."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_socket: dict[Socket, dict[str, Channel]] = {}
        self._by_payment: dict[str, dict[Channel, None]] = {}
        self._wakeups: list[tuple[float, int, Channel]] = []
        self._turns = count()

    def __iter__(self) -> Iterator[Channel]:
        """All channels, ordered by payment."""
        return iter(tuple(chain.from_iterable(self._by_payment.values())))

    def __len__(self) -> int:
        """How many there are."""
        return sum(map(len, self._by_socket.values()))

    def find(self, socket: Socket, topic: str) -> Channel | None:
        """The channel of a topic on a socket."""
        return self._by_socket.get(socket, {}).get(topic)

    def of_payment(self, reference_id: str) -> tuple[Channel, ...]:
        """The channels of a payment."""
        return tuple(self._by_payment.get(reference_id, ()))

    def add(self, channel: Channel) -> None:
        """Keep a channel."""
        self._by_socket.setdefault(channel.socket, {})[channel.topic] = channel
        self._by_payment.setdefault(channel.key.reference_id, {})[channel] = None
        self.schedule(channel)

    def remove(self, channel: Channel) -> None:
        """Forget a channel."""
        topics = self._by_socket[channel.socket]
        del topics[channel.topic]
        if not topics:
            del self._by_socket[channel.socket]
        listening = self._by_payment[channel.key.reference_id]
        del listening[channel]
        if not listening:
            del self._by_payment[channel.key.reference_id]

    def remove_all(self, socket: Socket) -> None:
        """Forget all channels of a socket."""
        for channel in tuple(self._by_socket.get(socket, {}).values()):
            self.remove(channel)

    def schedule(self, channel: Channel) -> None:
        """Schedule a channel for the second at which it is ready, and for the one at which its key expires."""
        for due in (channel.ready_second, channel.key.expires_second):
            heappush(self._wakeups, (due, next(self._turns), channel))

    def next_second(self) -> float:
        """The second at which the next channel is due; infinity for never."""
        while self._wakeups and not self._is_joined(self._wakeups[0][2]):
            heappop(self._wakeups)
        return self._wakeups[0][0] if self._wakeups else math.inf

    def take_due(self, second: float) -> tuple[Channel, ...]:
        """Remove and return the channels that are due at this second, each of them once."""
        due: dict[Channel, None] = {}
        while self.next_second() <= second:
            due[heappop(self._wakeups)[2]] = None
        return tuple(due)

    def _is_joined(self, channel: Channel) -> bool:
        return self.find(channel.socket, channel.topic) is channel
