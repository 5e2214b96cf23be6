"""The guide to a journal of your own: its code runs and passes the contract tests."""

from __future__ import annotations

import re
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from dollr_async.journal import Journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "own_journal.md"

Rows = list[dict[str, Any]]


@asynccontextmanager
async def an_empty_database() -> AsyncIterator[Callable[..., Awaitable[Rows]]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row

        async def rows(sql: str, **values: object) -> Rows:
            return [dict(row) for row in connection.execute(sql, values).fetchall()]

        yield rows


def guide() -> dict[str, Any]:
    namespace: dict[str, Any] = {"an_empty_database": an_empty_database}
    for block in re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), flags=re.MULTILINE | re.DOTALL):
        exec(compile(block, str(GUIDE), "exec"), namespace)  # noqa: S102 - our own page
    return namespace


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 35), reason="this SQLite has no RETURNING")
async def test_the_guides_journal_passes_the_contract_tests() -> None:
    table_journal: Any = guide()["TestTableJournal"]
    # Its leases use the time of day, which moves here only when the contract lets time pass.
    with time_machine.travel(datetime(2026, 1, 31, tzinfo=UTC), tick=False) as time_of_day:

        class OnAClock(table_journal):  # type: ignore[misc] # made by the page
            async def pass_time(self, seconds: float) -> None:
                time_of_day.shift(seconds)

        contract = OnAClock()
        async with contract.journal() as journal:
            assert isinstance(journal, Journal)
        await contract.check()
