"""The worker programs among the examples, as they are, against a sandbox and the real queues."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
import signal
import sys
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery

from dollr_async import DollrClient
from dollr_async.journal import PostgresJournal
from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.support.examples import EXAMPLES
from tests.support.recipes import BROKERS, celery, environment, order, own_queue, settled, shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.real_time

_WITHIN = 25.0


@pytest.fixture
def database() -> Iterator[str]:
    with shop() as name:
        yield name


@pytest.fixture
async def quick_sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        sandbox.set_settlement(AfterSeconds(processing=0.2, final=1.0))
        yield sandbox


@pytest.fixture
async def dollr(quick_sandbox: Sandbox, database: str) -> AsyncIterator[DollrClient]:
    async with (
        PostgresJournal(database) as journal,
        DollrClient(**quick_sandbox.settings, journal=journal) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def running(command: list[str], settings: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    worker = await asyncio.create_subprocess_exec(*command, env=settings)
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.send_signal(signal.SIGTERM)
        await worker.wait()


async def until_settled(database: str, orders: int) -> list[tuple[str, int]]:
    async with asyncio.timeout(_WITHIN):
        while len(rows := await asyncio.to_thread(settled, database)) < orders:  # noqa: ASYNC110 - another process works
            await asyncio.sleep(0.2)
    return rows


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("broker", BROKERS)
async def test_celery_delivers_what_a_task_checks(
    quick_sandbox: Sandbox, dollr: DollrClient, database: str, tmp_path: Path, broker: str, pool: str
) -> None:
    with own_queue(broker) as queue:
        app = Celery(broker=queue["CELERY_BROKER_URL"])
        for _ in range(3):
            reference = await order(database, dollr)
            arguments = [str(reference), "COLLECTION", datetime.now(UTC).isoformat()]
            app.send_task("check", arguments, queue=queue["DOLLR_QUEUE"])
        app.close()
        settings = environment(quick_sandbox, database, **queue)
        async with running(celery(tmp_path, pool=pool, concurrency=2), settings):
            assert await until_settled(database, 3) == [("COMPLETED", 1)] * 3


async def test_the_sweep_of_celery_delivers_what_no_task_checks(
    quick_sandbox: Sandbox, dollr: DollrClient, database: str, tmp_path: Path
) -> None:
    await order(database, dollr)
    with own_queue("rabbitmq") as queue:
        settings = environment(quick_sandbox, database, DOLLR_SWEEP_EVERY="1", **queue)
        async with running(celery(tmp_path, beat=True), settings):
            assert await until_settled(database, 1) == [("COMPLETED", 1)]


async def test_a_check_of_any_queue_delivers_once_and_says_when_to_come_again(
    dollr: DollrClient, database: str, quick_sandbox: Sandbox
) -> None:
    check: Any = runpy.run_path(str(EXAMPLES / "any_queue.py"))["check"]
    reference, began = await order(database, dollr), datetime.now(UTC)

    pause: float | None = await check(dollr, database, reference, "COLLECTION", began)
    assert pause is not None
    quick_sandbox.settle(reference)
    assert await check(dollr, database, reference, "COLLECTION", began) is None
    assert await check(dollr, database, reference, "COLLECTION", began) is None
    assert settled(database) == [("COMPLETED", 1)]

    quick_sandbox.fail("get_collection_status", 503, times=10)
    assert await check(dollr, database, uuid.uuid4(), "COLLECTION", began) == 10.0


async def test_an_asyncio_worker_is_healthy_until_sigterm_and_then_exits_with_0(
    quick_sandbox: Sandbox, dollr: DollrClient, database: str, tmp_path: Path
) -> None:
    await order(database, dollr)
    health = tmp_path / "health"
    command = [sys.executable, str(EXAMPLES / "asyncio_worker.py"), str(health)]

    async with running(command, environment(quick_sandbox, database)) as worker:
        assert await until_settled(database, 1) == [("COMPLETED", 1)]
        assert health.exists()
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_WITHIN):
            assert await worker.wait() == 0

    assert not health.exists()
