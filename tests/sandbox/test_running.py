"""Starting, closing, recording requests, and running as a program."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.sandbox import Sandbox
from dollr_async.sandbox.__main__ import main
from dollr_async.sandbox.world.clock import SandboxClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract import Contract

from tests.sandbox.merchant import Merchant


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "127.0.0.1.nip.io"])  # noqa: S104 - refused
def test_the_sandbox_does_not_listen_to_other_machines(host: str) -> None:
    with pytest.raises(ValueError, match="only listens on this machine"):
        Sandbox(host=host)


@pytest.mark.parametrize(("host", "begin"), [("localhost", "http://127.0.0.1:"), ("127.0.0.2", "http://127.0.0.2:")])
async def test_any_loopback_address_is_accepted(http: aiohttp.ClientSession, host: str, begin: str) -> None:
    async with Sandbox(host=host) as sandbox:
        assert sandbox.url.startswith(begin)
        async with http.get(f"{sandbox.url}/v1/fees/tiers") as response:
            assert response.status == 401


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_the_loopback_address_of_ipv6_is_accepted(http: aiohttp.ClientSession) -> None:
    async with Sandbox(host="::1") as sandbox, http.get(f"{sandbox.url}/v1/fees/tiers") as response:
        assert (sandbox.url.startswith("http://[::1]:"), response.status) == (True, 401)


def test_a_sandbox_starts_within_a_tenth_of_a_second() -> None:
    async def start() -> float:
        begin = time.perf_counter()
        async with Sandbox() as sandbox:
            assert sandbox.url
            return time.perf_counter() - begin

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        assert min(runner.run(start()) for _ in range(3)) < 0.1


async def test_there_is_no_url_before_the_start() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="has no URL yet"):
        _ = sandbox.url
    assert repr(sandbox) == "Sandbox(not running)"
    await sandbox.close()


async def test_a_running_sandbox_is_not_started_again(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="already running"):
        await sandbox.start()


async def test_a_repr_shows_the_url_and_never_the_secret(sandbox: Sandbox) -> None:
    assert repr(sandbox) == f"Sandbox({sandbox.url})"
    assert sandbox.settings == {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "base_url": sandbox.url,
    }


async def test_credentials_can_be_chosen(http: aiohttp.ClientSession, contract: Contract) -> None:
    async with Sandbox(client_id="me", client_secret="pssst", token_lifetime=5) as sandbox:
        assert (await Merchant(sandbox, http, contract).log_in()).body["expires_in"] == 5


async def test_a_restarted_sandbox_has_its_port_and_its_state(merchant: Merchant) -> None:
    payment = await merchant.collect()
    url = merchant.sandbox.url
    await merchant.sandbox.close()
    with pytest.raises(aiohttp.ClientConnectorError):
        await merchant.get("fees/tiers")
    await asyncio.sleep(1000)
    assert [entry.status for entry in merchant.sandbox.ledger] == ["PENDING"]
    await merchant.sandbox.start()
    assert merchant.sandbox.url == url
    await asyncio.sleep(3)
    assert (await merchant.status(payment["reference_id"])).body["status"] == "COMPLETED"


async def test_latency_can_be_set_from_the_start(http: aiohttp.ClientSession) -> None:
    begin = asyncio.get_running_loop().time()
    async with Sandbox(latency=5) as sandbox, http.get(f"{sandbox.url}/v1/fees/tiers") as response:
        assert response.status == 401
    assert asyncio.get_running_loop().time() - begin >= 5


async def test_two_sandboxes_share_nothing(merchant: Merchant, contract: Contract) -> None:
    await merchant.counterparty()
    async with Sandbox() as sandbox:
        other = Merchant(sandbox, merchant.http, contract)
        await other.log_in()
        assert (await other.get("parties/list")).body == []


async def _closing_ends_hanging_requests() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as http:
        sandbox.fail("client_obtain_token", "hang")
        sandbox.set_latency(50, "parties/create")
        body = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
        waiting = [
            asyncio.create_task(http.post(f"{sandbox.url}/v1/{path}", json=body))
            for path in ("jwt/client/obtain/token", "parties/create")
        ]
        await asyncio.sleep(0.1)
        assert sandbox.in_flight == 2
        begin = asyncio.get_running_loop().time()
        await sandbox.close()
        await sandbox.close()
        assert asyncio.get_running_loop().time() - begin < 0.1
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(result, aiohttp.ClientError) for result in results] == [True, True]
        await sandbox.start()
        async with http.post(f"{sandbox.url}/v1/jwt/client/obtain/token", json=body) as response:
            assert response.status == 200
    assert len(asyncio.all_tasks()) == 1


async def test_closing_ends_hanging_requests_on_a_virtual_clock() -> None:
    await _closing_ends_hanging_requests()


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_closing_ends_hanging_requests_on_a_real_clock(library: str) -> None:
    new_event_loop = pytest.importorskip(library).new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        begin = time.perf_counter()
        runner.run(_closing_ends_hanging_requests())
        assert time.perf_counter() - begin < 2


# recorded requests


async def test_requests_are_recorded_with_their_answers(merchant: Merchant) -> None:
    await merchant.get("parties/list", fullname="Fatu")
    token, listing = merchant.sandbox.requests
    assert (token.number, token.operation, token.token, token.status) == (1, "client_obtain_token", None, 200)
    assert (listing.operation, listing.method, listing.path) == ("list_parties", "GET", "/v1/parties/list")
    assert (dict(listing.query), listing.token, listing.body, listing.delivered) == (
        {"fullname": "Fatu"},
        1,
        None,
        True,
    )
    assert listing.answer is not None
    assert (listing.answer.body, listing.answer.status) == ([], 200)
    assert isinstance(token.body, dict)
    assert token.body["client_id"] == "sandbox-client"
    merchant.sandbox.requests.clear()
    assert merchant.sandbox.requests_to("*") == []


async def test_secrets_are_in_no_repr_and_in_no_log(
    http: aiohttp.ClientSession, contract: Contract, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Sandbox() as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        body = await merchant.payout_body()
        body["passcode"]["token"]["code"] = "951753"
        assert (await merchant.post("executions/payout", body)).status == 403
    assert merchant.token is not None
    shown = repr(sandbox.requests) + repr([request.answer for request in sandbox.requests])
    headers = str([request.headers for request in sandbox.requests])
    for secret in (merchant.token, "sandbox-secret", "951753"):
        assert secret not in shown
        assert secret not in headers
        assert secret not in caplog.text
    assert "aiohttp.access" not in {record.name for record in caplog.records}


async def test_only_the_last_requests_are_kept_when_asked(http: aiohttp.ClientSession) -> None:
    async with Sandbox(keep_requests=2) as sandbox:
        for _ in range(5):
            async with http.get(f"{sandbox.url}/v1/fees/tiers"):
                pass
        assert [request.number for request in sandbox.requests] == [4, 5]


async def test_bodies_that_are_not_json_are_none(merchant: Merchant) -> None:
    await merchant.send("POST", "parties/create", b"\xff", {})
    assert merchant.sandbox.requests[-1].body is None


# the clock


def test_time_only_moves_forward() -> None:
    clock = SandboxClock()
    clock.advance(5)
    with pytest.raises(ValueError, match="Time only moves forward"):
        clock.advance(-1)
    assert clock.seconds() == 5


async def test_the_clock_shows_its_last_second_outside_a_loop() -> None:
    clock = SandboxClock()
    clock.start()
    await asyncio.sleep(7)
    clock.seconds()
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.append(clock.seconds()))
    thread.start()
    thread.join()
    assert seen == [7]


# as a program


def _programs_lines(program: subprocess.Popen[str]) -> Iterator[str]:
    assert program.stdout is not None
    for line in program.stdout:
        yield line.rstrip()
        if "passcode" in line:
            return


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_runs_as_a_program_and_ends_cleanly(number: signal.Signals) -> None:
    program = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "dollr_async.sandbox", "--seconds", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with program:
        try:
            lines = list(_programs_lines(program))
            exports = dict(line.split("export ")[1].split("=") for line in lines if "export" in line)
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(exports["DOLLR_BASE_URL"] + "/v1/fees/tiers", timeout=10)  # noqa: S310 - loopback
        finally:
            program.send_signal(number)
        assert (program.wait(10), program.stderr.read() if program.stderr else None) == (0, "")
    assert set(exports) == {"DOLLR_BASE_URL", "DOLLR_CLIENT_ID", "DOLLR_CLIENT_SECRET"}
    assert any("231880000002" in line and "declined" in line for line in lines)
    assert any("pm_card_3ds" in line for line in lines)
    assert any(f"URL is {exports['DOLLR_BASE_URL']}, its anon key" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "0.0.0.0"], "only listens on this machine"),  # noqa: S104 - refused
        (["--port", "70000"], "is not a port"),
        (["--port", "http"], "invalid"),
        (["--seconds", "-1"], "is not a number of seconds"),
        (["--latency", "inf"], "is not a number of seconds"),
        (["--colour"], "unrecognized"),
    ],
)
def test_wrong_options_are_refused(capsys: pytest.CaptureFixture[str], options: list[str], sentence: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(options)
    assert (left.value.code, sentence in capsys.readouterr().err) == (2, True)


def test_help_needs_no_port(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert (left.value.code, "--latency" in capsys.readouterr().out) == (0, True)


def test_a_port_that_is_in_use_is_reported_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", f"{port}"]) == 1
    assert f"cannot listen on port {port} of 127.0.0.1" in capsys.readouterr().err
