"""The examples run as they are, against a sandbox in the environment's variables."""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import DollrClient, LineItem, Payer
from dollr_async.journal import SQLiteJournal

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
APPROVES, DECLINES, STAYS_PENDING = "231770000001", "231770000002", "231770000004"


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(f"DOLLR_{name.upper()}", str(value))


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / name))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    most = 60 if path.stem.endswith(("bot", "shop", "worker")) else 40
    if path.stem == "ticket_shop":
        most = 125  # all shops and bots share it
    assert len(path.read_text().splitlines()) < most


async def test_collect_and_follow_prints_each_status_and_the_receipt(capsys: pytest.CaptureFixture[str]) -> None:
    await example("collect_and_follow.py")["main"](APPROVES)
    *statuses, receipt = capsys.readouterr().out.splitlines()
    assert statuses == ["PENDING", "PROCESSING", "COMPLETED"]
    assert receipt == "INV-2026-00001: the payer paid 257.00, and you received 250.00"


async def test_collect_and_follow_says_that_the_payer_declined() -> None:
    with pytest.raises(SystemExit, match=r"Not paid: .*The payer declined the payment"):
        await example("collect_and_follow.py")["main"](DECLINES)


@pytest.mark.real_time  # another process runs in real time
async def test_an_example_runs_from_the_command_line(sandbox: Sandbox) -> None:
    sandbox.set_outcome("complete_at_once")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "collect_and_follow.py"), "231771234567"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
    )
    out, err = await running.communicate()
    assert (running.returncode, err) == (0, b"")
    assert out.decode().splitlines()[0] == "COMPLETED"


async def begun(sandbox: Sandbox, phone: str) -> str:
    async with DollrClient(**sandbox.settings) as dollr:
        collection = await dollr.collect(
            payer=Payer("Amara Kamara", phone), items=[LineItem("Ticket", 10)], currency="USD"
        )
        return str(collection.reference_id)


async def test_wait_for_many_prints_the_outcome_of_each(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    phones = [APPROVES, DECLINES, STAYS_PENDING]
    references = [await begun(sandbox, phone) for phone in phones]
    await example("wait_for_many.py")["main"](references)
    printed = dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())
    assert printed[references[0]] == "paid: 10.28 USD"
    assert printed[references[1]] == "failed: The payer declined the payment"
    assert printed[references[2]].startswith("not known yet, check again later: ")
    assert len(printed) == 3


async def test_wait_for_many_keeps_its_limit_of_polls(sandbox: Sandbox) -> None:
    references = [await begun(sandbox, APPROVES) for _ in range(60)]
    await example("wait_for_many.py")["main"](references)
    polls = [request.second for request in sandbox.requests_to("status.collection")]
    assert len(polls) >= 60
    assert all(sum(first <= poll < first + 1.0 for poll in polls) <= 53 for first in polls)


async def test_reconcile_prints_the_outcome_of_each(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "payments.db"
    async with SQLiteJournal(path) as journal, DollrClient(**sandbox.settings, journal=journal) as dollr:
        for phone in (APPROVES, DECLINES, STAYS_PENDING):
            await dollr.collect(payer=Payer("Amara Kamara", phone), items=[LineItem("Ticket", 10)], currency="USD")
        for operation in ("create_invoice", "collect"):
            sandbox.fail(operation, "hang")
            task = asyncio.create_task(
                dollr.collect(payer=Payer("Amara Kamara", APPROVES), items=[LineItem("Ticket", 10)], currency="USD")
            )
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task])
    await example("reconcile.py")["main"](str(path))
    printed = [line.split(" ", 2)[2] for line in capsys.readouterr().out.splitlines()]
    assert printed[:2] == ["paid: 10.28 USD", "failed: The payer declined the payment"]
    assert printed[2].startswith("not known yet, check again later: ")
    assert printed[3] == "no money moved: start it again with the same reference"
    assert printed[4].startswith("unknown to the API: start it again")
    capsys.readouterr()
    await example("reconcile.py")["main"](str(path))
    assert len(capsys.readouterr().out.splitlines()) == 3, "a payment that is final is not printed again"
