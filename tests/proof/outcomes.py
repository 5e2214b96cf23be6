"""Workers that die, hang and raise: `python -m tests.proof.outcomes` shows that each outcome takes effect once.

200 payments are made, and three workers in processes of their own handle their outcomes. One of them is killed (-9)
with at least 30 status checks open, or hangs while it handles an outcome, or its handling raises. The program returns 1
when an outcome was delivered twice in effect or never, or when the kill hit a worker with less under way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import attrs
import psycopg
from psycopg.sql import SQL, Identifier

from dollr_async import DollrClient
from dollr_async.journal import open_journal
from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.proof import outcome_worker
from tests.proof.outcome_worker import OPEN_AT_THE_KILL
from tests.support.collections import collect
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

HOWS = ("kill", "hang", "raise")
_WORKERS = 3
_TOGETHER = 20
_TABLE: LiteralString = "CREATE TABLE deliveries (reference_id TEXT PRIMARY KEY, status TEXT NOT NULL)"


@attrs.define
class Result:
    """What one run shows."""

    kind: str
    how: str
    payments: int
    delivered: int = 0
    began: int = 0
    open_at_kill: int = 0
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether each outcome was delivered once in effect, and the kill hit a worker with enough under way."""
        is_deadly = self.how != "kill" or self.open_at_kill >= OPEN_AT_THE_KILL
        return self.delivered == self.payments and is_deadly

    def line(self) -> str:
        """Return the result as one line."""
        killed = f", killed with {self.open_at_kill} status checks open" if self.how == "kill" else ""
        return (
            f"{self.kind:8} {self.how:5}: {self.delivered} of {self.payments} delivered once in effect in "
            f"{self.seconds:.1f} s, {self.began} begun{killed}: {'right' if self.is_right else 'WRONG'}"
        )


@contextmanager
def store(kind: str) -> Iterator[dict[str, Any]]:
    """Make a journal and a table of deliveries of this run's own, and remove them at the end."""
    with tempfile.TemporaryDirectory() as directory:
        if kind == "sqlite":
            deliveries = str(Path(directory, "deliveries.db"))
            with closing(sqlite3.connect(deliveries)) as connection:
                connection.execute(_TABLE)
            yield {"kind": kind, "journal": str(Path(directory, "payments.db")), "deliveries": deliveries}
            return
        with own_schema() as schema:
            with psycopg.connect(CONNINFO, autocommit=True, options=f"-c search_path={schema}") as connection:
                connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
                connection.execute(_TABLE)
            url = f"{CONNINFO}?schema={schema}"
            yield {"kind": kind, "journal": url, "conninfo": CONNINFO, "schema": schema}


def _delivered(settings: dict[str, Any]) -> int:
    question: LiteralString = "SELECT count(*) FROM deliveries"
    if settings["kind"] == "sqlite":
        with closing(sqlite3.connect(settings["deliveries"])) as connection:
            return int(connection.execute(question).fetchone()[0])
    with psycopg.connect(CONNINFO, options=f"-c search_path={settings['schema']}") as connection:
        found = connection.execute(question).fetchone()
        return int(found[0]) if found else 0


async def run(kind: str, how: str, payments: int) -> Result:
    """Make payments, and let workers handle their outcomes while one of them fails."""
    result = Result(kind, how, payments)
    with store(kind) as settings:
        await _run(settings, result)
    return result


async def _run(settings: dict[str, Any], result: Result) -> None:
    how, payments = result.how, result.payments
    async with Sandbox() as sandbox:
        sandbox.set_settlement(AfterSeconds(processing=1.0, final=4.0))
        async with (
            open_journal(settings["journal"]) as journal,
            DollrClient(**sandbox.settings, journal=journal) as dollr,
        ):
            for _ in range(payments // _TOGETHER):
                await asyncio.gather(*(collect(dollr, direct=True) for _ in range(_TOGETHER)))
        sandbox.set_latency(0.3, "get_collection_status")
        began = time.monotonic()
        common = {**settings, "client": sandbox.settings, "idle": 10.0}
        hows = [how, *["work"] * (_WORKERS - 1)]
        # Two thirds are left to the one that fails.
        at_once = [payments, *[payments // 6] * (_WORKERS - 1)]
        await asyncio.gather(
            *(
                _work({**common, "how": word, "at_once": most}, result, began)
                for word, most in zip(hows, at_once, strict=True)
            )
        )
        result.delivered = _delivered(settings)


async def _work(settings: dict[str, Any], result: Result, began: float) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", outcome_worker.__name__, json.dumps(settings), stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    try:
        while line := await worker.stdout.readline():
            facts = json.loads(line)
            result.began += "began" in facts
            result.open_at_kill += facts.get("killed_with", 0)
            if "handled" in facts:
                result.seconds = time.monotonic() - began
            if settings["how"] == "hang" and "began" in facts:
                return  # it never ends by itself
    finally:
        if settings["how"] == "hang":
            asyncio.get_running_loop().call_later(20.0, _kill, worker)
        await worker.wait()


def _kill(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is None:
        worker.kill()


async def main() -> int:
    """Run every way to fail, with every journal that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=200)
    parser.add_argument("--journals", default="sqlite,postgres")
    parser.add_argument("--how", default=",".join(HOWS))
    options = parser.parse_args()
    results = []
    for kind in options.journals.split(","):
        for how in options.how.split(","):
            results.append(await run(kind, how, options.payments))
            sys.stdout.write(f"{results[-1].line()}\n")
            sys.stdout.flush()
    return 0 if all(result.is_right for result in results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
