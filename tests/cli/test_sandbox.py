"""`dollr sandbox`: running one, and controlling one that runs."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from dollr_async import DollrClient
from tests.cli.conftest import Process
from tests.support.collections import collect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.sandbox import Sandbox, SandboxThread
    from tests.cli.conftest import Ran

    Command = Callable[..., Awaitable[Ran]]

UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("operation", ["collect", "executions/collection", "executions.collection"])
async def test_a_fault_is_planned(operation: str, dollr: Command, sandbox: Sandbox) -> None:
    ran = await dollr("sandbox", "fail", operation, "lose_answer", "--times", "2")
    assert (ran.code, ran.out) == (0, "collect: lose_answer, 2 left\n")
    async with DollrClient(**sandbox.settings) as client:
        await (await collect(client)).wait()
    assert [request.fault for request in sandbox.requests_to("collect")] == ["drop after the work"]


async def test_time_is_skipped(dollr: Command, sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as client:
        await collect(client)
    (clock,) = (await dollr("sandbox", "advance", "3600", "--json")).objects
    assert clock["seconds"] >= 3600
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED"]


@pytest.mark.parametrize(("word", "status"), [([], "COMPLETED"), (["COMPLETED"], "COMPLETED"), (["FAILED"], "FAILED")])
async def test_a_payment_is_settled_once(word: list[str], status: str, dollr: Command, sandbox: Sandbox) -> None:
    sandbox.set_outcome("stay_pending")
    async with DollrClient(**sandbox.settings) as client:
        reference = str((await collect(client)).reference_id)
    ran = await dollr("sandbox", "settle", reference, *word)
    assert (ran.code, ran.out) == (0, f"{reference} {status}\n")
    again = await dollr("sandbox", "settle", reference)
    assert (again.code, f"already {status}" in again.err) == (1, True)


async def test_requests_are_shown_without_secrets(dollr: Command, sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as client:
        await collect(client)
    ran = await dollr("sandbox", "requests")
    assert len(ran.out.splitlines()) == len(sandbox.requests)
    shown = await dollr("sandbox", "requests", "--json")
    assert [one["operation"] for one in shown.objects] == [request.operation for request in sandbox.requests]
    assert sandbox.client_secret not in ran.out + shown.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["fail", "bogus", "503"], 2, "is not an operation of the contract"),
        (["fail", "collect", "bogus"], 2, "is not a fault"),
        (["fail", "collect", "503", "--times", "0"], 2, "times"),
        (["advance", "-1"], 2, "seconds"),
        (["settle", UNKNOWN], 1, "No payment with this reference"),
        (["settle", "7"], 2, "version-4 UUID"),
        (["requests", "--url", "https://api.heydollr.app"], 2, "a sandbox runs on this machine"),
        (["requests", "--url", "sandbox"], 2, "--url 'sandbox' is not an https address"),
        (["requests", "--url", "http://127.0.0.1:1"], 2, "start one with dollr sandbox"),
        (["--port", "70000"], 2, "70000 is not a port"),
        (["--host", "192.0.2.1"], 2, "only listens on this machine"),
        (["--seconds", "-1"], 2, "is not a number of seconds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_what_is_not_possible(words: list[str], code: int, message: str, dollr: Command) -> None:
    ran = await dollr("sandbox", *words)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    (error,) = (await dollr("sandbox", *words, "--json")).objects
    assert message in error["message"]


async def test_a_sandbox_must_be_named(dollr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOLLR_BASE_URL")
    ran = await dollr("sandbox", "requests")
    assert (ran.code, "pass --url URL" in ran.err) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX signal")
def test_a_running_sandbox_prints_its_settings_and_ends_with_0() -> None:
    with Process("sandbox", "--json") as process:
        settings = json.loads(process.line())
        assert settings.keys() == {"url", "client_id", "client_secret", "realtime"}
        taken = Process("sandbox", "--json", "--port", settings["url"].rpartition(":")[2]).finish()
        assert (taken.code, "cannot listen" in taken.objects[0]["message"]) == (1, True)
        process.send_signal(signal.SIGTERM)
        assert process.finish().code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX signal")
def test_requests_are_followed_until_control_c(other_process: SandboxThread) -> None:
    with Process("sandbox", "requests", "--follow", "--json") as following:
        assert Process("status", UNKNOWN).finish().code == 1
        assert json.loads(following.line())["operation"] == "client_obtain_token"
        assert json.loads(following.line())["operation"] == "get_collection_status"
        following.send_signal(signal.SIGINT)
        assert following.finish().code == 0
