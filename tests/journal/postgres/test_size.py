"""A journal with many payments: every question reads an index, and handled payments cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest

from dollr_async.journal import PostgresJournal
from dollr_async.journal.postgres.statements import statements
from dollr_async.testing.support import BEGAN
from tests.journal.postgres.store import query
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")

_FILL = """INSERT INTO {payments} (
    reference_id, kind, began_at, updated_at, step, source_type, source_id, sends, session_sends,
    is_renewed, in_doubt, is_contested, status, outcome,
    terms_key_id, terms_digest, terms_amount, terms_currency, terms_lines, lease_number,
    ended_at, handled_at, follower, check_at
) SELECT gen_random_uuid(), 'COLLECTION', now() - n * interval '1 second', now(), 'execution', 'INVOICE', n, 1, 1,
    false, false, false, %(outcome)s::text, %(outcome)s::text,
    '8c1f', repeat('5e', 32), '250.10', 'USD', '250.10 x 1', 1,
    CASE WHEN %(outcome)s::text IS NOT NULL THEN now() END, CASE WHEN %(is_handled)s THEN now() END,
    CASE WHEN n %% 3 = 0 AND %(outcome)s::text IS NULL THEN 'living' END,
    CASE WHEN n %% 3 = 1 AND %(outcome)s::text IS NULL THEN now() + interval '1 hour' END
FROM generate_series(1, %(count)s) AS n"""

_VALUES = {
    "token": uuid4(),
    "seconds": 0.0,
    "worker": "worker",
    "limit": 10,
    "is_early": False,
    "with_live": False,
    "began_at": "-infinity",
    "reference_id": UUID(int=0),
    "references": [UUID(int=0)],
    "tokens": [UUID(int=0)],
    "channel": "channel",
    "source_type": "INVOICE",
    "source_id": 77,
    "since": BEGAN,
    "before": BEGAN,
    "number": 1,
    "status": "PENDING",
    "outcome": None,
    "ended_at": BEGAN,
}
_MOST_PAGES = {"follow": 400, "page": 40, "hand_out": 60, "handed_out": 400, "take_back": 400}
"""Pages of 8 KB that a statement may read. The last two, after a lost answer, read what is not handled."""


@pytest.fixture
async def schema(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    opened, handled = request.param
    with own_schema() as schema:
        async with PostgresJournal(CONNINFO, schema=schema) as journal:
            await journal.follow("living", limit=0, lease=1e6)
        query(schema, _FILL, outcome="COMPLETED", is_handled=True, count=handled)
        query(schema, _FILL, outcome=None, is_handled=False, count=opened)
        query(schema, _FILL, outcome="FAILED", is_handled=False, count=opened // 100)
        query(schema, "VACUUM ANALYZE {payments}")
        yield schema


def explained(schema: str, statement: str) -> dict[str, Any]:
    ((identity,),) = query(schema, "SELECT identity FROM {identity}")
    with psycopg.connect(CONNINFO) as connection:
        plan = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statements(schema)[statement]
        for _ in range(2):  # the first reads what is not in memory yet
            row = connection.execute(plan, {**_VALUES, "identity": identity}).fetchone()
            connection.rollback()
    assert row is not None
    found: dict[str, Any] = row[0][0]
    return found


def parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from parts(part)


NARROW = (
    "take", "read", "renew", "release", "settle", "page", "of_source", "live", "hand_out", "handed_out", "take_back",
    "set_hand_out", "has_work", "purge", "renew_worker", "free", "forget_workers", "follow", "followed", "put_off",
    "mark",
)  # fmt: skip
SIZES = [
    pytest.param((20_000, 50_000), id="20,000 open"),
    pytest.param(
        (100_000, 1_000_000),
        id="100,000 open and 1,000,000 handled",
        marks=pytest.mark.full(reason="a million rows take a minute to write"),
    ),
]


@pytest.mark.parametrize("schema", SIZES, indirect=True)
async def test_every_question_reads_an_index_and_little_of_it(schema: str) -> None:
    for name in NARROW:
        found = explained(schema, name)
        scans = [part for part in parts(found["Plan"]) if part["Node Type"] == "Seq Scan"]
        assert not [one for one in scans if one["Relation Name"] == "dollr_journal_payments"], name
        assert found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"] <= _MOST_PAGES.get(name, 30), (
            name
        )
        assert "JIT" not in found, name
