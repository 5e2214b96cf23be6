"""Real processes at once: one token, one ceiling, and what remains when one of them is killed or a server goes down."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from dollr_async.sandbox import Fault, Sandbox
from tests.fleet.stores import BUDGETS, STORES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [
    pytest.mark.real_time,  # other processes do not wait for a virtual clock
    pytest.mark.full(reason="it starts many processes, and measures in real time"),
]


class Process:
    """One process of the fleet."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        return await self.answer()

    async def answer(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()


@asynccontextmanager
async def fleet(sandbox: Sandbox, number: int, **sharing: str) -> AsyncIterator[list[Process]]:
    """Start processes; at the end their input ends, and so do they, without a word on stderr."""
    arguments = [json.dumps(sandbox.settings), json.dumps(sharing)]
    processes = [
        Process(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "error", "-m", "tests.fleet.child", *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=2**20,
            )
        )
        for _ in range(number)
    ]
    try:
        for process in processes:
            assert await process.answer() == "ready"
        yield processes
    finally:
        said = await asyncio.gather(*(one.process.communicate(b"") for one in processes))
    assert [errors.decode() for _, errors in said if errors] == []


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(client_secret=f"secret-{uuid4().hex}") as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", STORES)
async def test_eight_processes_fetch_one_token_and_one_more_after_a_revocation(kind: str, sandbox: Sandbox) -> None:
    new_place, _ = STORES[kind]
    sandbox.set_latency(0.3, "client_obtain_token")
    with new_place() as place:
        async with fleet(sandbox, 8, store=kind, place=place) as processes:
            for tokens in (1, 2):
                assert await asyncio.gather(*(one.ask("call") for one in processes)) == ["ok"] * 8
                assert sandbox.tokens_issued == tokens
                sandbox.revoke_tokens()


@pytest.mark.parametrize("kind", STORES)
async def test_the_holder_of_the_lock_is_killed_and_the_others_go_on(kind: str, sandbox: Sandbox) -> None:
    new_place, _ = STORES[kind]
    sandbox.fail("client_obtain_token", "hang", times=1)
    with new_place() as place:
        async with fleet(sandbox, 8, store=kind, place=place) as processes:
            holder, *others = processes
            asked = asyncio.create_task(holder.ask("call"))
            await asyncio.sleep(1.0)  # in the midst of its fetch, which hangs
            assert len(sandbox.requests_to("client_obtain_token")) == 1
            holder.process.kill()
            killed_at = time.monotonic()
            assert await asyncio.gather(*(one.ask("call") for one in others)) == ["ok"] * 7
            took = time.monotonic() - killed_at
            await asked
        assert took < 15.0
        assert sandbox.tokens_issued == 1


def payments(number: int) -> list[str]:
    return [str(uuid4()) for _ in range(number)]


def checks(sandbox: Sandbox) -> list[float]:
    return sorted(request.second for request in sandbox.requests_to("status.collection"))


def most_in_a_second(times: list[float]) -> int:
    return max(sum(begin <= at < begin + 1.0 for at in times[place : place + 200]) for place, begin in enumerate(times))


@asynccontextmanager
async def following(sandbox: Sandbox, kind: str, place: str, number: int = 4) -> AsyncIterator[list[Process]]:
    """Start processes that together want far more than 50 checks a second."""
    async with fleet(sandbox, number, budget=kind, place=place) as processes:
        await asyncio.gather(*(one.ask(f"follow {' '.join(payments(150))}") for one in processes))
        yield processes


@pytest.mark.parametrize("kind", BUDGETS)
async def test_four_processes_keep_to_fifty_checks_a_second(kind: str, sandbox: Sandbox) -> None:
    new_place, _ = BUDGETS[kind]
    with new_place() as place:
        async with following(sandbox, kind, place):
            await asyncio.sleep(23.0)
    times = checks(sandbox)
    steady = [at for at in times if times[0] + 1.0 <= at < times[0] + 21.0]
    assert 49.0 <= len(steady) / 20.0 <= 51.0
    assert most_in_a_second(times) <= 55


@pytest.mark.parametrize("kind", BUDGETS)
async def test_a_429_to_one_process_stops_all(kind: str, sandbox: Sandbox) -> None:
    new_place, _ = BUDGETS[kind]
    with new_place() as place:
        async with following(sandbox, kind, place):
            await asyncio.sleep(4.0)
            sandbox.fail("status.collection", Fault.rate_limited(5), times=1)
            await asyncio.sleep(10.0)
    limited = next(request for request in sandbox.requests if request.fault == "answer 429")
    after = [at for at in checks(sandbox) if limited.second < at < limited.second + 4.9]
    assert not [at for at in after if at > limited.second + 0.5]
    assert [at for at in checks(sandbox) if at > limited.second + 5.0]
