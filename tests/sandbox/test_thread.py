"""A sandbox in a thread of its own: used from any thread and any loop, and left without a trace."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dollr_async import DollrClient
from dollr_async.sandbox import Sandbox, SandboxThread, thread
from dollr_async.sandbox.controls import Controls
from dollr_async.sandbox.push.controls import RealtimeControls
from dollr_async.testing import QUICK
from tests.support.collections import collect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dollr_async import Execution
    from dollr_async.sandbox import LedgerEntry


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


async def paid(sandbox: SandboxThread) -> Execution:
    async with DollrClient(**sandbox.settings, **QUICK) as dollr:
        collection = await collect(dollr)
        sandbox.settle(collection.reference_id)
        return await collection.wait()


def in_a_real_loop(sandbox: SandboxThread) -> Execution:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(paid(sandbox))


def test_it_serves_code_without_a_loop_and_any_number_of_loops_and_threads() -> None:
    with SandboxThread() as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        in_a_real_loop(sandbox)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(in_a_real_loop, [sandbox] * 8))
        assert [entry.status for entry in sandbox.ledger] == ["COMPLETED"] * 9
        assert sandbox.tokens_issued == 9


async def test_a_test_with_a_virtual_clock_can_use_it() -> None:
    with SandboxThread() as sandbox, socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))):
        sandbox.advance(60)
        await asyncio.sleep(60)
        assert sandbox.requests == ()


def test_every_control_runs_in_its_thread() -> None:
    names = {name for name in {**vars(RealtimeControls), **vars(Controls)} if not name.startswith("_")}
    assert len(names) > 30
    assert names <= vars(SandboxThread).keys()
    ran_in: list[threading.Thread] = []

    def shape(entry: LedgerEntry) -> Mapping[str, object]:
        ran_in.append(threading.current_thread())
        assert entry in sandbox.ledger, "a function that the sandbox calls may use it"
        return {"reference_id": entry.reference_id}

    with SandboxThread() as sandbox:
        in_a_real_loop(sandbox)
        sandbox._run(lambda: shape(sandbox.ledger[0]))
    assert [ran.name for ran in ran_in] == ["dollr-sandbox"]


def test_requests_and_ledger_are_snapshots() -> None:
    with SandboxThread(outcome="stay_pending") as sandbox:
        sandbox.fail("invoices.create", "drop")
        empty = sandbox.requests
        in_a_real_loop(sandbox)
        requests, ledger, made = sandbox.requests, sandbox.ledger, sandbox.requests_to("invoices.create")
        assert empty == ()
        assert [request.fault for request in made] == ["drop", None]
        made[0].fault = "changed by the test"
        requests[0].delivered = False
        assert sandbox.requests_to("invoices.create")[0].fault == "drop"
        assert sandbox.requests[0].delivered
        sandbox.reset()
        assert (sandbox.requests, sandbox.ledger) == ((), ())
        assert (len(requests) > 8, len(ledger)) == (True, 1)


def test_a_control_that_refuses_raises_where_it_was_called() -> None:
    with SandboxThread() as sandbox:
        with pytest.raises(ValueError, match="'sunny' is not an outcome"):
            sandbox.set_outcome("sunny")
        with pytest.raises(KeyError):
            sandbox.settle("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")


def test_it_takes_the_keywords_of_a_sandbox() -> None:
    keywords = inspect.signature(Sandbox).parameters
    assert thread.SandboxKeywords.__annotations__.keys() == keywords.keys()
    with pytest.raises(ValueError, match="only listens on this machine"):
        SandboxThread(host="0.0.0.0")  # noqa: S104 - refused
    with pytest.raises(TypeError, match="outcom"):
        SandboxThread(outcom="decline")  # type: ignore[call-arg]  # what is shown


HINTS = dict.fromkeys(("Settlement", "Outcome", "Quirks"), object)


def test_it_can_be_set_up_before_it_starts_and_read_after_it_was_closed() -> None:
    sandbox = SandboxThread()
    with pytest.raises(RuntimeError, match="has no URL yet"):
        assert sandbox.url
    sandbox.fail("executions.collection", "lose_answer")
    sandbox.close()
    assert sandbox.start() is sandbox
    with pytest.raises(RuntimeError, match=f"already running at {sandbox.url}"):
        sandbox.start()
    in_a_real_loop(sandbox)
    url = sandbox.url
    sandbox.close()
    sandbox.close()
    assert repr(sandbox) == "SandboxThread(not running)"
    assert sandbox.requests_to("executions.collection")[0].fault == "drop after the work"
    with sandbox:
        assert sandbox.url == url
        assert repr(sandbox) == f"SandboxThread({url})"
        in_a_real_loop(sandbox)
    assert len(sandbox.ledger) == 2


def test_a_port_that_is_in_use_is_an_error_of_start() -> None:
    with SandboxThread() as first:
        second = SandboxThread(port=int(first.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="address already in use"):
            second.start()
    with second:
        assert second.url == first.url


def test_close_ends_requests_that_hang() -> None:
    with SandboxThread() as sandbox, ThreadPoolExecutor(1) as threads:
        sandbox.fail("*", "hang")
        with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))) as caller:
            caller.sendall(b"GET /v1/fees/tiers HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while sandbox.in_flight == 0:
                pass
            closed = threads.submit(sandbox.close)
            assert caller.recv(1000) == b""
            closed.result(timeout=5)
