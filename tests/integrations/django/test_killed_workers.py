"""Workers that are killed at every statement, or whose receivers raise: each order is paid once, and none is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from dollr_async.sandbox import AfterSeconds, SandboxThread
from tests.integrations.django.projects import Project, project
from tests.support.paths import ROOT
from tests.support.postgres import CONNINFO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDERS = 200
LAST_STATEMENT = 32
"""More than a worker needs for its first three payments: those are handled while the numbers pass over all of it."""

EVERY = int(os.environ.get("DOLLR_PROOF_EVERY", "6"))
"""It is killed at each sixth statement, and with `nox -s kill` at each."""


@contextmanager
def shop_with(directory: Path, orders: int, **variables: str) -> Iterator[Project]:
    """Return the project with a database of its own in PostgreSQL, in which so many payments have ended."""
    with SandboxThread(settlement=AfterSeconds(processing=0.05, final=0.1)) as sandbox:
        shop = project(
            directory,
            "postgresql",
            SHOP_BASE_URL=sandbox.url,
            SHOP_CLIENT_ID=sandbox.client_id,
            SHOP_CLIENT_SECRET=sandbox.client_secret,
            SHOP_CONN_MAX_AGE="60",
            **variables,
        )
        names = [shop.environment["SHOP_NAME"], f"{shop.environment['SHOP_NAME']}_payments"]
        with psycopg.connect(CONNINFO, autocommit=True) as server:
            for name in names:
                server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
            try:
                run(shop, "migrate", "--verbosity", "0")
                run(shop, "orders", str(orders), *(["--queue"] if "SHOP_QUEUE" in variables else []))
                yield shop
            finally:
                for name in names:
                    server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def run(shop: Project, *arguments: str) -> str:
    ran = shop.manage(*arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def state(shop: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(shop, "orders", "0").splitlines()[-1])
    return found


def killed(shop: Project, at: int, *more: str) -> int:
    return shop.manage("killed_worker", "--lease", "1", "--at", str(at), *more).returncode


@pytest.mark.full(reason="it starts a process for every statement at which a worker can be killed")
def test_killed_at_every_statement_each_order_is_paid_once(tmp_path: Path) -> None:
    with shop_with(tmp_path, ORDERS) as shop, ThreadPoolExecutor(2) as two:
        points = [(at, *how) for at in range(1, LAST_STATEMENT, EVERY) for how in ((), ("--after",))]
        ended = list(two.map(lambda point: killed(shop, *point), points))
        assert set(ended) == {-signal.SIGKILL}
        found = state(shop)
        # The order and the mark never differ, whatever was killed in between.
        assert found["paid"].get("1", 0) == ORDERS - found["not_handled"]
        assert found["paid"].keys() <= {"0", "1"}
        # Two more workers, of which each has a receiver that raises for some payments after it has paid their orders.
        raised = list(two.map(lambda digit: shop.manage("killed_worker", "--lease", "1", "--raise-for", digit), "07"))
        assert all("ZeroDivisionError" in ran.stderr for ran in raised), raised
        found = state(shop)
        assert found["paid"].get("1", 0) == ORDERS - found["not_handled"]
        assert found["paid"].keys() <= {"0", "1"}
        list(two.map(lambda _: run(shop, "killed_worker", "--lease", "1"), range(2)))
        assert state(shop) == {"paid": {"1": ORDERS}, "not_handled": 0, "open": 0}


@pytest.mark.full(reason="it makes a database, and starts processes")
def test_the_worker_ends_with_0_when_it_is_terminated(tmp_path: Path) -> None:
    health = tmp_path / "healthy"
    with shop_with(tmp_path, 5) as shop:
        worker = subprocess.Popen(
            [
                sys.executable,
                "-X",
                "dev",
                "-W",
                "error",
                "-m",
                "django",
                "dollr_watch",
                "--json",
                "--health-file",
                health,
            ],
            cwd=ROOT,
            env=shop.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout is not None
        lines = [json.loads(worker.stdout.readline()) for _ in range(5)]
        assert {line["status"] for line in lines} == {"COMPLETED"}
        assert time.time() - health.stat().st_mtime < 5
        worker.send_signal(signal.SIGTERM)
        rest, errors = worker.communicate(timeout=20)
        assert (worker.returncode, rest) == (0, "")
        assert "Exception ignored" not in errors
        assert "Unclosed" not in errors
        assert not health.exists()
        assert state(shop)["not_handled"] == 0


@contextmanager
def procrastinate_worker(shop: Project) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "10"]
    worker = subprocess.Popen(command, cwd=ROOT, env=shop.environment, stderr=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def until(shop: Project, sql: str) -> int:
    """Wait until a count is above 0, and return it."""
    end = time.monotonic() + 100.0
    with psycopg.connect(CONNINFO, dbname=shop.environment["SHOP_NAME"], autocommit=True) as server:
        while time.monotonic() < end:
            found = server.execute(sql).fetchone()
            if found is not None and found[0]:
                return int(found[0])
            time.sleep(0.05)
    raise AssertionError(f"not in time: {sql}")


@pytest.mark.full(reason="it makes a database, and starts two workers of Procrastinate in processes")
def test_a_worker_of_procrastinate_that_is_killed_leaves_every_order_paid_once(tmp_path: Path) -> None:
    with shop_with(tmp_path, 40, SHOP_QUEUE="1") as shop:
        with procrastinate_worker(shop) as worker:
            until(shop, "SELECT count(*) FROM dollr_payment WHERE handled_at IS NOT NULL")
            worker.kill()
            worker.wait()
        # The jobs of a worker that was killed stay as they were.
        under_way = until(shop, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
        waiting = until(shop, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        sys.stdout.write(f"killed with {under_way} jobs under way, and {waiting} that waited\n")
        assert under_way >= 3, "the kill proves something only when work was under way"
        with procrastinate_worker(shop):
            until(shop, "SELECT (count(*) FILTER (WHERE handled_at IS NOT NULL) = 40)::int FROM dollr_payment")
        found = state(shop)
        assert found == {"paid": {"1": 40}, "not_handled": 0, "open": 0}
