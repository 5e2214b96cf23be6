"""Push beside polling: one connection to Supabase Realtime, on which collections are told that they changed.

It may be down for as long as it likes. What it says is a hint to look, and polling finds the same changes without it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.errors import DollrError
from dollr_async.push.channel import LIVED, Channel
from dollr_async.push.phoenix import PhoenixConnection
from dollr_async.resources.realtime_keys import NewRealtimeKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.enums import SourceType
    from dollr_async.push.phoenix import Message, Socket
    from dollr_async.push.settings import RealtimeSettings
    from dollr_async.resources.realtime_keys import RealtimeKey, RealtimeKeys
    from dollr_async.wire.retry import RetryPolicy

logger = logging.getLogger("dollr_async.realtime")

# After a reconnect every channel wants a fresh key; the API is not to be stormed for them.
_FETCHES_AT_ONCE = 4
_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LINGER = 5.0


class PushConnection:
    """The one push connection of a client, and its channels."""

    def __init__(
        self,
        settings: RealtimeSettings,
        *,
        connect: Callable[[str], Awaitable[Socket]],
        keys: RealtimeKeys,
        retry: RetryPolicy,
        clock: Clock,
    ) -> None:
        """Keep the settings; nothing is opened and no loop is needed yet. `connect` opens a websocket."""
        self._settings = settings
        self._connect = connect
        self._keys = keys
        # Tried for ever, so the pauses have bounds of their own.
        shortest = min(max(retry.base_delay, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        self._pauses = attrs.evolve(retry, base_delay=shortest, max_delay=_LONGEST_PAUSE)
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channels: dict[str, Channel] = {}
        self._attending: dict[Channel, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._lingering: asyncio.Task[None] | None = None
        self._connection: PhoenixConnection | None = None
        self._opened = asyncio.Event()
        self._fetching = asyncio.Semaphore(_FETCHES_AT_ONCE)
        self._is_out = False
        self._is_closed = False

    @property
    def poll_interval(self) -> float:
        """How often to look beside a live channel, in seconds."""
        return self._settings.poll_interval

    def follow(
        self, reference_id: UUID, session_id: int, source_type: SourceType, on_hint: Callable[[], None]
    ) -> Channel | None:
        """Have a collection followed by push, beginning soon; the channel is to be left by who asked for it.

        `on_hint` is called when a look is due: each time the channel goes live, at each row that is pushed, and when
        a live channel is lost. None means polling alone: all channels are in use, this collection has one already, or
        this is closed.

        Raises:
            InvalidInputError: the session's id or the reference has not the form that a key is asked for with.
        """
        wanted = NewRealtimeKey(session_id=session_id, source_type=source_type, reference_id=reference_id)
        channel = Channel(wanted, on_hint, host=self, pauses=self._pauses, clock=self._clock)
        is_full = len(self._channels) >= self._settings.max_channels
        if is_full or self._is_closed or channel.topic in self._channels:
            return None
        self._loop = asyncio.get_running_loop()
        self._channels[channel.topic] = channel
        self._attending[channel] = attending = self._started(channel.attend(), "dollr_async realtime channel")
        attending.add_done_callback(lambda _: self.let_go(channel))
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._connecting is None:
            self._connecting = self._started(self._keep_connected(), "dollr_async realtime connection")
        return channel

    def _started(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            connection: PhoenixConnection | None = None
            reason = "the connection ended"
            try:
                socket = await self._connect(self._settings.websocket_url)
                self._connection = connection = PhoenixConnection(socket, clock=self._clock, on_message=self._pass_on)
                self._opened.set()
                await connection.run()
            except Exception as error:  # noqa: BLE001 - whatever becomes of push, the payments are polled
                reason = str(error) if isinstance(error, DollrError) else type(error).__name__
            finally:
                if connection is not None:
                    self._drop(connection, reason)
            failures = 1 if connection is not None and connection.age >= LIVED else failures + 1
            self.is_down(reason)
            await self._clock.sleep(self._pauses.delay(failures))

    def _drop(self, connection: PhoenixConnection, reason: str) -> None:
        if self._connection is connection:
            self._connection = None
            self._opened.clear()
        for channel in list(self._channels.values()):
            channel.lose_connection(connection, reason)

    def _pass_on(self, message: Message) -> None:
        channel = self._channels.get(message.topic)
        if channel is not None:
            channel.hear(message)

    async def connection(self) -> PhoenixConnection:
        """Wait for an open connection."""
        while (connection := self._connection) is None:
            await self._opened.wait()
        return connection

    async def key(self, wanted: NewRealtimeKey) -> RealtimeKey:
        """Obtain a fresh key, a few at a time."""
        async with self._fetching:
            return await self._keys.collection(wanted)

    def is_up(self) -> None:
        """Say once that an outage is over."""
        if self._is_out:
            self._is_out = False
            logger.info("live updates are back")

    def is_down(self, reason: str) -> None:
        """Say once that nothing is live; one channel's trouble beside others that are live is none of all."""
        channels = self._channels.values()
        if self._is_out or not channels or any(channel.is_live for channel in channels):
            return
        self._is_out = True
        logger.warning("live updates are down (%s): payments are polled, and push is tried again and again", reason)

    def let_go(self, channel: Channel) -> None:
        """Forget a channel that was left or given up; after the last one the connection is closed a little later."""
        attending = self._attending.pop(channel, None)
        if attending is None or self._loop is None or self._loop.is_closed():
            return
        attending.cancel()
        del self._channels[channel.topic]
        if not self._channels:
            self._lingering = self._started(self._end_later(), "dollr_async realtime linger")

    async def _end_later(self) -> None:
        await self._clock.sleep(_LINGER)
        connecting, self._connecting = self._connecting, None
        self._connection = None
        self._opened.clear()
        if connecting is not None:
            connecting.cancel()

    async def close(self) -> None:
        """Leave every channel, end all work and close the connection; closing twice is fine."""
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            # Everything ended with its loop; where that still runs, the client refuses to be closed from here.
            self._is_closed = self._loop.is_closed()
            return
        self._is_closed = True
        for channel in list(self._channels.values()):
            channel.leave()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
