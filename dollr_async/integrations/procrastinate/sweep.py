"""The sweep: gives each payment a job that needs one and has none, and puts the jobs of dead workers right."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from dollr_async.base.extras import extra
from dollr_async.integrations.procrastinate.jobs import CHECK, COLLECT, SWEEP, defer_check, lock_of

with extra("procrastinate"):
    from procrastinate.exceptions import ConnectorException
    from procrastinate.jobs import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from typing import LiteralString

    from procrastinate import App

    from dollr_async.base.enums import ExecutionKind
    from dollr_async.client import DollrClient

logger = logging.getLogger("dollr_async.integrations.procrastinate")

_FAILED_KEPT_DAYS = 7

_DELETE_FINISHED: LiteralString = (
    "DELETE FROM procrastinate_jobs j WHERE task_name = ANY(%(tasks)s) AND (status = 'succeeded' OR (status = 'failed' "
    "AND NOT EXISTS (SELECT FROM procrastinate_events e WHERE e.job_id = j.id "
    "AND e.at > now() - make_interval(days => %(days)s))))"
)
_WAITING: LiteralString = (
    "SELECT queueing_lock FROM procrastinate_jobs WHERE task_name = %(task)s AND status = 'todo' "
    "AND queueing_lock IS NOT NULL"
)


async def tidy_jobs(app: App) -> None:
    """Delete finished jobs, run collections of dead workers again, and forget their checks."""
    await app.connector.execute_query_async(_DELETE_FINISHED, tasks=[CHECK, SWEEP, COLLECT], days=_FAILED_KEPT_DAYS)
    for job in await app.job_manager.get_stalled_jobs(task_name=COLLECT):
        # Only the job has the terms of a collection that the journal does not know yet.
        reference = UUID(str(job.task_kwargs["reference_id"]))
        words = "payment %s: the worker of its collection died, and the job runs again"
        logger.warning(words, reference, extra={"reference_id": reference})
        with suppress(ConnectorException):  # it has ended meanwhile, or another sweep was quicker
            await app.job_manager.retry_job(job)
    for task in (CHECK, SWEEP):
        for job in await app.job_manager.get_stalled_jobs(task_name=task):
            with suppress(ConnectorException):  # as above
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)


async def restore_jobs(app: App, client: DollrClient) -> None:
    """Defer a check of each payment that is open, or ended and not handled, and of which no job waits."""
    rows = await app.connector.execute_query_all_async(_WAITING, task=CHECK)
    waiting = {row["queueing_lock"] for row in rows}
    restored = 0
    async for reference_id, kind, began_at in _with_work(client):
        if lock_of(CHECK, reference_id) not in waiting:
            await defer_check(app, reference_id, kind, began_at.isoformat())
            restored += 1
    if restored:
        logger.info("%d open payments had no job: a new one was deferred for each", restored)


async def _with_work(client: DollrClient) -> AsyncIterator[tuple[UUID, ExecutionKind, datetime]]:
    async for ended in client.unhandled():
        if ended.began_at is not None:
            yield ended.reference_id, ended.kind, ended.began_at
    async for payment in client.unfinished():
        if payment.executed:
            yield payment.reference_id, payment.kind, payment.began_at
