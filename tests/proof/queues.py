"""Workers of queues that die: `python -m tests.proof.queues` shows that each outcome takes effect once.

200 payments are made, each with a job, and two workers check them. One is killed (-9) with at least 30 jobs under way.
Each queue runs with its sweep, and without it, which shows what the sweep is for. The program returns 1 when a queue
with its sweep delivered an outcome twice in effect or never, or when the kill hit a worker with less under way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from celery import Celery

from dollr_async import DollrClient
from dollr_async.journal import PostgresJournal
from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.proof import queue_worker
from tests.proof.outcome_worker import OPEN_AT_THE_KILL
from tests.proof.queue_worker import payment_tasks
from tests.support.collections import collect
from tests.support.postgres import CONNINFO
from tests.support.procrastinate import queue_schema, rows
from tests.support.recipes import environment, order, own_queue, settled, shop

QUEUES = ("procrastinate", "rabbitmq", "redis")
_TOGETHER = 20
_QUIET = {True: 60.0, False: 20.0}
"""Seconds without a delivery after which a run ends, with a sweep and without one."""


@attrs.define
class Result:
    """What one run shows."""

    queue: str
    sweeps: bool
    payments: int
    delivered: int = 0
    twice: int = 0
    killed_with: int = 0
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether enough was under way, nothing took effect twice, and, with a sweep, everything did once."""
        is_complete = self.delivered == self.payments or not self.sweeps
        return is_complete and not self.twice and self.killed_with >= OPEN_AT_THE_KILL

    def line(self) -> str:
        """Return the result as one line."""
        return (
            f"{self.queue:13} {'with' if self.sweeps else 'without'} sweep: {self.delivered} of {self.payments} "
            f"delivered once in effect, {self.twice} twice, the last after {self.seconds:.1f} s, killed with "
            f"{self.killed_with} jobs under way: {'right' if self.is_right else 'WRONG'}"
        )


async def run(queue: str, payments: int, *, sweeps: bool) -> Result:
    """Make payments with a job each, and let two workers check them, of which one is killed."""
    result = Result(queue, sweeps, payments)
    settings: dict[str, Any] = {"queue": queue, "sweeps": sweeps}
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        settings["beat"] = str(Path(directory, "beat"))
        async with Sandbox() as sandbox:
            sandbox.set_settlement(AfterSeconds(processing=1.0, final=6.0))
            settings["client"] = sandbox.settings
            if queue == "procrastinate":
                settings |= {"conninfo": CONNINFO, "schema": stack.enter_context(queue_schema())}
                await _begin_jobs(settings, payments)
                worker_environment = None
            else:
                database, names = stack.enter_context(shop()), stack.enter_context(own_queue(queue))
                settings["database"] = database
                worker_environment = environment(sandbox, database, DOLLR_SWEEP_EVERY="5", **names)
                await _begin_tasks(sandbox, database, names, payments)
            sandbox.set_latency(0.3, "get_collection_status")
            await _work(settings, worker_environment, result)
    return result


async def _begin_jobs(settings: dict[str, Any], payments: int) -> None:
    app, tasks = payment_tasks(settings)

    async def begin(dollr: DollrClient) -> None:
        await tasks.follow((await collect(dollr, direct=True)).reference_id)

    async with (
        app.open_async(),
        PostgresJournal(CONNINFO, schema=settings["schema"]) as journal,
        DollrClient(**settings["client"], journal=journal) as dollr,
    ):
        for _ in range(payments // _TOGETHER):
            await asyncio.gather(*(begin(dollr) for _ in range(_TOGETHER)))


async def _begin_tasks(sandbox: Sandbox, database: str, names: dict[str, str], payments: int) -> None:
    app = Celery(broker=names["CELERY_BROKER_URL"])
    async with PostgresJournal(database) as journal, DollrClient(**sandbox.settings, journal=journal) as dollr:
        for _ in range(payments // _TOGETHER):
            for reference in await asyncio.gather(*(order(database, dollr) for _ in range(_TOGETHER))):
                arguments = [str(reference), "COLLECTION", datetime.now(UTC).isoformat()]
                await asyncio.to_thread(app.send_task, "check", arguments, queue=names["DOLLR_QUEUE"])
    app.close()


async def _work(settings: dict[str, Any], worker_environment: dict[str, str] | None, result: Result) -> None:
    began = time.monotonic()
    deadly, other = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", queue_worker.__name__, json.dumps({**settings, "is_deadly": is_deadly})),
            stdout=asyncio.subprocess.PIPE,
            env=worker_environment,
            start_new_session=True,
        )
        for is_deadly in (True, False)
    ]
    try:
        assert deadly.stdout is not None
        async with asyncio.timeout(60.0):
            while line := await deadly.stdout.readline():
                if line.startswith(b"{"):  # Celery prints a banner
                    result.killed_with += json.loads(line).get("killed_with", 0)
            await deadly.wait()
        await _count(settings, result, began)
    finally:
        for worker in (deadly, other):
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)  # the beat of Celery is a process of its own
            await worker.wait()


async def _count(settings: dict[str, Any], result: Result, began: float) -> None:
    """Count deliveries until all are there, or none comes any more."""
    changed = time.monotonic()
    while result.delivered < result.payments and time.monotonic() - changed < _QUIET[result.sweeps]:
        times = await asyncio.to_thread(_deliveries, settings)
        if len(times) > result.delivered:
            changed = time.monotonic()
            result.seconds = changed - began
        result.delivered, result.twice = len(times), sum(count > 1 for count in times)
        await asyncio.sleep(0.2)


def _deliveries(settings: dict[str, Any]) -> list[int]:
    """Return how often each delivered outcome took effect."""
    if settings["queue"] != "procrastinate":
        return [times for _, times in settled(settings["database"])]
    return [times for (times,) in rows(settings["schema"], "SELECT count(*) FROM deliveries GROUP BY reference_id")]


async def main() -> int:
    """Run every queue that was asked for, with and without its sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=200)
    parser.add_argument("--queues", default=",".join(QUEUES))
    options = parser.parse_args()
    results = []
    for queue in options.queues.split(","):
        for sweeps in (True, False):
            results.append(await run(queue, options.payments, sweeps=sweeps))
            sys.stdout.write(f"{results[-1].line()}\n")
            sys.stdout.flush()
    return 0 if all(result.is_right for result in results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
