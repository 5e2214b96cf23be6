"""The change feeds that a join asks for, and the rows that are sent."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs
import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from dollr_async.sandbox.world.realtime_keys import RealtimeKey
    from dollr_async.sandbox.world.records import LedgerEntry

SCHEMA = "public"
TABLE = "checkout_payment_intent_public_status"

RowShape = Callable[["LedgerEntry"], Mapping[str, object]]
"""A function that makes the row of a payment from its ledger entry."""

_json = msgspec.json.Encoder()


@attrs.frozen(kw_only=True)
class Subscriptions:
    """The change feeds that a join asked for: as the reply repeats them, their ids, and why they are refused, if so."""

    feeds: tuple[Mapping[str, object], ...]
    ids: tuple[int, ...]
    refusal: str | None


def read_subscriptions(payload: object, key: RealtimeKey) -> Subscriptions:
    """Read the change feeds that a join asks for; only changes of the key's payment are offered."""
    config = payload.get("config") if isinstance(payload, dict) else None
    listed = config.get("postgres_changes") if isinstance(config, dict) else None
    feeds: list[dict[str, object]] = [feed for feed in listed or () if isinstance(feed, dict)]
    ids = tuple(zlib.crc32(_json.encode(feed)) for feed in feeds)
    wrong = next((feed for feed in feeds if not _is_offered(feed, key)), None)
    return Subscriptions(
        feeds=tuple({**feed, "id": number} for feed, number in zip(feeds, ids, strict=True)),
        ids=ids,
        refusal=None if wrong is None else f"Unable to subscribe to changes with given parameters: {wrong}",
    )


def _is_offered(feed: Mapping[str, object], key: RealtimeKey) -> bool:
    return (
        feed.get("event") in {"*", "INSERT", "UPDATE"}
        and (feed.get("schema"), feed.get("table")) == (SCHEMA, TABLE)
        and feed.get("filter") == f"reference_id=eq.{key.reference_id}"
    )


def default_row(entry: LedgerEntry) -> Mapping[str, object]:
    """Write the columns that Dollr's documentation suggests."""
    return {"reference_id": entry.reference_id, "status": entry.status}


def change(row: Mapping[str, object], event: str, at: datetime) -> dict[str, object]:
    """Write the `data` of one changed row."""
    data: dict[str, object] = {
        "schema": SCHEMA,
        "table": TABLE,
        "commit_timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "type": event,
        "columns": [{"name": name, "type": "uuid" if name == "reference_id" else "text"} for name in row],
        "record": row,
        "errors": None,
    }
    if event == "UPDATE":
        data["old_record"] = {name: value for name, value in row.items() if name == "reference_id"}
    return data
