"""The controls of the push channel: what a test may change in it, and what it may read from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import attrs

from dollr_async.sandbox.push.server import JoinRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from dollr_async.sandbox.push.server import RealtimeServer
    from dollr_async.sandbox.push.subscriptions import RowShape
    from dollr_async.sandbox.world.world import World


@attrs.frozen(kw_only=True)
class RealtimeCounts:
    """What the push channel has counted so far; `sockets` and `channels` are those that are open now.

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
    """The methods by which a test controls and inspects the push channel."""

    def __init__(self, world: World, realtime: RealtimeServer) -> None:
        """Control the push channel of this world."""
        self._world = world
        self._realtime = realtime

    @property
    def realtime_counts(self) -> RealtimeCounts:
        """How often the push channel was connected to and joined, and what is open now."""
        counts = self._realtime.counts
        return RealtimeCounts(
            connects=counts["connects"],
            refused_connects=counts["refused_connects"],
            joins=counts["joins"],
            refused_joins=counts["refused_joins"],
            heartbeats=counts["heartbeats"],
            sockets=self._realtime.open_sockets,
            channels=self._realtime.open_channels,
        )

    def drop_realtime(self, code: int | None = None) -> None:
        """Drop the connection of every websocket now, or close each with a close code such as 1012."""
        self._realtime.drop(code)

    def refuse_realtime(self, seconds: float | None = None, *, status: int | None = 503) -> None:
        """Refuse new websockets for `seconds`, or until `restore_realtime`; open ones stay open.

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

        With `after_reply` the join itself is accepted; then a `system` message refuses the subscription.
        """
        if times is not None and times < 1:
            message = f"Joins cannot be refused {times} times. Use 1 or more, or None for always."
            raise ValueError(message)
        self._realtime.join_refusal = JoinRefusal(reason, after_reply, times)

    def silence_realtime(self, what: Literal["changes", "all"] = "changes") -> None:
        """Send no changes, but answer joins and heartbeats; with "all" send nothing at all.

        Changes that were not sent are not sent later either.
        """
        if what not in {"changes", "all"}:
            message = f'{what!r} cannot be silenced. Use "changes" or "all".'
            raise ValueError(message)
        self._realtime.silent = what

    def restore_realtime(self) -> None:
        """End all refusals and silence of the push channel."""
        self._realtime.refusing_until = 0.0
        self._realtime.join_refusal = None
        self._realtime.silent = "nothing"
        self._realtime.pass_time()

    def expire_realtime_keys(self) -> None:
        """Make every key for the push channel expire now: its channels end, and a join needs a new key."""
        self._realtime.expire_keys()

    def send_realtime(self, frame: str | bytes) -> None:
        """Send a text or binary frame on every websocket, exactly as it is."""
        self._realtime.send_frame(frame)

    def push_row(self, reference_id: str | UUID, row: Mapping[str, object], event: str = "UPDATE") -> int:
        """Send this row to every channel of a payment, and return how many there are; no state changes."""
        return self._realtime.push_row(str(reference_id).lower(), row, event)

    def shape_rows(self, shape: RowShape) -> None:
        """Make later rows with this function; it gets the payment's ledger entry.

        By default a row has the `reference_id` and the `status`, since no other column is documented.
        """
        self._realtime.row_shape = shape
