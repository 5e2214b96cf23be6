"""The push channel of one payment, kept while the payment is followed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.push.channel import Channel

_CLOSE_AFTER = 5.0
"""Seconds for which a channel is kept while nobody awaits a change: a follower that is busy with one is soon back."""


class PushSubscription:
    """A push channel that is opened while somebody follows, if there is room for it, and closed soon after."""

    def __init__(self, open_channel: Callable[[Callable[[], None]], Channel | None], poll_interval: float) -> None:
        """Open nothing yet; `poll_interval` is the seconds between polls while the channel is live."""
        self.poll_interval = poll_interval
        self._open_channel = open_channel
        self._channel: Channel | None = None
        self._closing: asyncio.TimerHandle | None = None

    @property
    def is_live(self) -> bool:
        """Whether a change would be pushed now."""
        return self._channel is not None and self._channel.is_live

    def open(self, on_hint: Callable[[], None]) -> None:
        """Open the channel, unless it is open; `on_hint` is called when there may be a change."""
        self._cancel_closing()
        if self._channel is None:
            self._channel = self._open_channel(on_hint)

    def close_soon(self) -> None:
        """Close the channel in a while, unless it is opened again before."""
        if self._channel is not None and self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(_CLOSE_AFTER, self.close)

    def close(self) -> None:
        """Close the channel now."""
        self._cancel_closing()
        if self._channel is not None:
            self._channel.leave()
            self._channel = None

    def _cancel_closing(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
