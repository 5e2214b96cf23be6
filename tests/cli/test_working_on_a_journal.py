"""`dollr reconcile` and `dollr watch --journal`: ends are written and shown, and outcomes stay where they belong."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dollr_async import CollectError, DollrClient
from dollr_async.journal import SQLiteJournal
from dollr_async.sandbox import AfterSeconds
from tests.cli.conftest import Process
from tests.support.collections import collect
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from dollr_async.sandbox import Sandbox, SandboxThread
    from tests.cli.conftest import Ran

    Command = Callable[..., Awaitable[Ran]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payments.db"


@asynccontextmanager
async def client(sandbox: Sandbox, path: Path) -> AsyncIterator[DollrClient]:
    async with SQLiteJournal(path) as journal, DollrClient(**sandbox.settings, journal=journal) as dollr:
        yield dollr


async def begun(sandbox: Sandbox, path: Path, *outcomes: str) -> list[str]:
    """Begin payments with these outcomes, as a process that ends at once."""
    made = []
    async with client(sandbox, path) as dollr:
        for outcome in outcomes:
            sandbox.set_outcome(outcome)
            made.append(str((await collect(dollr)).reference_id))
    return made


@pytest.mark.parametrize(
    ("outcomes", "code", "statuses"),
    [
        ([], 0, []),
        (["approve"], 0, ["COMPLETED"]),
        (["approve", "decline"], 1, ["COMPLETED", "FAILED"]),
        (["stay_pending", "decline"], 3, ["FAILED", "PENDING"]),
    ],
)
async def test_reconcile_is_one_pass(
    outcomes: list[str], code: int, statuses: list[str], dollr: Command, sandbox: Sandbox, path: Path
) -> None:
    made = await begun(sandbox, path, *outcomes)
    sandbox.advance(60.0)
    ran = await dollr("reconcile", "--journal", str(path), "--json")
    assert ran.code == code
    assert sorted(ran.statuses) == statuses
    assert {one["reference_id"] for one in ran.objects} == set(made)
    still_open = [reference for reference, outcome in zip(made, outcomes, strict=True) if outcome == "stay_pending"]
    async with SQLiteJournal(path) as journal:
        assert [str(entry.reference_id) for entry in await journal.unfinished()] == still_open


async def test_a_payment_that_was_never_executed_is_named_and_is_no_failure(
    dollr: Command, sandbox: Sandbox, path: Path
) -> None:
    async with client(sandbox, path) as other:
        sandbox.fail("create_party", 403)
        with pytest.raises(CollectError):
            await collect(other)
    ran = await dollr("reconcile", "--journal", str(path), "--json")
    assert (ran.code, ran.statuses) == (0, ["NOT_BEGUN"])


async def test_outcomes_are_left_to_the_program_that_handles_them(dollr: Command, sandbox: Sandbox, path: Path) -> None:
    (reference,) = await begun(sandbox, path, "approve")
    sandbox.advance(60.0)
    assert (await dollr("reconcile", "--journal", str(path))).out == f"{reference} COMPLETED 257.00 USD\n"
    assert (await dollr("reconcile", "--journal", str(path))).out == ""
    async with client(sandbox, path) as program:
        assert [str(one.reference_id) async for one in program.outcomes(idle=0)] == [reference]


async def test_marking_hands_each_outcome_out_once(dollr: Command, sandbox: Sandbox, path: Path) -> None:
    references = await begun(sandbox, path, "approve", "decline")
    sandbox.advance(60.0)
    await dollr("reconcile", "--journal", str(path))
    ran = await dollr("reconcile", "--journal", str(path), "--mark-handled", "--json")
    assert (ran.code, {one["reference_id"] for one in ran.objects}) == (1, set(references))
    assert (await dollr("reconcile", "--journal", str(path), "--mark-handled", "--json")).objects == []
    assert (await dollr("journal", "purge", "--handled-before", "9999-01-01", "--journal", str(path))).out == (
        "Deleted 2 handled payments.\n"
    )


async def test_a_payment_that_a_person_closed_is_handed_out_with_the_reason(
    dollr: Command, sandbox: Sandbox, path: Path
) -> None:
    (reference,) = await begun(sandbox, path, "stay_pending")
    closed = ("journal", "close", reference, "--as", "NOT_RUN", "--reason", "the operator says so")
    assert (await dollr(*closed, "--journal", str(path))).code == 0
    ran = await dollr("reconcile", "--journal", str(path), "--mark-handled")
    assert (ran.code, ran.out) == (1, f"{reference} NOT_RUN: the operator says so\n")


async def test_the_journal_may_be_named_by_the_environment(
    dollr: Command, sandbox: Sandbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(sandbox, path, "approve")
    monkeypatch.setenv("DOLLR_JOURNAL", f"sqlite://{path}")
    sandbox.advance(60.0)
    assert (await dollr("reconcile", "--json")).statuses == ["COMPLETED"]


@pytest.mark.real_time(reason="PostgreSQL does not wait for a virtual clock")
async def test_the_journal_may_be_in_postgresql(dollr: Command, sandbox: Sandbox) -> None:
    with own_schema() as schema:
        words = ("--journal", f"{CONNINFO}?schema={schema}")
        collected = ("collect", "--phone", "231770000006", "--name", "A B", "--amount", "5", "--currency", "USD")
        assert (await dollr(*collected, *words)).code == 0
        ran = await dollr("reconcile", *words, "--mark-handled", "--json")
        assert (ran.code, ran.statuses) == (0, ["COMPLETED"])


@pytest.mark.parametrize("words", [["watch"], ["reconcile"], ["journal", "purge", "--handled-before", "2026-01-31"]])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:hunter2@127.0.0.1:1/shop",
        "postgresql://shop@127.0.0.1:1/shop?password=hunter2",
        "postgresql://shop:hunter2@[127.0.0.1:1/shop",
        "mysql://shop:hunter2@127.0.0.1/shop",
        "sqlite://shop:hunter2@/payments.db",
    ],
)
async def test_a_journal_that_cannot_be_opened_is_2_and_its_password_is_not_shown(
    words: list[str], url: str, dollr: Command
) -> None:
    for more in ([], ["--json"]):
        ran = await dollr(*words, "--journal", url, *more)
        assert ran.code == 2
        assert "hunter2" not in ran.out + ran.err
        assert len((ran.out + ran.err).splitlines()) == 1


async def test_refused_credentials_end_the_worker_with_1(
    dollr: Command, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOLLR_CLIENT_SECRET", "another")
    assert (await dollr("watch", "--journal", str(path))).code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX signal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_follows_until_a_signal_and_ends_with_0(
    number: signal.Signals, other_process: SandboxThread, path: Path, tmp_path: Path
) -> None:
    other_process.set_settlement(AfterSeconds(processing=0.2, final=0.4))
    health = tmp_path / "health"
    with Process("watch", "--journal", str(path), "--health-file", str(health), "--json") as worker:
        first = Process(
            *("collect", "--phone", "231771234567", "--name", "A B", "--amount", "5", "--currency", "USD"),
            *("--journal", str(path), "--no-wait"),
        ).finish()
        reference = first.out.split()[1]
        assert f'"{reference}"' in worker.line()
        assert time.time() - health.stat().st_mtime < 5.0
        worker.send_signal(number)
        ran = worker.finish()
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert not health.exists()


@pytest.mark.full(reason="it waits for several touches of a file")
@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX signal")
def test_the_health_file_is_touched_all_the_time_while_the_api_is_down(
    other_process: SandboxThread, path: Path, tmp_path: Path
) -> None:
    other_process.fail("*", 503, times=None)
    health = tmp_path / "health"
    with Process("watch", "--journal", str(path), "--health-file", str(health)) as worker:
        while not health.exists():
            assert worker.poll() is None
            time.sleep(0.05)
        end = time.monotonic() + 12.0
        while time.monotonic() < end:
            assert time.time() - health.stat().st_mtime < 5.0
            time.sleep(0.2)
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.finish().code == 0
    assert not health.exists()
