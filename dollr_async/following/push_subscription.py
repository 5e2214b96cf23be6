"""Where one thing's changes are pushed, for as long as somebody follows it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_LINGER = 5.0
"""Seconds for which a channel is kept while nobody awaits a change: whoever is busy with one is soon back."""


class Channel(Protocol):
    """One thing's place on the push connection."""

    @property
    def is_live(self) -> bool:
        """Whether a change would be pushed now."""
        ...

    def leave(self) -> None:
        """Give the place back."""
        ...


class PushSubscription:
    """A channel that is opened while somebody follows, where there is room, and left soon after."""

    def __init__(self, open_channel: Callable[[Callable[[], None]], Channel | None], interval: float) -> None:
        """Listen to nothing yet; `interval` is how often to look beside a live channel, in seconds."""
        self.interval = interval
        self._open = open_channel
        self._channel: Channel | None = None
        self._leaving: asyncio.TimerHandle | None = None

    @property
    def is_live(self) -> bool:
        """Whether a change would be pushed now."""
        return self._channel is not None and self._channel.is_live

    def begin(self, on_hint: Callable[[], None]) -> None:
        """Somebody follows: open the channel unless it is open, to be told when there may be news."""
        self._stay()
        if self._channel is None:
            self._channel = self._open(on_hint)

    def pause(self) -> None:
        """Nobody follows at this moment: leave the channel in a while."""
        if self._channel is not None and self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(_LINGER, self.end)

    def end(self) -> None:
        """Leave the channel."""
        self._stay()
        if self._channel is not None:
            self._channel.leave()
            self._channel = None

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
