"""What a test may do to the push channel, and what it may ask it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import attrs

from dollr_async.sandbox.push.server import JoinRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from dollr_async.sandbox.push.server import Realtime
    from dollr_async.sandbox.push.subscriptions import RowShape
    from dollr_async.sandbox.world.world import World


@attrs.frozen(kw_only=True)
class RealtimeCounts:
    """What the push channel has seen so far, and in `sockets` and `channels` what is open now.

    `connects` and `joins` were accepted, `refused_connects` and `refused_joins` were not. `heartbeats` were received,
    answered or not.
    """

    connects: int
    refused_connects: int
    joins: int
    refused_joins: int
    heartbeats: int
    sockets: int
    channels: int


class RealtimeControls:
    """The push channel's side of what a test holds in its hands."""

    def __init__(self, world: World, realtime: Realtime) -> None:
        """Control the push channel of this world."""
        self._world = world
        self._realtime = realtime

    @property
    def realtime_counts(self) -> RealtimeCounts:
        """How often the push channel was connected to and joined, and what is open now."""
        seen = self._realtime.seen
        return RealtimeCounts(
            connects=seen["connects"],
            refused_connects=seen["refused_connects"],
            joins=seen["joins"],
            refused_joins=seen["refused_joins"],
            heartbeats=seen["heartbeats"],
            sockets=self._realtime.open_sockets,
            channels=self._realtime.open_channels,
        )

    def drop_realtime(self, code: int | None = None) -> None:
        """Cut every websocket now without a word, or close each with a close code such as 1012."""
        self._realtime.drop(code)

    def refuse_realtime(self, seconds: float | None = None, *, status: int | None = 503) -> None:
        """Refuse new websockets for `seconds`, or until `restore_realtime`; those that are open stay so.

        They are answered with this HTTP status, or with `status=None` the connection drops.
        """
        now = self._world.clock.seconds()
        self._realtime.refusing_until = math.inf if seconds is None else now + seconds
        self._realtime.refusal_status = status

    def refuse_joins(
        self,
        times: int | None = 1,
        reason: str = "RealtimeRestarting: Realtime is restarting, please standby",
        *,
        after_reply: bool = False,
    ) -> None:
        """Refuse the next `times` joins with this reason, or all until `restore_realtime` for None.

        With `after_reply` the join itself is accepted; then a `system` message says that no change will be told.
        """
        if times is not None and times < 1:
            message = f"Joins are refused at least once, not {times} times; None means always."
            raise ValueError(message)
        self._realtime.join_refusal = JoinRefusal(reason, after_reply, times)

    def silence_realtime(self, what: Literal["changes", "all"] = "changes") -> None:
        """Tell no change, though joins and heartbeats are answered; with "all" say nothing, whatever is sent.

        What was not told is not told later either.
        """
        if what not in {"changes", "all"}:
            message = f'{what!r} cannot be silenced: it is "changes" or "all".'
            raise ValueError(message)
        self._realtime.silent = what

    def restore_realtime(self) -> None:
        """End all refusals and silence of the push channel."""
        self._realtime.refusing_until = 0.0
        self._realtime.join_refusal = None
        self._realtime.silent = "nothing"
        self._realtime.pass_time()

    def expire_realtime_keys(self) -> None:
        """Let every key for the push channel expire now: its channels end, and joining needs a new one."""
        self._realtime.expire_keys()

    def send_realtime(self, frame: str | bytes) -> None:
        """Send a frame on every websocket as it is, text or binary: rubbish, or whatever else a test thinks of."""
        self._realtime.send_frame(frame)

    def push_row(self, reference_id: str | UUID, row: Mapping[str, object], event: str = "UPDATE") -> int:
        """Tell this row to every channel of a payment, and return how many there are; nothing else changes."""
        return self._realtime.push_row(str(reference_id).lower(), row, event)

    def shape_rows(self, shape: RowShape) -> None:
        """Write rows from now on as this function does; it gets the payment's ledger entry.

        By default a row has the `reference_id` and the `status`, since no other column is documented.
        """
        self._realtime.shape = shape
