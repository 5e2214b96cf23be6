"""The push connection of a client to Supabase Realtime, which pushes the changes of collections.

It may be down for any length of time: what it pushes is a hint to check the status, and polling finds the same changes.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.errors import DollrError
from dollr_async.push.channel import STABLE_AFTER, Channel
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

# After a reconnect every channel needs a fresh key: they must not all be requested at once.
_KEY_FETCHES_AT_ONCE = 4
_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_CLOSE_AFTER = 5.0
"""Seconds for which the connection stays open without a channel."""


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
        """Open nothing yet, and need no event loop yet; `connect` opens a websocket."""
        self._settings = settings
        self._connect = connect
        self._keys = keys
        # It is retried for ever, so the pauses have limits of their own.
        shortest = min(max(retry.base_delay, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        self._retry = attrs.evolve(retry, base_delay=shortest, max_delay=_LONGEST_PAUSE)
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channels: dict[str, Channel] = {}
        self._channel_tasks: dict[Channel, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection_task: asyncio.Task[None] | None = None
        self._closing_task: asyncio.Task[None] | None = None
        self._connection: PhoenixConnection | None = None
        self._connected = asyncio.Event()
        self._key_fetches = asyncio.Semaphore(_KEY_FETCHES_AT_ONCE)
        self._is_outage = False
        self._is_closed = False

    @property
    def poll_interval(self) -> float:
        """The seconds between polls of a collection while its channel is live."""
        return self._settings.poll_interval

    def open_channel(
        self, reference_id: UUID, session_id: int, source_type: SourceType, on_hint: Callable[[], None]
    ) -> Channel | None:
        """Open the channel of a collection soon; the caller has to leave it.

        `on_hint` is called when the status has to be checked: each time the channel goes live, at each row that is
        pushed, and when a live channel is lost. None means polling alone: all channels are in use, this collection has
        one already, or this is closed.

        Raises:
            InvalidInputError: no key can be requested with this session's id or this reference.
        """
        key_request = NewRealtimeKey(session_id=session_id, source_type=source_type, reference_id=reference_id)
        channel = Channel(key_request, on_hint, host=self, retry=self._retry, clock=self._clock)
        is_full = len(self._channels) >= self._settings.max_channels
        if is_full or self._is_closed or channel.topic in self._channels:
            return None
        self._loop = asyncio.get_running_loop()
        self._channels[channel.topic] = channel
        self._channel_tasks[channel] = task = self._start_task(channel.run(), "dollr_async realtime channel")
        task.add_done_callback(lambda _: self.remove(channel), context=contextvars.Context())
        if self._closing_task is not None:
            self._closing_task.cancel()
            self._closing_task = None
        if self._connection_task is None:
            self._connection_task = self._start_task(self._keep_connected(), "dollr_async realtime connection")
        return channel

    def _start_task(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        # It lives as long as the client, and must not keep the context variables of the call that started it.
        context = contextvars.Context()
        task = asyncio.create_task(work, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=context)
        return task

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            connection: PhoenixConnection | None = None
            reason = "the connection ended"
            try:
                socket = await self._connect(self._settings.websocket_url)
                self._connection = connection = PhoenixConnection(socket, clock=self._clock, on_message=self._dispatch)
                self._connected.set()
                await connection.run()
            except Exception as error:  # noqa: BLE001 - whatever happens to push, the payments are polled
                reason = str(error) if isinstance(error, DollrError) else type(error).__name__
            finally:
                if connection is not None:
                    self._connection_lost(connection, reason)
            failures = 1 if connection is not None and connection.age >= STABLE_AFTER else failures + 1
            self.report_down(reason)
            await self._clock.sleep(self._retry.delay(failures))

    def _connection_lost(self, connection: PhoenixConnection, reason: str) -> None:
        if self._connection is connection:
            self._connection = None
            self._connected.clear()
        for channel in list(self._channels.values()):
            channel.connection_lost(connection, reason)

    def _dispatch(self, message: Message) -> None:
        channel = self._channels.get(message.topic)
        if channel is not None:
            channel.receive(message)

    async def wait_for_connection(self) -> PhoenixConnection:
        """Wait for an open connection."""
        while (connection := self._connection) is None:
            await self._connected.wait()
        return connection

    async def fetch_key(self, request: NewRealtimeKey) -> RealtimeKey:
        """Fetch a fresh key, a few at a time."""
        async with self._key_fetches:
            return await self._keys.collection(request)

    def report_up(self) -> None:
        """Log once that an outage is over."""
        if self._is_outage:
            self._is_outage = False
            logger.info("live updates are back")

    def report_down(self, reason: str) -> None:
        """Log once that no channel is live; as long as another one is, that of one channel is no outage."""
        channels = self._channels.values()
        if self._is_outage or not channels or any(channel.is_live for channel in channels):
            return
        self._is_outage = True
        logger.warning("live updates are down (%s): payments are polled, and push is retried", reason)

    def remove(self, channel: Channel) -> None:
        """Forget a channel that was left or has ended; after the last one the connection is closed a little later."""
        task = self._channel_tasks.pop(channel, None)
        if task is None or self._loop is None or self._loop.is_closed():
            return
        task.cancel()
        del self._channels[channel.topic]
        if not self._channels:
            self._closing_task = self._start_task(self._close_soon(), "dollr_async realtime closing")

    async def _close_soon(self) -> None:
        await self._clock.sleep(_CLOSE_AFTER)
        task, self._connection_task = self._connection_task, None
        self._connection = None
        self._connected.clear()
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Leave every channel, end every task and close the connection; closing twice is fine."""
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            # If that loop is closed, everything ended with it; if it still runs, the client refuses to close from here.
            self._is_closed = self._loop.is_closed()
            return
        self._is_closed = True
        for channel in list(self._channels.values()):
            channel.leave()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
