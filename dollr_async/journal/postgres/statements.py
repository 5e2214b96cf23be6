"""The SQL of a journal in PostgreSQL.

Each statement is one transaction in one round trip. Its rows begin with the identity of the journal, whether the server
is a read-only replica, and the place that the journal was moved to. A change is made only in the journal of that
identity, unless it was moved. The other columns are NULL where nothing was found or changed, and `found` is true where
something was.
"""

from __future__ import annotations

from typing import Any

from psycopg.sql import SQL, Identifier

from dollr_async.journal.postgres.schema import IDENTITY, PAYMENTS, TYPES, WORKERS

_COLUMNS = ", ".join(TYPES)
_P_COLUMNS = ", ".join(f"p.{column}" for column in TYPES)
_VALUES = ", ".join(f"%({column})s::{kind}" for column, kind in TYPES.items())
_ASSIGNMENTS = ", ".join(f"{column} = %({column})s::{kind}" for column, kind in TYPES.items())
# The server's own setting where it is at least "on".
_DURABLE = (
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' "
    "THEN 'remote_apply' ELSE 'on' END, true) IS NOT NULL AS found"
)
_QUICK = "set_config('synchronous_commit', 'off', true) IS NOT NULL AS found"
_UNTIL = "clock_timestamp() + make_interval(secs => %(seconds)s)"
_FREE = "({0}lease_until IS NULL OR {0}lease_until <= clock_timestamp())".format
_HERE = "(SELECT identity FROM journal WHERE moved_to IS NULL) = %(identity)s"
_SAME = "outcome IS NOT DISTINCT FROM %(outcome)s::text"


def _kept(column: str) -> str:
    return f"{column} = CASE WHEN {_SAME} THEN {column} END"


def _end(at: str, reason: str = _kept("reason")) -> str:
    """Return the assignments that note the end of a payment, or that it is open again, where its outcome changes."""
    return (
        f"{reason}, {_kept('hand_out_until')}, {_kept('handled_at')}, {_kept('handled_token')}, "
        f"ended_at = CASE WHEN {_SAME} THEN ended_at WHEN %(outcome)s::text IS NOT NULL THEN {at} END, "
        "follower = CASE WHEN %(outcome)s::text IS NULL THEN follower END"
    )


def _statement(found: str, before: str = "", order: str = "") -> str:
    return (
        "WITH journal AS (SELECT identity, pg_is_in_recovery() AS is_replica, moved_to FROM {identity} LIMIT 1), "
        f"{before}found AS ({found}) "
        "SELECT journal.identity, journal.is_replica, journal.moved_to, found.* "
        f"FROM journal LEFT JOIN found ON true{order}"
    )


def _update(assignments: str, condition: str, returning: str) -> str:
    return _statement(f"UPDATE {{payments}} SET {assignments} WHERE {condition} AND {_HERE} RETURNING {returning}")


def _taken(picked: str, assignments: str, returning: str, order: str = "") -> str:
    """Return the statement that changes the rows that were picked, each by one process only."""
    return _statement(
        f"UPDATE {{payments}} p SET {assignments} FROM picked WHERE p.reference_id = picked.reference_id AND {_HERE} "
        f"RETURNING {returning}",
        before=picked,
        order=order,
    )


def _due(condition: str, order: str, limit: str) -> str:
    return (
        "SELECT reference_id FROM {payments} WHERE outcome IS NULL AND sends > 0 AND follower IS NULL "
        f"AND {condition} AND {_FREE('')} ORDER BY {order} LIMIT {limit} FOR UPDATE SKIP LOCKED"
    )


_MINE = "reference_id = %(reference_id)s AND lease_number = %(number)s AND lease_token = %(token)s"
_HANDED_OUT = "reference_id = %(reference_id)s AND hand_out_number = %(number)s AND handled_at IS NULL"
_CHECKED = "check_at <= CASE WHEN %(is_early)s THEN 'infinity'::timestamptz ELSE now() END"
_FOLLOWED = f"{_P_COLUMNS}, p.check_at IS NOT NULL AS was_postponed, p.check_at, {_QUICK}"
_IN_ORDER = " ORDER BY found.check_at NULLS FIRST, found.began_at, found.reference_id"
_OPEN = f"SELECT true AS found, {_COLUMNS}, NOT {_FREE('')} AS is_live FROM {{payments}} WHERE outcome IS NULL"
_UNHANDLED = (
    f"SELECT true AS found, {_COLUMNS}, ended_at, reason, hand_out_number FROM {{payments}} "
    f"WHERE ended_at IS NOT NULL AND handled_at IS NULL AND {_FREE('')}"
)

# Joined from literals, which a type checker does not see.
_TEXTS: dict[str, Any] = {
    "open": "SELECT identity, version, pg_is_in_recovery() AS is_replica, moved_to, true AS found FROM {identity}",
    "create": _statement(
        f"INSERT INTO {{payments}} ({_COLUMNS}, lease_number, lease_token, lease_until) "
        f"SELECT {_VALUES}, 1, %(token)s::uuid, {_UNTIL} WHERE {_HERE} "
        f"ON CONFLICT (reference_id) DO NOTHING RETURNING {_DURABLE}"
    ),
    "take": _update(
        f"lease_number = lease_number + 1, lease_token = %(token)s, lease_until = {_UNTIL}, lease_writes = 0",
        f"reference_id = %(reference_id)s AND {_FREE('')}",
        f"{_COLUMNS}, lease_number, {_DURABLE}",
    ),
    "read": _statement(
        f"SELECT true AS found, {_COLUMNS}, NOT {_FREE('')} AS is_live, lease_number, lease_token, lease_writes, "
        "ended_at, reason, handled_at, handled_token FROM {payments} WHERE reference_id = %(reference_id)s"
    ),
    "renew": _update(f"lease_until = {_UNTIL}", _MINE, _QUICK),
    "release": _update(
        "lease_until = NULL, lease_token = NULL",
        "reference_id = ANY(%(references)s) AND lease_token = ANY(%(tokens)s)",
        f"pg_notify(%(channel)s, reference_id::text) AS notified, {_QUICK}",
    ),
    "notify": _statement("SELECT true AS found, pg_notify(%(channel)s, %(payload)s) AS notified"),
    "settle": _update(
        f"status = %(status)s, outcome = %(outcome)s, updated_at = now(), {_end('now()')}",
        "reference_id = %(reference_id)s AND outcome IS NULL",
        _QUICK,
    ),
    "page": _statement(
        f"{_OPEN} AND (began_at, reference_id) > (%(began_at)s::timestamptz, %(reference_id)s::uuid) "
        f"AND (%(with_live)s OR {_FREE('')}) ORDER BY began_at, reference_id LIMIT %(limit)s",
        order=" ORDER BY found.began_at, found.reference_id",
    ),
    "of_source": _statement(f"{_OPEN} AND source_type = %(source_type)s AND source_id = %(source_id)s"),
    "live": _statement(
        "SELECT true AS found, reference_id, extract(epoch FROM lease_until - clock_timestamp())::float8 AS remaining "
        f"FROM {{payments}} WHERE reference_id = ANY(%(references)s) AND NOT {_FREE('')}"
    ),
    "hand_out": _taken(
        "picked AS MATERIALIZED (SELECT reference_id FROM {payments} WHERE ended_at IS NOT NULL AND handled_at IS NULL "
        f"AND (hand_out_until IS NULL OR hand_out_until <= clock_timestamp()) AND {_FREE('')} "
        "ORDER BY ended_at, reference_id LIMIT 1 FOR UPDATE SKIP LOCKED), ",
        f"hand_out_number = p.hand_out_number + 1, hand_out_token = %(token)s, hand_out_until = {_UNTIL}",
        f"{_P_COLUMNS}, p.ended_at, p.reason, p.hand_out_number, {_QUICK}",
    ),
    "unhandled": _statement(f"{_UNHANDLED} AND reference_id = %(reference_id)s"),
    "unhandled_page": _statement(
        f"{_UNHANDLED} AND (ended_at, reference_id) > (%(ended_at)s::timestamptz, %(reference_id)s::uuid) "
        "ORDER BY ended_at, reference_id LIMIT %(limit)s",
        order=" ORDER BY found.ended_at, found.reference_id",
    ),
    "handed_out": _statement(
        f"SELECT true AS found, {_COLUMNS}, ended_at, reason, hand_out_number FROM {{payments}} "
        "WHERE ended_at IS NOT NULL AND handled_at IS NULL AND hand_out_token = %(token)s"
    ),
    "take_back": _update(
        "hand_out_until = NULL", "ended_at IS NOT NULL AND handled_at IS NULL AND hand_out_token = %(token)s", _QUICK
    ),
    "set_hand_out": _update(f"hand_out_until = {_UNTIL}", f"{_HANDED_OUT} AND ended_at IS NOT NULL", _QUICK),
    "close": _update(
        f"outcome = %(outcome)s, updated_at = now(), {_end('now()', 'reason = %(reason)s')}",
        f"reference_id = %(reference_id)s AND outcome IS NOT DISTINCT FROM %(known)s::text AND handled_at IS NULL "
        f"AND {_FREE('')}",
        _DURABLE,
    ),
    "has_work": _statement(
        # Ordered, so that an index is read even where the server believes that the table has one near its beginning.
        "SELECT true AS found WHERE (SELECT true FROM {payments} WHERE ended_at IS NOT NULL AND handled_at IS NULL "
        "ORDER BY ended_at LIMIT 1) OR (SELECT true FROM {payments} WHERE outcome IS NULL AND began_at > %(since)s "
        f"AND (sends > 0 OR NOT {_FREE('')}) ORDER BY began_at DESC LIMIT 1)"
    ),
    "purge": _statement(
        "DELETE FROM {payments} WHERE reference_id IN (SELECT reference_id FROM picked) "
        f"AND {_HERE} RETURNING {_QUICK}",
        before="picked AS MATERIALIZED (SELECT reference_id FROM {payments} WHERE handled_at < %(before)s "
        f"AND {_FREE('')} ORDER BY handled_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED), ",
    ),
    "renew_worker": _statement(
        "SELECT true AS found, EXISTS (SELECT FROM {workers} w WHERE w.lease_until <= clock_timestamp() "
        "AND w.worker <> %(worker)s) AS some_died FROM renewed",
        before=f"renewed AS (INSERT INTO {{workers}} (worker, lease_until) SELECT %(worker)s::text, {_UNTIL} "
        f"WHERE {_HERE} ON CONFLICT (worker) DO UPDATE SET lease_until = {_UNTIL} RETURNING {_QUICK}), ",
    ),
    "leave": _statement(
        f"UPDATE {{workers}} SET lease_until = '-infinity' WHERE worker = %(worker)s AND {_HERE} RETURNING {_QUICK}"
    ),
    "free": _taken(
        "picked AS MATERIALIZED (SELECT reference_id FROM {payments} "
        "WHERE follower IS NOT NULL AND follower = ANY(ARRAY("
        "SELECT worker FROM {workers} WHERE lease_until <= now())) LIMIT %(limit)s FOR UPDATE SKIP LOCKED), ",
        "follower = NULL",
        _QUICK,
    ),
    "forget_workers": _statement(
        f"DELETE FROM {{workers}} w WHERE w.lease_until <= clock_timestamp() AND {_HERE} "
        f"AND NOT EXISTS (SELECT FROM {{payments}} WHERE follower = w.worker) RETURNING {_QUICK}"
    ),
    "follow": _taken(
        f"fresh AS MATERIALIZED ({_due('check_at IS NULL', 'began_at', '%(limit)s')}), "
        f"due AS MATERIALIZED ({_due(_CHECKED, 'check_at, began_at', '%(limit)s - (SELECT count(*) FROM fresh)')}), "
        "picked AS (SELECT reference_id FROM fresh UNION ALL SELECT reference_id FROM due), ",
        "follower = %(worker)s, follow_token = %(token)s",
        _FOLLOWED,
        order=_IN_ORDER,
    ),
    "followed": _statement(
        f"SELECT {_FOLLOWED} FROM {{payments}} p WHERE p.follower = %(worker)s AND p.follow_token = %(token)s",
        order=_IN_ORDER,
    ),
    "put_off": _update(
        f"follower = NULL, check_at = {_UNTIL}", "reference_id = %(reference_id)s AND follower = %(worker)s", _QUICK
    ),
}
_MARK = (
    "handled_at = now(), handled_token = %(token)s",
    "reference_id = %(reference_id)s AND handled_at IS NULL AND ended_at = %(ended_at)s",
)
_TEXTS["mark"] = _update(*_MARK, _DURABLE)
# What is set there would go on to hold in the caller's transaction.
_TEXTS["mark_in_transaction"] = _update(*_MARK, "true AS found")
_WRITE = (
    f"{_ASSIGNMENTS}, {_end('%(updated_at)s::timestamptz')}, lease_until = {_UNTIL}, lease_writes = %(writes)s",
    f"{_MINE} AND lease_writes < %(writes)s",
)
_TEXTS["write"] = _update(*_WRITE, _QUICK)
_TEXTS["write_durably"] = _update(*_WRITE, _DURABLE)


_MARKS = {
    "lease_number": "bigint",
    "ended_at": "timestamptz",
    "handled_at": "timestamptz",
    "hand_out_number": "bigint",
    "reason": "text",
}
_MARK_NAMES = ", ".join(_MARKS)
_LEASES = ("lease_token", "lease_until", "follower", "check_at", "hand_out_token", "hand_out_until", "handled_token")
_TEXTS |= {
    "lock": "LOCK TABLE {payments} IN EXCLUSIVE MODE",
    "count_live": _statement(f"SELECT true AS found, count(*) AS live FROM {{payments}} WHERE NOT {_FREE('')}"),
    "release_everything": _update("lease_until = NULL, lease_token = NULL", "lease_token IS NOT NULL", _DURABLE),
    "move": _statement(f"UPDATE {{identity}} SET moved_to = %(place)s WHERE {_HERE} RETURNING {_DURABLE}"),
    "export": _statement(
        f"SELECT true AS found, {_COLUMNS}, {_MARK_NAMES} FROM {{payments}} WHERE reference_id > %(reference_id)s "
        "ORDER BY reference_id LIMIT %(limit)s",
        order=" ORDER BY found.reference_id",
    ),
    "import": _statement(
        f"INSERT INTO {{payments}} ({_COLUMNS}, {_MARK_NAMES}) SELECT {_VALUES}, "
        + ", ".join(f"%({name})s::{kind}" for name, kind in _MARKS.items())
        + f" WHERE {_HERE} ON CONFLICT (reference_id) DO UPDATE SET "
        + ", ".join(f"{name} = EXCLUDED.{name}" for name in (*TYPES, *_MARKS, *_LEASES))
        + f" RETURNING {_DURABLE}"
    ),
}
CHANGES = frozenset(name for name, text in _TEXTS.items() if _HERE in text)
"""The statements that change something, which a journal that was moved refuses."""


def statements(schema: str) -> dict[str, bytes]:
    """Return every statement for the tables of a schema, by name."""
    # A statement with parameters is searched for percent signs.
    place = schema.replace("%", "%%")
    names = {
        "identity": Identifier(place, IDENTITY),
        "payments": Identifier(place, PAYMENTS),
        "workers": Identifier(place, WORKERS),
    }
    return {name: SQL(text).format(**names).as_bytes(None) for name, text in _TEXTS.items()}
