"""What the worker programs among the examples need: a table of orders beside a journal, a queue, and the program."""

from __future__ import annotations

import os
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis
from kombu import Connection
from kombu.exceptions import OperationalError, VersionMismatch
from psycopg.conninfo import make_conninfo

from tests.support.collections import collect
from tests.support.examples import EXAMPLES
from tests.support.postgres import own_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dollr_async import DollrClient
    from dollr_async.sandbox import Sandbox

BROKERS = ("rabbitmq", "redis")
_RABBITMQ = os.environ.get("DOLLR_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
_REDIS = "redis://127.0.0.1:6379"


@contextmanager
def shop() -> Iterator[str]:
    """Make a database with a table of orders; at the end it is dropped."""
    with own_database() as database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE orders (payment UUID PRIMARY KEY, status TEXT, times INTEGER NOT NULL DEFAULT 0)"
            )
            # Each change of an order counts, so that one that takes effect twice is seen.
            connection.execute(
                "CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN NEW.times = OLD.times + 1; RETURN NEW; END'"
            )
            connection.execute(
                "CREATE TRIGGER changes BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION count_change()"
            )
        yield make_conninfo(database)


@contextmanager
def own_queue(broker: str) -> Iterator[dict[str, str]]:
    """Return the environment that names a broker and a queue of the caller's own; at the end all of it is removed."""
    name = f"dollr_test_{uuid.uuid4().hex[:12]}"
    url = _RABBITMQ if broker == "rabbitmq" else _empty_redis()
    try:
        Connection(url, connect_timeout=3).ensure_connection(max_retries=1).release()
    except OperationalError:
        pytest.skip(f"needs {broker}: {url}")
    except VersionMismatch as error:
        pytest.skip(f"Celery needs a newer redis-py than this library does: {error}")
    try:
        yield {"CELERY_BROKER_URL": url, "DOLLR_QUEUE": name}
    finally:
        if broker == "rabbitmq":
            with Connection(url) as connection:
                connection.default_channel.queue_delete(name)
                connection.default_channel.exchange_delete(name)
        else:
            with redis.Redis.from_url(url) as client:
                client.flushdb()


def _empty_redis() -> str:
    """Return the URL of a database of Redis that has no keys."""
    for number in range(15, 0, -1):
        with redis.Redis.from_url(f"{_REDIS}/{number}") as client:
            try:
                # The key claims it, so that tests that run at the same time take others.
                if client.dbsize() == 0 and client.set("dollr_test", "claimed", nx=True):
                    return f"{_REDIS}/{number}"
            except redis.ConnectionError:
                break
    pytest.skip("needs Redis with an empty database")


async def order(database: str, dollr: DollrClient, **changes: Any) -> uuid.UUID:  # noqa: ANN401 - terms of the collection
    """Order and collect, and return the reference."""
    reference = uuid.uuid4()
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("INSERT INTO orders (payment) VALUES (%s)", (reference,))
    await collect(dollr, direct=True, reference_id=reference, **changes)
    return reference


def settled(database: str) -> list[tuple[str, int]]:
    """Return each settled order's status, and how often it was changed."""
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT status, times FROM orders WHERE status IS NOT NULL").fetchall()


def environment(sandbox: Sandbox, database: str, **more: str) -> dict[str, str]:
    """Return the environment of a worker."""
    own = {f"DOLLR_{name.upper()}": str(value) for name, value in sandbox.settings.items()}
    return {**os.environ, **own, "DATABASE_URL": database, "PYTHONPATH": str(EXAMPLES), **more}


def celery(directory: Path, *, pool: str = "threads", concurrency: int = 4, beat: bool = False) -> list[str]:
    """Return the command of a Celery worker of the recipe."""
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "celery_worker", "worker", "--loglevel", "ERROR"]
    command += ["--hostname", f"{uuid.uuid4().hex}@%h", "--without-gossip", "--without-mingle"]
    command += ["--pool", pool, "--concurrency", str(concurrency)]
    return [*command, *(["--beat", "--schedule", str(directory / "beat")] if beat else [])]
