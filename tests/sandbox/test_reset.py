"""`reset`: the next test finds the sandbox as it was made, at the same URL and with the same credentials."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import aiohttp
import attrs
import pytest

from dollr_async.sandbox import AfterStatusChecks, Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox.world.world import World
    from tests.sandbox.merchant import Merchant

NOT_COMPARED = {"clock", "tokens", "realtime_keys", "on_payment_change", "on_event_scheduled", "_ids", "_turns"}
"""The fields of a world that are compared in another way below, or that belong to its server."""


def state(sandbox: Sandbox) -> dict[str, object]:
    """Return everything that a sandbox knows, but not its time of day."""
    world: World = sandbox._world
    fields = {name: getattr(world, name) for name in attrs.fields_dict(type(world)).keys() - NOT_COMPARED}
    return {
        **fields,
        "ledger": sandbox.ledger,
        "requests": list(sandbox.requests),
        "tokens": (sandbox.tokens_issued, world.tokens.lifetime, dict(world.tokens._valid)),
        "keys": dict(world.realtime_keys._issued),
        "seconds": world.clock.seconds(),
        "next ids": [next(ids) for ids in world._ids.values()],
        "faults": dict(sandbox._plan._planned),
        "chance": sandbox._plan._random.random(),
        "latencies": dict(sandbox._server.latencies),
        "realtime": (sandbox.realtime_counts, sandbox._realtime.silent, sandbox._realtime.refusing_until),
        "in flight": (sandbox.in_flight, sandbox.most_in_flight),
    }


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(settlement=AfterStatusChecks(), outcome="slow", latency=0.25, seed=7) as sandbox:
        yield sandbox
    assert asyncio.all_tasks() == {asyncio.current_task()}


def change_everything(sandbox: Sandbox, reference_id: str) -> None:
    sandbox.settle(reference_id)
    sandbox.advance(100)
    sandbox.set_outcome("decline")
    sandbox.set_settlement(AfterStatusChecks(5, 9))
    sandbox.set_latency(3.0)
    sandbox.set_latency(4.0, "collect")
    sandbox.set_token_lifetime(1)
    sandbox.set_balance("USD", Decimal(1))
    sandbox.set_wallet_status("RWF", "FROZEN")
    sandbox.fail("collect", "drop", times=None, chance=0.5)
    sandbox.refuse_realtime()
    sandbox.refuse_joins(5)
    sandbox.silence_realtime("all")
    sandbox.shape_rows(lambda _: {})


async def test_everything_is_as_it_was_made(merchant: Merchant, sandbox: Sandbox) -> None:
    async with Sandbox(settlement=AfterStatusChecks(), outcome="slow", latency=0.25, seed=7) as another:
        untouched = state(another)
    url = sandbox.url
    payment = await merchant.collected()
    change_everything(sandbox, str(payment["reference_id"]))
    sandbox.reset()
    assert state(sandbox) == {**untouched, "url": url}


async def test_a_token_from_before_is_refused_and_a_new_one_is_given_for_the_same_credentials(
    merchant: Merchant, sandbox: Sandbox
) -> None:
    sandbox.reset()
    assert (await merchant.call("GET", "fees/tiers")).status == 401
    await merchant.log_in()
    assert (await merchant.call("GET", "fees/tiers")).status == 200
    assert [request.number for request in sandbox.requests] == [1, 2, 3]


@pytest.mark.parametrize("fault", ["hang", "latency"])
async def test_a_request_of_the_test_before_ends_without_an_answer_and_changes_nothing(
    merchant: Merchant, sandbox: Sandbox, fault: str
) -> None:
    sandbox.fail("create_party", "hang" if fault == "hang" else Fault.latency(60))
    sandbox.set_latency(0)
    waiting = asyncio.create_task(merchant.counterparty())
    await asyncio.sleep(1)
    assert sandbox.in_flight == 1
    sandbox.reset()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await waiting
    await asyncio.sleep(100)
    assert (sandbox.in_flight, sandbox.requests, sandbox._world.parties) == (0, [], {})


async def test_a_websocket_of_the_test_before_is_dropped(sandbox: Sandbox) -> None:
    address, key = f"{sandbox.url}/realtime/v1/websocket", sandbox.realtime["anon_key"]
    async with aiohttp.ClientSession() as http, http.ws_connect(address, params={"apikey": key}) as channel:
        sandbox.reset()
        assert (await channel.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert (sandbox.realtime_counts.connects, sandbox.realtime_counts.sockets) == (0, 0)


def test_a_sandbox_that_does_not_run_can_be_reset() -> None:
    sandbox = Sandbox(latency=0.5)
    sandbox.set_latency(2.0)
    sandbox.advance(3.0)
    sandbox.reset()
    assert state(sandbox)["latencies"] == {"*": 0.5}
    assert state(sandbox)["seconds"] == 0.0
