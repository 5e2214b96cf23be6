"""The tables of a journal in PostgreSQL, and the SQL that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dollr_async.base.postgres import Relations

VERSION = 1
"""The version of the tables that this program makes and understands."""

IDENTITY, PAYMENTS, WORKERS = "dollr_journal_identity", "dollr_journal_payments", "dollr_journal_workers"

TYPES = {
    "reference_id": "uuid",
    "kind": "text",
    "began_at": "timestamptz",
    "updated_at": "timestamptz",
    "step": "text",
    "source_type": "text",
    "source_id": "bigint",
    "source_number": "text",
    "party_id": "bigint",
    "counterparty_id": "bigint",
    "payment_account_id": "bigint",
    "session_id": "bigint",
    "session_expires_at": "timestamptz",
    "payer_currency": "text",
    "sends": "bigint",
    "session_sends": "bigint",
    "is_renewed": "boolean",
    "in_doubt": "boolean",
    "is_contested": "boolean",
    "status": "text",
    "outcome": "text",
    "terms_key_id": "text",
    "terms_digest": "text",
    "terms_amount": "text",
    "terms_currency": "text",
    "terms_lines": "text",
}
"""The type of each column of an entry. An amount is text, which keeps it exactly as it was written."""

RELATIONS: Relations = {
    # One row, which names this journal, so that an empty database or another one cannot be taken for it, and the place
    # that it was moved to.
    IDENTITY: (
        "CREATE TABLE IF NOT EXISTS {schema}.dollr_journal_identity AS "
        "SELECT gen_random_uuid() AS identity, 1 AS version, NULL::text AS moved_to"
    ),
    PAYMENTS: """CREATE TABLE IF NOT EXISTS {schema}.dollr_journal_payments (
    reference_id uuid PRIMARY KEY,
    kind text NOT NULL,
    began_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    step text NOT NULL,
    source_type text,
    source_id bigint,
    source_number text,
    party_id bigint,
    counterparty_id bigint,
    payment_account_id bigint,
    session_id bigint,
    session_expires_at timestamptz,
    payer_currency text,
    sends bigint NOT NULL,
    session_sends bigint NOT NULL,
    is_renewed boolean NOT NULL,
    in_doubt boolean NOT NULL,
    is_contested boolean NOT NULL,
    status text,
    outcome text,
    terms_key_id text NOT NULL,
    terms_digest text NOT NULL,
    terms_amount text NOT NULL,
    terms_currency text,
    terms_lines text NOT NULL,
    lease_number bigint NOT NULL,
    lease_token uuid,
    lease_until timestamptz,
    lease_writes bigint NOT NULL DEFAULT 0,
    follower text,
    follow_token uuid,
    check_at timestamptz,
    ended_at timestamptz,
    reason text,
    hand_out_number bigint NOT NULL DEFAULT 0,
    hand_out_token uuid,
    hand_out_until timestamptz,
    handled_at timestamptz,
    handled_token uuid
) WITH (fillfactor = 80)""",
    WORKERS: (
        "CREATE TABLE IF NOT EXISTS {schema}.dollr_journal_workers "
        "(worker text PRIMARY KEY, lease_until timestamptz NOT NULL)"
    ),
    "dollr_journal_open": (
        "CREATE INDEX IF NOT EXISTS dollr_journal_open ON {schema}.dollr_journal_payments (began_at, reference_id) "
        "WHERE outcome IS NULL"
    ),
    "dollr_journal_of_source": (
        "CREATE INDEX IF NOT EXISTS dollr_journal_of_source ON {schema}.dollr_journal_payments "
        "(source_type, source_id) WHERE outcome IS NULL"
    ),
    "dollr_journal_unfollowed": (
        "CREATE INDEX IF NOT EXISTS dollr_journal_unfollowed ON {schema}.dollr_journal_payments "
        "(check_at NULLS FIRST, began_at) WHERE outcome IS NULL AND sends > 0 AND follower IS NULL"
    ),
    "dollr_journal_followed": (
        "CREATE INDEX IF NOT EXISTS dollr_journal_followed ON {schema}.dollr_journal_payments (follower) "
        "WHERE follower IS NOT NULL"
    ),
    "dollr_journal_unhandled": (
        "CREATE INDEX IF NOT EXISTS dollr_journal_unhandled ON {schema}.dollr_journal_payments "
        "(ended_at, reference_id) WHERE ended_at IS NOT NULL AND handled_at IS NULL"
    ),
    "dollr_journal_handled": (
        "CREATE INDEX IF NOT EXISTS dollr_journal_handled ON {schema}.dollr_journal_payments (handled_at) "
        "WHERE handled_at IS NOT NULL"
    ),
}
"""Each table and index, with the statement that makes it."""
