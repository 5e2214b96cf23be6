"""A sandbox in which every operation fails at random, in this process or in another one."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from dollr_async.sandbox import AfterSeconds, Fault, Quirks, Sandbox
from tests.proof.answers import CONFLICTS, FOREIGN, REFUSALS
from tests.proof.situations import situations_met

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox.sandbox import Settings

OPERATIONS = (
    "client_obtain_token",
    "create_party",
    "create_counterparty",
    "retrieve_counterparties",
    "create_invoice",
    "list_invoice",
    "retrieve_invoice_by_id",
    "add_invoice_item",
    "publish_invoice",
    "create_order",
    "list_order",
    "retrieve_order_by_id",
    "add_order_item",
    "publish_order",
    "create_checkout_source",
    "predict_mmo_provider_info",
    "predict_card_provider_info",
    "predict_payment_source_amount_and_fee",
    "create_payment_account",
    "create_checkout_session",
    "collect",
    "get_collection_status",
    "get_payment_source_status",
)
"""Every operation that a collection uses."""

_FAULTS: tuple[str | int, ...] = (
    "lose_answer",
    "drop",
    "hang",
    "hang_after",
    "server_error",
    "server_error_after",
    "408_after",
    "cut_body",
    "garbage",
    "broken_json",
    "redirect",
    "rate_limited",
    401,
)
_LOWEST_RATE, _HIGHEST_RATE = 0.05, 0.5
_REFUSALS = (403, 422, "422_after")
_REFUSAL_RATE = 0.02
"""The share of requests that are refused without a reason; with more, few collections would complete."""
_TWICE_RATE, _CONFLICT_RATE, _FOREIGN_RATE = 0.1, 0.15, 0.1
"""The shares of executions that arrive twice, that are answered by a conflict, and about another payment."""

QUIRKS = Quirks(repeated_reference="refused", status_words={"COMPLETED": "SUCCESSFUL"})
"""How the API of a proof answers where its documentation is silent."""


def make_faulty(sandbox: Sandbox, seed: int, *, late: float) -> None:
    """Let every operation fail at a rate from 5 to 50 %: with three faults, and with answers `late` seconds late.

    Executions also arrive twice, meet conflicts, and are answered about another payment, as their statuses are.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    sandbox.fail("collect", "twice", times=None, chance=_TWICE_RATE)
    for operation, named, rate in (
        ("collect", CONFLICTS, _CONFLICT_RATE),
        ("collect", REFUSALS, _REFUSAL_RATE),
        ("collect", FOREIGN, _FOREIGN_RATE),
        ("get_collection_status", FOREIGN, _FOREIGN_RATE),
    ):
        for answer in named.values():
            sandbox.fail(operation, answer, times=None, chance=rate / len(named))
    for operation in OPERATIONS:
        ordinary: list[Fault | str | int] = [*chance.sample(_FAULTS, 3), Fault.latency(late)]
        each = 1.0 - (1.0 - chance.uniform(_LOWEST_RATE, _HIGHEST_RATE)) ** (1 / len(ordinary))
        for fault in ordinary:
            sandbox.fail(operation, fault, times=None, chance=each)
        sandbox.fail(operation, chance.choice(_REFUSALS), times=None, chance=_REFUSAL_RATE)


@asynccontextmanager
async def lagging(sandbox: Sandbox, longest: float, seed: int) -> AsyncIterator[None]:
    """Let the status calls lag behind the executions, by ever other times up to `longest` seconds."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret

    async def vary() -> None:
        while True:
            lag = chance.choice((0.0, chance.uniform(0.0, longest), longest))
            sandbox._world.quirks = attrs.evolve(sandbox._world.quirks, status_lag=lag)
            await asyncio.sleep(longest)

    varying = asyncio.create_task(vary())
    try:
        yield
    finally:
        varying.cancel()
        with suppress(asyncio.CancelledError):
            await varying


class FaultySandbox(Protocol):
    """What a proof needs of a sandbox, wherever it runs."""

    settings: Settings

    async def status_of(self, reference_id: str) -> str | None:
        """Return a payment's status, or None when it has not landed."""
        ...

    async def end_faults(self) -> None:
        """End the faults."""
        ...

    async def ledger(self) -> list[tuple[str, str]]:
        """Return the reference and the status of every movement."""
        ...

    async def counts(self) -> tuple[int, int, dict[str, int]]:
        """Return the number of requests, of those that met a fault, and of each situation that was met."""
        ...


class LocalSandbox:
    """A sandbox in this process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.settings = sandbox.settings

    async def status_of(self, reference_id: str) -> str | None:
        """Return a payment's status, or None when it has not landed."""
        # Asking the ledger would be slow: it is made anew each time.
        payment = self._sandbox._world.payments.get(reference_id)
        return None if payment is None else payment.status

    async def end_faults(self) -> None:
        """End the faults."""
        self._sandbox.clear_faults()

    async def ledger(self) -> list[tuple[str, str]]:
        """Return the reference and the status of every movement."""
        return [(entry.reference_id, entry.status) for entry in self._sandbox.ledger]

    async def counts(self) -> tuple[int, int, dict[str, int]]:
        """Return the number of requests, of those that met a fault, and of each situation that was met."""
        requests = self._sandbox.requests
        return len(requests), sum(request.fault is not None for request in requests), situations_met(self._sandbox)


class RemoteSandbox:
    """A sandbox in another process, behind a socket; it has the methods of `LocalSandbox`."""

    def __init__(self, settings: Settings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.settings = settings
        self._reader, self._writer = reader, writer
        self._lock = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def connect(cls, channel: socket.socket) -> AsyncIterator[RemoteSandbox]:
        """Connect to the process that `fork_faulty_sandbox` forked; it ends with the block."""
        reader, writer = await asyncio.open_connection(sock=channel, limit=2**26)
        try:
            yield cls(json.loads(await reader.readline()), reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    async def status_of(self, reference_id: str) -> str | None:
        """Return a payment's status, or None when it has not landed."""
        status: str | None = await self._ask("status_of", reference_id)
        return status

    async def end_faults(self) -> None:
        """End the faults."""
        await self._ask("end_faults")

    async def ledger(self) -> list[tuple[str, str]]:
        """Return the reference and the status of every movement."""
        return [(reference_id, status) for reference_id, status in await self._ask("ledger")]

    async def counts(self) -> tuple[int, int, dict[str, int]]:
        """Return the number of requests, of those that met a fault, and of each situation that was met."""
        requests, faults, met = await self._ask("counts")
        return requests, faults, met

    async def _ask(self, method: str, *values: str) -> Any:  # noqa: ANN401 - JSON
        async with self._lock:
            self._writer.write(json.dumps([method, *values]).encode() + b"\n")
            return json.loads(await self._reader.readline())


def fork_faulty_sandbox(seed: int, *, late: float = 1.4, lag: float = 0.1) -> socket.socket:
    """Fork a process with a faulty sandbox, and return the socket to it. Call this before any thread exists.

    Its statuses lag behind by up to `lag` seconds.
    """
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        try:
            asyncio.run(_serve(theirs, seed, late, lag))
        finally:
            os._exit(0)
    theirs.close()
    return ours


async def _serve(channel: socket.socket, seed: int, late: float, lag: float) -> None:
    reader, writer = await asyncio.open_connection(sock=channel)
    async with (
        Sandbox(settlement=AfterSeconds(0.1, 0.3), quirks=QUIRKS, seed=seed) as sandbox,
        lagging(sandbox, lag, seed),
    ):
        make_faulty(sandbox, seed, late=late)
        local = LocalSandbox(sandbox)
        answer: Any = sandbox.settings
        while True:
            writer.write(json.dumps(answer).encode() + b"\n")
            line = await reader.readline()
            if not line:
                break
            method, *values = json.loads(line)
            answer = await getattr(local, method)(*values)
    writer.close()
    await writer.wait_closed()
