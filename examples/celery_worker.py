"""Celery: one status check is one task, and a sweep finds what a dead worker left behind.

Start it with `celery --workdir examples -A celery_worker worker --beat`. Settings: CELERY_BROKER_URL, DATABASE_URL (the
orders and the journal), and those of the client. After `collect()` call check.delay(str(reference_id), "COLLECTION",
began_at.isoformat()).
"""

import os
from datetime import UTC, datetime

import psycopg
from celery import Celery

from dollr_async import DollrClient, DollrError, Outcome
from dollr_async.blocking import BlockingDollr
from dollr_async.journal import PostgresJournal

DATABASE, EVERY = os.environ["DATABASE_URL"], float(os.environ.get("DOLLR_SWEEP_EVERY", "60"))
app = Celery("payments", broker=os.environ["CELERY_BROKER_URL"], task_acks_late=True, task_reject_on_worker_lost=True)
app.conf.update(task_default_queue=os.environ.get("DOLLR_QUEUE", "dollr"), task_ignore_result=True)
app.conf.beat_schedule = {"sweep": {"task": "sweep", "schedule": EVERY, "options": {"expires": EVERY}}}
blocking = BlockingDollr(lambda: DollrClient(journal=PostgresJournal(DATABASE)))  # one loop for each worker process


async def deliver(outcome: Outcome) -> None:
    async with await psycopg.AsyncConnection.connect(DATABASE) as connection:
        paid = (outcome.status, outcome.reference_id)
        await connection.execute("UPDATE orders SET status = %s WHERE payment = %s", paid)
        await outcome.handled(connection)  # the order and the mark commit together


async def check_once(dollr: DollrClient, reference_id: str, kind: str, age: float) -> float | None:
    try:
        pause = (await dollr.check(reference_id, kind, age=age)).next_in
    except DollrError:
        pause = 10.0  # it could not ask, which says nothing about the payment
    if outcome := await dollr.outcome(reference_id):
        await deliver(outcome)
    return None if outcome or pause is None else max(pause, age / 100)


@app.task(name="check", autoretry_for=(Exception,), retry_backoff=True)
def check(reference_id: str, kind: str, began_at: str) -> None:
    age = max((datetime.now(UTC) - datetime.fromisoformat(began_at)).total_seconds(), 0.0)
    if (pause := blocking.run(lambda dollr: check_once(dollr, reference_id, kind, age))) is not None:
        app.send_task("check", (reference_id, kind, began_at), countdown=pause)


async def handle_all(dollr: DollrClient) -> None:
    async for outcome in dollr.outcomes(idle=0):
        try:
            await deliver(outcome)
        except Exception:  # noqa: BLE001 - the other payments go on
            app.log.get_default_logger().exception("payment %s is handed out again", outcome.reference_id)


@app.task(name="sweep")
def sweep() -> None:
    blocking.run(handle_all)
