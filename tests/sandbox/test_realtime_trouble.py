"""The failures of the push channel that a test can ask for, and what closing leaves behind."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.contract import the_contract
from tests.sandbox.listener import PATH, key_for, open_listener, unsent_collection
from tests.sandbox.merchant import Merchant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dollr_async.sandbox import LedgerEntry
    from tests.contract import Contract


async def _connect(merchant: Merchant) -> aiohttp.ClientWebSocketResponse:
    query = {"apikey": merchant.sandbox.realtime["anon_key"]}
    return await merchant.http.ws_connect(merchant.sandbox.url + PATH, params=query)


# connections


async def test_an_outage_drops_open_connections_and_refuses_new_ones(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener, open_listener(merchant) as other:
        await listener.subscribe(topic, await key_for(merchant, body))
        merchant.sandbox.drop_realtime()
        merchant.sandbox.refuse_realtime()
        assert [await listener.wait_closed(), await other.wait_closed()] == [1006, 1006]
    for _ in range(3):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await _connect(merchant)
        assert refused.value.status == 503
        await asyncio.sleep(1000)
    counts = merchant.sandbox.realtime_counts
    assert (counts.connects, counts.refused_connects, counts.sockets, counts.channels) == (2, 3, 0, 0)
    merchant.sandbox.restore_realtime()
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))


async def test_an_outage_can_have_a_length(merchant: Merchant) -> None:
    merchant.sandbox.refuse_realtime(30, status=429)
    await asyncio.sleep(29)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await _connect(merchant)
    assert refused.value.status == 429
    await asyncio.sleep(1)
    await (await _connect(merchant)).close()


async def test_a_refused_connection_can_be_dropped_without_an_answer(merchant: Merchant) -> None:
    merchant.sandbox.refuse_realtime(status=None)
    with pytest.raises(aiohttp.ClientConnectionError):
        await _connect(merchant)


async def test_sockets_may_be_closed_with_a_code(merchant: Merchant) -> None:
    async with open_listener(merchant) as listener:
        merchant.sandbox.drop_realtime(1012)
        assert merchant.sandbox.realtime_counts.sockets == 0
        await listener.send("phoenix", "heartbeat", {})
        assert await listener.wait_closed() == 1012


# joins


async def test_joins_are_refused_as_often_as_asked(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    merchant.sandbox.refuse_joins(2)
    reason = "RealtimeRestarting: Realtime is restarting, please standby"
    async with open_listener(merchant) as listener:
        for _ in range(2):
            assert await listener.join(topic, key) == {"status": "error", "response": {"reason": reason}}
        await listener.subscribe(topic, key)
    assert merchant.sandbox.realtime_counts.refused_joins == 2


async def test_joins_can_be_refused_permanently_and_for_any_reason(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    merchant.sandbox.refuse_joins(None, "Unauthorized: not you")
    async with open_listener(merchant) as listener:
        for _ in range(5):
            assert (await listener.join(topic, key))["response"] == {"reason": "Unauthorized: not you"}
        merchant.sandbox.restore_realtime()
        await listener.subscribe(topic, key)
    with pytest.raises(ValueError, match="cannot be refused 0 times"):
        merchant.sandbox.refuse_joins(0)


async def test_a_subscription_can_be_refused_after_an_accepted_join(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    merchant.sandbox.refuse_joins(1, "Too many database timeouts", after_reply=True)
    async with open_listener(merchant) as listener:
        assert (await listener.join(topic, key))["status"] == "ok"
        system = (await listener.receive())["payload"]
        assert (system["status"], system["message"]) == ("error", "Too many database timeouts")
        await merchant.create("executions/collection", body)
        assert await listener.receives_nothing(10)


# silence


async def test_changes_can_be_silenced(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        merchant.sandbox.silence_realtime()
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        await asyncio.sleep(2)
        await listener.send("phoenix", "heartbeat", {})
        assert (await listener.receive())["payload"]["status"] == "ok"
        merchant.sandbox.restore_realtime()
        assert await listener.receive_change() == ("UPDATE", "COMPLETED")


async def test_a_server_can_be_silenced_completely(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        merchant.sandbox.silence_realtime("all")
        await merchant.create("executions/collection", body)
        await listener.send("phoenix", "heartbeat", {})
        await listener.send(topic, "phx_leave", {})
        merchant.sandbox.advance(1000)
        assert await listener.receives_nothing(50)
        assert merchant.sandbox.realtime_counts.heartbeats == 1
        merchant.sandbox.restore_realtime()
        assert (await listener.receive())["payload"]["message"].startswith("Token has expired")
        assert (await listener.receive())["event"] == "phx_close"


async def test_only_changes_or_all_can_be_silenced(merchant: Merchant) -> None:
    with pytest.raises(ValueError, match="'heartbeats' cannot be silenced"):
        merchant.sandbox.silence_realtime("heartbeats")  # type: ignore[arg-type]  # on purpose


# keys


async def test_all_keys_can_expire_at_once(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, key)
        merchant.sandbox.expire_realtime_keys()
        assert (await listener.receive())["payload"]["message"] == "Token has expired 0 seconds ago"
        assert (await listener.receive())["event"] == "phx_close"
        assert (await listener.join(topic, key))["response"]["reason"].startswith("InvalidJWTToken: Token has expired")
        await listener.subscribe(topic, await key_for(merchant, body))


async def test_the_lifetime_of_a_key_can_be_chosen(http: aiohttp.ClientSession, contract: Contract) -> None:
    async with Sandbox(realtime_key_lifetime=7) as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        body, topic = await unsent_collection(merchant)
        assert sandbox.realtime == {"url": sandbox.url, "anon_key": "sandbox-anon-key"}
        async with open_listener(merchant) as listener:
            await listener.subscribe(topic, await key_for(merchant, body))
            begin = asyncio.get_running_loop().time()
            assert (await listener.receive())["event"] == "system"
            assert asyncio.get_running_loop().time() - begin == pytest.approx(7, abs=0.1)


# frames and rows


async def test_any_frame_can_be_sent(merchant: Merchant) -> None:
    foreign = json.dumps({"topic": "realtime:other", "event": "postgres_changes", "payload": {}, "ref": None})
    async with open_listener(merchant) as listener:
        for frame in ("no json", b"\x00\xff", foreign, "x" * 2_000_000):
            merchant.sandbox.send_realtime(frame)
            assert (await listener.socket.receive()).data == frame


async def test_a_test_can_send_a_row(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        merchant.sandbox.silence_realtime()
        assert merchant.sandbox.push_row(body["reference_id"].upper(), {"status": "REVERSED", "odd": 7}, "DELETE") == 1
        data = (await listener.receive())["payload"]["data"]
        assert (data["type"], data["record"]) == ("DELETE", {"status": "REVERSED", "odd": 7})
        assert merchant.sandbox.push_row("3f1c9a52-7b64-4d0e-9a57-2c8e41d6f0b3", {}) == 0
        assert await listener.receives_nothing(10)


async def test_a_row_can_have_any_shape(merchant: Merchant) -> None:
    def shape(entry: LedgerEntry) -> Mapping[str, object]:
        return {"reference_id": entry.reference_id, "state": entry.status.lower(), "amount": entry.amount}

    body, topic = await unsent_collection(merchant, "231880000005")
    merchant.sandbox.shape_rows(shape)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        rows = [(await listener.receive())["payload"]["data"]["record"] for _ in range(2)]
    assert [row["state"] for row in rows] == ["pending", "failed"]
    assert rows[0]["reference_id"] == body["reference_id"]


# closing


@pytest.mark.parametrize("trouble", ["none", "dropped", "closing", "unread"])
async def test_closing_the_sandbox_leaves_nothing_running(
    http: aiohttp.ClientSession, contract: Contract, trouble: str
) -> None:
    async with Sandbox() as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        body, topic = await unsent_collection(merchant)
        async with open_listener(merchant) as listener:
            await listener.subscribe(topic, await key_for(merchant, body))
            await merchant.create("executions/collection", body)
            if trouble == "unread":
                for _ in range(50):
                    sandbox.send_realtime("x" * 1_000_000)
                await asyncio.sleep(0.1)
            if trouble != "none":
                sandbox.drop_realtime(None if trouble == "dropped" else 1001)
            begin = asyncio.get_running_loop().time()
            await sandbox.close()
            assert asyncio.get_running_loop().time() - begin < 0.1
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert sandbox.realtime_counts.sockets == 0
            sandbox.advance(10)
            assert [entry.status for entry in sandbox.ledger] == ["COMPLETED"]


async def test_a_restarted_sandbox_knows_its_keys(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, key)
        await merchant.sandbox.close()
        assert await listener.wait_closed() == 1006
    await merchant.sandbox.start()
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, key)
        await merchant.create("executions/collection", body)
        assert [await listener.receive_change() for _ in range(3)][-1] == ("UPDATE", "COMPLETED")


async def _closing_ends_every_channel() -> None:
    async with aiohttp.ClientSession() as http, Sandbox(settlement=AfterSeconds(0.02, 0.04)) as sandbox:
        merchant = Merchant(sandbox, http, the_contract())
        await merchant.log_in()
        body, topic = await unsent_collection(merchant)
        async with open_listener(merchant) as listener, open_listener(merchant):
            await listener.subscribe(topic, await key_for(merchant, body))
            await merchant.create("executions/collection", body)
            assert [await listener.receive_change() for _ in range(3)][-1] == ("UPDATE", "COMPLETED")
            await sandbox.close()
            assert await listener.wait_closed() == 1006
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_changes_are_sent_and_channels_ended_on_a_real_clock(library: str) -> None:
    new_event_loop = pytest.importorskip(library).new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        begin = time.perf_counter()
        runner.run(_closing_ends_every_channel())
        assert time.perf_counter() - begin < 2
