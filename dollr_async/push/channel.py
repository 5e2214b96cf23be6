"""One collection's channel for live updates: joined with a fresh key, kept, lost, and joined again.

Nothing that is received here is believed: a row, a join and a loss are each a hint to look, and the look decides.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from dollr_async.base.errors import DollrError, InvalidRequestError, NotFoundError, PermissionDeniedError
from dollr_async.push.phoenix import REPLY_WITHIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.base.clock import Clock
    from dollr_async.push.phoenix import Message, PhoenixConnection
    from dollr_async.resources.realtime_keys import NewRealtimeKey, RealtimeKey
    from dollr_async.wire.retry import RetryPolicy

logger = logging.getLogger("dollr_async.realtime")

LIVED = 30.0
"""What has worked for so many seconds has lived: what goes wrong after that is a new trouble, not the old one."""

_WATCHED_WITHIN = 1.0
_TABLE = "checkout_payment_intent_public_status"
# A key is renewed when three quarters of its life are over; a life of no length is no reason to ask without pause.
_RENEWED_AFTER = 0.75
_SOONEST_RENEWAL = 10.0
# Asking for a key again would end the same.
_REFUSALS = (PermissionDeniedError, NotFoundError, InvalidRequestError)


class Host(Protocol):
    """What a channel needs of the one who has the connection."""

    async def connection(self) -> PhoenixConnection:
        """Wait for an open connection."""
        ...

    async def key(self, wanted: NewRealtimeKey) -> RealtimeKey:
        """Obtain a fresh key, when it is this channel's turn."""
        ...

    def is_up(self) -> None:
        """Hear that a channel is live."""
        ...

    def is_down(self, reason: str) -> None:
        """Hear that a channel could not be joined or was lost."""
        ...

    def let_go(self, channel: Channel) -> None:
        """Forget a channel that was left."""
        ...


class Channel:
    """The live updates of one collection, for as long as they are wanted."""

    def __init__(
        self,
        wanted: NewRealtimeKey,
        on_hint: Callable[[], None],
        *,
        host: Host,
        pauses: RetryPolicy,
        clock: Clock,
    ) -> None:
        """Keep what is followed; nothing is joined before `attend` runs."""
        self.topic = f"realtime:payment-intent:{wanted.session_id}:{wanted.reference_id}"
        self._wanted = wanted
        self._on_hint = on_hint
        self._host = host
        self._pauses = pauses
        self._clock = clock
        self._connection: PhoenixConnection | None = None
        self._join_ref: str | None = None
        self._answered = asyncio.Event()
        self._watched = asyncio.Event()
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
        self._quit()
        self._host.let_go(self)

    async def attend(self) -> None:
        """Join, stay, and join again for ever; ends only when the key is refused or the task is cancelled."""
        while True:
            try:
                await self._attend(await self._host.connection())
            except _REFUSALS as error:
                logger.info("%s: no live updates, its key was refused (%s)", self._wanted.reference_id, error)
                self._lose("its key was refused")
                return
            except TimeoutError:
                self._lose("its join was not answered")
            except Exception as error:  # noqa: BLE001 - whatever becomes of push, the payment is polled
                self._lose(str(error) if isinstance(error, DollrError) else type(error).__name__)
            self._failures += 1
            self._host.is_down(self._reason)
            # After a lost connection too: it spreads the joins of all the channels.
            await self._clock.sleep(self._pauses.delay(self._failures))

    async def _attend(self, connection: PhoenixConnection) -> None:
        """Join on a connection and return when the channel is lost."""
        self._connection = connection
        self._answered.clear()
        self._watched.clear()
        self._lost.clear()
        key = await self._host.key(self._wanted)
        if self._lost.is_set():
            return
        self._join_ref = connection.post(self.topic, "phx_join", self._terms(key))
        async with asyncio.timeout(REPLY_WITHIN):
            await self._answered.wait()
        await self._be_watched()
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(max(key.expires_in * _RENEWED_AFTER, _SOONEST_RENEWAL)):
                    await self._lost.wait()
            except TimeoutError:
                key = await self._host.key(self._wanted)
                self._push("access_token", {"access_token": key.access_token})

    async def _be_watched(self) -> None:
        # Supabase says ok to a join before it watches the row, and says in a message of its own when it does: a look
        # after that misses nothing. Where the message does not come, the join has to do.
        with suppress(TimeoutError):
            async with asyncio.timeout(_WATCHED_WITHIN):
                await self._watched.wait()
        if not self._watched.is_set():
            self._go_live()

    def _terms(self, key: RealtimeKey) -> dict[str, object]:
        row = {
            "event": "*",
            "schema": "public",
            "table": _TABLE,
            "filter": f"reference_id=eq.{self._wanted.reference_id}",
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

    def hear(self, message: Message) -> None:
        """Take a message of this channel's topic."""
        if self._join_ref is None:
            return
        # The end of an earlier join of this topic may come late, and is none of this one.
        is_ours = message.ref in {None, self._join_ref}
        match message.event, message.payload.get("status"):
            case "postgres_changes", _:
                self._hint()
            case "system", "ok" if message.payload.get("extension") == "postgres_changes":
                self._go_live()
            case "system", "error":
                self._lose("the server reports an error")
            case "phx_reply", "ok" if message.ref == self._join_ref:
                self._answered.set()
            case "phx_reply", "error" if message.ref == self._join_ref:
                self._lose("its join was refused", is_joined=False)
            case (("phx_close" | "phx_error"), _) if is_ours:
                self._lose("the server closed it", is_joined=False)

    def _go_live(self) -> None:
        self._watched.set()
        if self._live_since is None:
            self._live_since = self._clock.monotonic()
            logger.debug("%s: live updates joined", self._wanted.reference_id)
            self._host.is_up()
        self._hint()

    def lose_connection(self, connection: PhoenixConnection, reason: str) -> None:
        """Take it that a connection has ended."""
        if self._connection is connection:
            self._connection = None
            self._lose(reason)

    def _lose(self, reason: str, *, is_joined: bool = True) -> None:
        if is_joined:
            self._quit()
        self._join_ref = None
        self._reason = reason
        self._answered.set()
        self._watched.set()
        self._lost.set()
        logger.debug("%s: live updates lost (%s)", self._wanted.reference_id, reason)
        since, self._live_since = self._live_since, None
        if since is not None:
            if self._clock.monotonic() - since >= LIVED:
                self._failures = 0
            self._hint()

    def _quit(self) -> None:
        self._push("phx_leave", {})
        self._join_ref = None

    def _push(self, event: str, payload: dict[str, object]) -> None:
        if self._connection is not None and self._join_ref is not None:
            self._connection.post(self.topic, event, payload, join_ref=self._join_ref)

    def _hint(self) -> None:
        try:
            self._on_hint()
        except Exception as error:  # noqa: BLE001 - whoever is told must not end the connection of all the others
            logger.warning("%s: a hint could not be taken (%s)", self._wanted.reference_id, type(error).__name__)
