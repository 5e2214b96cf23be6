"""A worker on `outcomes()`, in a process of its own: `python -m tests.proof.outcome_worker SETTINGS` (JSON).

It delivers each outcome by a row in a table: with PostgreSQL in the transaction that marks the outcome, with SQLite in
a file of its own, before the mark. `how` says what goes wrong: it kills itself with status checks open, it hangs while
it handles an outcome, or its handling raises.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs

from dollr_async import AlreadyHandledError, DollrClient, Outcome, PollPolicy
from dollr_async.journal import open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OPEN_AT_THE_KILL = 30
_RAISES = 20
_LEASE = 5.0
_POLICY = PollPolicy(interval=0.5, max_interval=1.0, not_found_grace=5.0)


@attrs.define
class Counter:
    """The status checks that are open in this process."""

    is_deadly: bool
    open: int = 0

    async def began(self, *_: object) -> None:
        """Count a request, and die when there are enough."""
        self.open += 1
        if self.is_deadly and self.open >= OPEN_AT_THE_KILL:
            report(killed_with=self.open)
            os.kill(os.getpid(), signal.SIGKILL)

    async def ended(self, *_: object) -> None:
        """Count an answer."""
        self.open -= 1


def report(**facts: object) -> None:
    """Write a line for the program that started this worker."""
    os.write(1, json.dumps(facts).encode() + b"\n")


class Deliveries:
    """The table of what was delivered: each delivery once in effect, and how often it was begun."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Deliveries]:
        """Open the database."""
        if self._settings["kind"] == "postgres":
            from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415 - SQLite needs none

            options = {"options": f"-c search_path={self._settings['schema']}"}
            async with AsyncConnectionPool(self._settings["conninfo"], kwargs=options, open=False) as self._pool:
                yield self
        else:
            self._file = sqlite3.connect(self._settings["deliveries"], isolation_level=None, timeout=30)
            yield self
            self._file.close()

    async def deliver(self, outcome: Outcome, *, fails: bool) -> None:
        """Deliver an outcome and mark it; with `fails` the work raises in the middle."""
        values = (str(outcome.reference_id), str(outcome.status))
        if self._settings["kind"] == "postgres":
            async with self._pool.connection() as connection:
                await connection.execute("INSERT INTO deliveries (reference_id, status) VALUES (%s, %s)", values)
                _raise_if(fails)
                await outcome.handled(connection)
        else:
            self._file.execute("INSERT OR IGNORE INTO deliveries (reference_id, status) VALUES (?, ?)", values)
            _raise_if(fails)
            await outcome.handled()


def _raise_if(fails: bool) -> None:  # noqa: FBT001 - one word, one meaning
    if fails:
        raise RuntimeError("the work for this outcome failed")


async def main(settings: dict[str, Any]) -> None:
    """Work until nothing is left."""
    how, failures = settings["how"], 0
    counter = Counter(is_deadly=how == "kill")
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(counter.began)
    trace.on_request_end.append(counter.ended)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        open_journal(settings["journal"]) as journal,
        DollrClient(**settings["client"], session=session, journal=journal, polling=_POLICY) as dollr,
        Deliveries(settings).opened() as deliveries,
    ):
        report(ready=True)
        async for outcome in dollr.outcomes(idle=settings["idle"], at_once=settings["at_once"], lease=_LEASE):
            report(began=str(outcome.reference_id))
            if how == "hang":
                await asyncio.sleep(3600.0)
            fails = how == "raise" and failures < _RAISES
            failures += fails
            try:
                await deliveries.deliver(outcome, fails=fails)
            except AlreadyHandledError:
                continue
            except RuntimeError:
                continue
            report(handled=str(outcome.reference_id))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
