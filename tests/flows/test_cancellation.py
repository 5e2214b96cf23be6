"""collect() cancelled at every point: it ends at once, leaves nothing running, and its reference is known."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dollr_async import DollrClient, KnownPayer, SavedAccount
from dollr_async.sandbox import Fault, Sandbox
from tests.support.collections import REFERENCE, collect

_ROOT = Path(__file__).parents[2]
_ROUTES: dict[str, dict[str, Any]] = {
    "document first": {},
    "own reference": {"reference_id": REFERENCE},
    "direct": {"direct": True},
    "another currency": {"payer_currency": "LRD"},
    "known payer": {"payer": KnownPayer(200_001)},
    "saved account": {"payer": KnownPayer(200_001), "pay_with": SavedAccount(600_001)},
}
_MOST_REQUESTS = 12


_OF_THE_SERVER = ("sandbox/server.py", "aiohttp/web_protocol.py", "asyncio/selector_events.py")


def _running() -> set[asyncio.Task[Any]]:
    """Return the tasks that are not the sandbox's own."""
    tasks = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    return {task for task in tasks if not _file(task).endswith(_OF_THE_SERVER)}


def _file(task: asyncio.Task[Any]) -> str:
    return str(getattr(task.get_coro(), "cr_code").co_filename)  # noqa: B009 - typeshed knows of coroutines in general only


async def _left_by(cancelled: asyncio.Task[Any], dollr: DollrClient) -> asyncio.CancelledError:
    """Await a task that was cancelled, and check that it left nothing running."""
    with pytest.raises(asyncio.CancelledError) as caught:
        await cancelled
    # The token is fetched for all tasks, so that fetch may continue until the client is closed.
    ours = {task for task in _running() if "dollr_async" in _file(task) and "token" not in task.get_name()}
    assert not ours, "a branch of the chain runs on"
    await dollr.close()
    await asyncio.sleep(0.01)  # aiohttp ends its writer in the next turn of the loop
    assert not _running(), "something of the client runs on"
    return caught.value


@pytest.fixture
async def used(sandbox: Sandbox) -> Sandbox:
    """Return a sandbox that knows the payer and the account of the known ones."""
    async with DollrClient(**sandbox.settings) as dollr:
        await collect(dollr)
    sandbox.requests.clear()
    return sandbox


@pytest.mark.parametrize("terms", _ROUTES.values(), ids=_ROUTES)
async def test_cancelled_while_any_request_hangs(used: Sandbox, terms: dict[str, Any]) -> None:
    hanging = 0
    for answered in range(_MOST_REQUESTS):
        used.requests.clear()
        used.clear_faults()
        if answered:
            used.fail("*", Fault.latency(0.0), times=answered)
        used.fail("*", Fault.hang(), times=None)
        before = len(used.ledger)
        dollr = DollrClient(**used.settings)
        task = asyncio.create_task(collect(dollr, **terms))
        await asyncio.sleep(1.0)
        if task.done():
            assert len(used.ledger) == before + 1
            await dollr.close()
            break
        hanging += 1
        task.cancel()
        await _left_by(task, dollr)
        assert len(used.ledger) == before
    assert hanging >= 5


@pytest.mark.parametrize("terms", _ROUTES.values(), ids=_ROUTES)
async def test_cancelled_after_any_step_of_the_loop(used: Sandbox, terms: dict[str, Any]) -> None:
    for steps in range(400):
        before = len(used.ledger)
        dollr = DollrClient(**used.settings)
        task = asyncio.create_task(collect(dollr, **terms))
        for _ in range(steps):
            await asyncio.sleep(0)
        if task.done():
            await dollr.close()
            break
        task.cancel()
        await _left_by(task, dollr)
        assert len(used.ledger) <= before + 1
        if len(used.ledger) > before and "reference_id" in terms:
            break  # the reference is used from here on
    assert steps > 20


@pytest.mark.parametrize("fault", ["hang", "hang_after"])
async def test_cancelled_while_the_execution_hangs(
    sandbox: Sandbox, dollr: DollrClient, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dollr_async")
    sandbox.fail("collect", fault)
    task = asyncio.create_task(collect(dollr))
    await asyncio.sleep(5.0)
    task.cancel()
    error = await _left_by(task, dollr)
    (body,) = [request.body for request in sandbox.requests_to("collect")]
    assert isinstance(body, dict)
    reference_id = body["reference_id"]
    assert any(reference_id in note for note in error.__notes__)
    assert [record.levelname for record in caplog.records if reference_id in record.getMessage()] == ["INFO"]
    assert [entry.reference_id for entry in sandbox.ledger] == ([reference_id] if fault == "hang_after" else [])


async def test_the_reference_is_logged_before_the_execution_leaves(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dollr_async")
    sandbox.fail("create_checkout_session", "hang")
    task = asyncio.create_task(collect(dollr))
    await asyncio.sleep(5.0)
    assert not [record for record in caplog.records if "about to be executed" in record.getMessage()]
    task.cancel()
    error = await _left_by(task, dollr)
    assert any("reference_id is" in note for note in error.__notes__)


async def test_a_reference_of_the_callers_is_neither_logged_nor_noted(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dollr_async")
    sandbox.fail("collect", "hang")
    task = asyncio.create_task(collect(dollr, reference_id=REFERENCE))
    await asyncio.sleep(5.0)
    task.cancel()
    error = await _left_by(task, dollr)
    assert not getattr(error, "__notes__", [])
    assert not [record for record in caplog.records if REFERENCE in record.getMessage()]


@pytest.mark.parametrize("after", [0.1, 10.0, 29.0, 31.0, 45.0, 119.0])
async def test_cancelled_while_the_outcome_is_checked(sandbox: Sandbox, dollr: DollrClient, after: float) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 500, times=None)
    task = asyncio.create_task(collect(dollr))
    await asyncio.sleep(after)
    task.cancel()
    error = await _left_by(task, dollr)
    assert any(sandbox.ledger[0].reference_id in note for note in error.__notes__)
    assert len(sandbox.ledger) == 1


async def test_a_timeout_of_the_callers_is_a_timeout(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_party", "hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3.0):
            await collect(dollr)


async def test_one_collection_that_is_cancelled_leaves_the_others_alone(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(0.5)
    tasks = [asyncio.create_task(collect(dollr)) for _ in range(5)]
    await asyncio.sleep(0.2)  # all wait for the one token
    tasks[0].cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ends[0], asyncio.CancelledError)
    assert not [end for end in ends[1:] if isinstance(end, BaseException)]
    assert (len(sandbox.ledger), sandbox.tokens_issued) == (4, 1)


async def test_nothing_is_left_after_a_success(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        collection = await collect(dollr)
        assert {task.get_name() for task in _running()} == {"dollr_async token refresh"}
        await collection.wait()
    assert not _running()
    await _is_idle(sandbox)


async def _is_idle(sandbox: Sandbox) -> None:
    await asyncio.sleep(1.0)
    assert sandbox.in_flight == 0


def test_nothing_is_left_behind_in_development_mode() -> None:
    program = [sys.executable, "-X", "dev", "-W", "error", "-m", "tests.support.leak_check"]
    done = subprocess.run(program, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "success failure cancellation push", "")
