"""The channel of one collection for live updates: joined with a fresh key, lost, and joined again.

Nothing that is received here is trusted. A pushed row, a join and a loss are each a hint to check the status, and only
the answer to that counts.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from dollr_async.base.errors import DollrError, InvalidRequestError, NotFoundError, PermissionDeniedError
from dollr_async.push.phoenix import REPLY_WITHIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock
    from dollr_async.push.phoenix import Message, PhoenixConnection
    from dollr_async.resources.realtime_keys import NewRealtimeKey, RealtimeKey
    from dollr_async.wire.retry import RetryPolicy

logger = logging.getLogger("dollr_async.realtime")

STABLE_AFTER = 30.0
"""Seconds after which a connection or channel counts as stable: a failure after that is the first of a new series."""

_SUBSCRIBED_WITHIN = 1.0
_TABLE = "checkout_payment_intent_public_status"
# A key is renewed after three quarters of its life, and never sooner than this: a life of 0 must not make a busy loop.
_RENEWED_AFTER = 0.75
_SOONEST_RENEWAL = 10.0
# Another request for a key would be refused too.
_REFUSALS = (PermissionDeniedError, NotFoundError, InvalidRequestError)


class ChannelHost(Protocol):
    """What a channel needs of the `PushConnection` that it belongs to."""

    async def wait_for_connection(self) -> PhoenixConnection:
        """Wait for an open connection."""
        ...

    async def fetch_key(self, request: NewRealtimeKey) -> RealtimeKey:
        """Fetch a fresh key, when it is this channel's turn."""
        ...

    def report_up(self) -> None:
        """Note that a channel is live."""
        ...

    def report_down(self, reason: str) -> None:
        """Note that a channel could not be joined or was lost."""
        ...

    def remove(self, channel: Channel) -> None:
        """Forget a channel that was left."""
        ...


class Channel:
    """The live updates of one collection, until it is left."""

    def __init__(
        self,
        key_request: NewRealtimeKey,
        on_hint: Callable[[], None],
        *,
        host: ChannelHost,
        retry: RetryPolicy,
        clock: Clock,
    ) -> None:
        """Join nothing before `run`; `retry` sets the pauses between the joins."""
        self.topic = f"realtime:payment-intent:{key_request.session_id}:{key_request.reference_id}"
        self._key_request = key_request
        self._about = {"reference_id": UUID(key_request.reference_id)}
        self._on_hint = on_hint
        self._host = host
        self._retry = retry
        self._clock = clock
        self._connection: PhoenixConnection | None = None
        self._join_ref: str | None = None
        self._replied = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._lost = asyncio.Event()
        self._live_since: float | None = None
        self._failures = 0
        self._reason = ""
        self._has_left = False

    @property
    def is_live(self) -> bool:
        """Whether the server has joined it and would push a change now."""
        return self._live_since is not None

    def leave(self) -> None:
        """End it, without a last hint; leaving twice is fine."""
        if self._has_left:
            return
        self._has_left = True
        self._live_since = None
        self._send_leave()
        self._host.remove(self)

    async def run(self) -> None:
        """Join, stay, and join again for ever; ends only when the key is refused or the task is cancelled."""
        while True:
            try:
                await self._stay_joined(await self._host.wait_for_connection())
            except _REFUSALS as error:
                logger.info(
                    "%s: no live updates, its key was refused (%s)",
                    self._key_request.reference_id,
                    error,
                    extra=self._about,
                )
                self._lose("its key was refused")
                return
            except TimeoutError:
                self._lose("its join was not answered")
            except Exception as error:  # noqa: BLE001 - whatever happens to push, the payment is polled
                self._lose(str(error) if isinstance(error, DollrError) else type(error).__name__)
            self._failures += 1
            self._host.report_down(self._reason)
            # After a lost connection too: it spreads the joins of all channels.
            await self._clock.sleep(self._retry.delay(self._failures))

    async def _stay_joined(self, connection: PhoenixConnection) -> None:
        """Join on a connection, and return when the channel is lost."""
        self._connection = connection
        self._replied.clear()
        self._subscribed.clear()
        self._lost.clear()
        key = await self._host.fetch_key(self._key_request)
        if self._lost.is_set():
            return
        self._join_ref = connection.post(self.topic, "phx_join", self._join_payload(key))
        async with asyncio.timeout(REPLY_WITHIN):
            await self._replied.wait()
        await self._wait_until_subscribed()
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(max(key.expires_in * _RENEWED_AFTER, _SOONEST_RENEWAL)):
                    await self._lost.wait()
            except TimeoutError:
                key = await self._host.fetch_key(self._key_request)
                self._post("access_token", {"access_token": key.access_token})

    async def _wait_until_subscribed(self) -> None:
        # Supabase accepts a join before it watches the row, and confirms that in a message of its own: a status check
        # after that misses no change. If the message does not come, the join has to be enough.
        with suppress(TimeoutError):
            async with asyncio.timeout(_SUBSCRIBED_WITHIN):
                await self._subscribed.wait()
        if not self._subscribed.is_set():
            self._go_live()

    def _join_payload(self, key: RealtimeKey) -> dict[str, object]:
        row = {
            "event": "*",
            "schema": "public",
            "table": _TABLE,
            "filter": f"reference_id=eq.{self._key_request.reference_id}",
        }
        return {
            "config": {
                "broadcast": {"ack": False, "self": False},
                "presence": {"enabled": False, "key": ""},
                "postgres_changes": [row],
                "private": False,
            },
            "access_token": key.access_token,
        }

    def receive(self, message: Message) -> None:
        """Handle a message of this channel's topic."""
        if self._join_ref is None:
            return
        # The end of an earlier join of this topic may come late, and does not concern this one.
        is_of_this_join = message.ref in {None, self._join_ref}
        match message.event, message.payload.get("status"):
            case "postgres_changes", _:
                self._hint()
            case "system", "ok" if message.payload.get("extension") == "postgres_changes":
                self._go_live()
            case "system", "error":
                self._lose("the server reports an error")
            case "phx_reply", "ok" if message.ref == self._join_ref:
                self._replied.set()
            case "phx_reply", "error" if message.ref == self._join_ref:
                self._lose("its join was refused", is_joined=False)
            case (("phx_close" | "phx_error"), _) if is_of_this_join:
                self._lose("the server closed it", is_joined=False)

    def _go_live(self) -> None:
        self._subscribed.set()
        if self._live_since is None:
            self._live_since = self._clock.monotonic()
            logger.debug("%s: live updates joined", self._key_request.reference_id, extra=self._about)
            self._host.report_up()
        self._hint()

    def connection_lost(self, connection: PhoenixConnection, reason: str) -> None:
        """Note that a connection has ended, which may be another one than this channel's."""
        if self._connection is connection:
            self._connection = None
            self._lose(reason)

    def _lose(self, reason: str, *, is_joined: bool = True) -> None:
        if is_joined:
            self._send_leave()
        self._join_ref = None
        self._reason = reason
        self._replied.set()
        self._subscribed.set()
        self._lost.set()
        logger.debug("%s: live updates lost (%s)", self._key_request.reference_id, reason, extra=self._about)
        since, self._live_since = self._live_since, None
        if since is not None:
            if self._clock.monotonic() - since >= STABLE_AFTER:
                self._failures = 0
            self._hint()

    def _send_leave(self) -> None:
        self._post("phx_leave", {})
        self._join_ref = None

    def _post(self, event: str, payload: dict[str, object]) -> None:
        if self._connection is not None and self._join_ref is not None:
            self._connection.post(self.topic, event, payload, join_ref=self._join_ref)

    def _hint(self) -> None:
        try:
            self._on_hint()
        except Exception as error:  # noqa: BLE001 - a callback that fails must not end the connection of all the others
            logger.warning(
                "%s: the callback of a hint failed (%s)",
                self._key_request.reference_id,
                type(error).__name__,
                extra=self._about,
            )
