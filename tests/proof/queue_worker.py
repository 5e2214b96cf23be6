"""A worker of one queue, in a process of its own: `python -m tests.proof.queue_worker SETTINGS` (JSON).

With `is_deadly` it kills itself (-9) once enough jobs are under way.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from dollr_async import DollrClient, PollPolicy
from dollr_async.integrations.procrastinate import PaymentTasks
from dollr_async.journal import PostgresJournal
from tests.proof.outcome_worker import OPEN_AT_THE_KILL, Counter, report
from tests.support.examples import EXAMPLES
from tests.support.procrastinate import deliver, new_app

if TYPE_CHECKING:
    from collections.abc import Iterator

CONCURRENCY = 40
_POLICY = PollPolicy(interval=0.5, max_interval=1.0, not_found_grace=5.0)
_NEVER = "0 0 1 1 *"


def payment_tasks(settings: dict[str, Any], session: aiohttp.ClientSession | None = None) -> tuple[Any, PaymentTasks]:
    """Return an app and its tasks; without a sweep it runs once a year."""
    app = new_app(settings["schema"], connections=CONCURRENCY // 2)
    journal = PostgresJournal(settings["conninfo"], schema=settings["schema"])
    cron = "* * * * * */5" if settings["sweeps"] else _NEVER

    def make_client() -> DollrClient:
        return DollrClient(**settings["client"], session=session, journal=journal, polling=_POLICY)

    tasks = PaymentTasks(make_client, deliver, sweep_cron=cron)
    tasks.register(app)
    return app, tasks


async def _procrastinate(settings: dict[str, Any]) -> None:
    counter = Counter(is_deadly=settings["is_deadly"])
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(counter.began)
    trace.on_request_end.append(counter.ended)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        app, _ = payment_tasks(settings, session)
        async with app.open_async():
            report(ready=True)
            await app.run_worker_async(concurrency=CONCURRENCY, fetch_job_polling_interval=0.5)


def _celery(settings: dict[str, Any]) -> None:
    from celery.signals import task_postrun, task_prerun  # noqa: PLC0415 - the other queue needs none of it

    lock, under_way = threading.Lock(), set[str]()

    def began(task_id: str, **_: object) -> None:
        with lock:
            under_way.add(task_id)
            if settings["is_deadly"] and len(under_way) >= OPEN_AT_THE_KILL:
                report(killed_with=len(under_way))
                os.kill(os.getpid(), signal.SIGKILL)

    def ended(task_id: str, **_: object) -> None:
        with lock:
            under_way.discard(task_id)

    task_prerun.connect(began, weak=False)
    task_postrun.connect(ended, weak=False)
    app = runpy.run_path(str(EXAMPLES / "celery_worker.py"))["app"]
    report(ready=True)
    app.worker_main(list(_arguments(settings)))


def _arguments(settings: dict[str, Any]) -> Iterator[str]:
    yield from ("--quiet", "worker", "--loglevel", "CRITICAL", "--pool", "threads", "--concurrency", str(CONCURRENCY))
    yield from ("--hostname", f"{os.getpid()}@%h", "--without-gossip", "--without-mingle", "--prefetch-multiplier", "1")
    if settings["sweeps"] and not settings["is_deadly"]:
        yield from ("--beat", "--schedule", settings["beat"])


def main(settings: dict[str, Any]) -> None:
    """Work until the program that started this ends it."""
    if settings["queue"] == "procrastinate":
        with suppress(KeyboardInterrupt):
            asyncio.run(_procrastinate(settings))
    else:
        _celery(settings)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
