"""The trouble that a test may ask of the push channel, and what closing leaves behind."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.contract import the_contract
from tests.sandbox.listener import PATH, key_for, listening, to_be_collected
from tests.sandbox.merchant import Merchant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dollr_async.sandbox import LedgerEntry
    from tests.contract import Contract


async def _connect(merchant: Merchant) -> aiohttp.ClientWebSocketResponse:
    query = {"apikey": merchant.sandbox.realtime["anon_key"]}
    return await merchant.http.ws_connect(merchant.sandbox.url + PATH, params=query)


# connections


async def test_an_outage_cuts_what_is_open_and_refuses_what_is_new(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    async with listening(merchant) as listener, listening(merchant) as other:
        await listener.joined(topic, await key_for(merchant, order))
        merchant.sandbox.drop_realtime()
        merchant.sandbox.refuse_realtime()
        assert [await listener.ended(), await other.ended()] == [1006, 1006]
    for _ in range(3):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await _connect(merchant)
        assert refused.value.status == 503
        await asyncio.sleep(1000)
    counts = merchant.sandbox.realtime_counts
    assert (counts.connects, counts.refused_connects, counts.sockets, counts.channels) == (2, 3, 0, 0)
    merchant.sandbox.restore_realtime()
    async with listening(merchant) as listener:
        await listener.joined(topic, await key_for(merchant, order))


async def test_an_outage_may_last_for_a_while(merchant: Merchant) -> None:
    merchant.sandbox.refuse_realtime(30, status=429)
    await asyncio.sleep(29)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await _connect(merchant)
    assert refused.value.status == 429
    await asyncio.sleep(1)
    await (await _connect(merchant)).close()


async def test_a_refused_connection_may_get_no_answer_at_all(merchant: Merchant) -> None:
    merchant.sandbox.refuse_realtime(status=None)
    with pytest.raises(aiohttp.ClientConnectionError):
        await _connect(merchant)


async def test_sockets_may_be_closed_with_a_code(merchant: Merchant) -> None:
    async with listening(merchant) as listener:
        merchant.sandbox.drop_realtime(1012)
        assert merchant.sandbox.realtime_counts.sockets == 0
        await listener.send("phoenix", "heartbeat", {})
        assert await listener.ended() == 1012


# joins


async def test_joins_are_refused_as_often_as_asked(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    merchant.sandbox.refuse_joins(2)
    reason = "RealtimeRestarting: Realtime is restarting, please standby"
    async with listening(merchant) as listener:
        for _ in range(2):
            assert await listener.join(topic, key) == {"status": "error", "response": {"reason": reason}}
        await listener.joined(topic, key)
    assert merchant.sandbox.realtime_counts.refused_joins == 2


async def test_joins_may_be_refused_for_ever_and_for_any_reason(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    merchant.sandbox.refuse_joins(None, "Unauthorized: not you")
    async with listening(merchant) as listener:
        for _ in range(5):
            assert (await listener.join(topic, key))["response"] == {"reason": "Unauthorized: not you"}
        merchant.sandbox.restore_realtime()
        await listener.joined(topic, key)
    with pytest.raises(ValueError, match="cannot be refused 0 times"):
        merchant.sandbox.refuse_joins(0)


async def test_a_join_may_be_refused_after_it_was_accepted(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    merchant.sandbox.refuse_joins(1, "Too many database timeouts", after_reply=True)
    async with listening(merchant) as listener:
        assert (await listener.join(topic, key))["status"] == "ok"
        told = (await listener.heard())["payload"]
        assert (told["status"], told["message"]) == ("error", "Too many database timeouts")
        await merchant.made("executions/collection", order)
        assert await listener.nothing(10)


# silence


async def test_changes_may_stay_untold(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    async with listening(merchant) as listener:
        merchant.sandbox.silence_realtime()
        await listener.joined(topic, await key_for(merchant, order))
        await merchant.made("executions/collection", order)
        await asyncio.sleep(2)
        await listener.send("phoenix", "heartbeat", {})
        assert (await listener.heard())["payload"]["status"] == "ok"
        merchant.sandbox.restore_realtime()
        assert await listener.change() == ("UPDATE", "COMPLETED")


async def test_a_server_may_fall_silent_altogether(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    async with listening(merchant) as listener:
        await listener.joined(topic, await key_for(merchant, order))
        merchant.sandbox.silence_realtime("all")
        await merchant.made("executions/collection", order)
        await listener.send("phoenix", "heartbeat", {})
        await listener.send(topic, "phx_leave", {})
        merchant.sandbox.advance(1000)
        assert await listener.nothing(50)
        assert merchant.sandbox.realtime_counts.heartbeats == 1
        merchant.sandbox.restore_realtime()
        assert (await listener.heard())["payload"]["message"].startswith("Token has expired")
        assert (await listener.heard())["event"] == "phx_close"


async def test_only_changes_or_all_can_be_silenced(merchant: Merchant) -> None:
    with pytest.raises(ValueError, match="'heartbeats' cannot be silenced"):
        merchant.sandbox.silence_realtime("heartbeats")  # type: ignore[arg-type]  # on purpose


# keys


async def test_all_keys_may_expire_at_once(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    async with listening(merchant) as listener:
        await listener.joined(topic, key)
        merchant.sandbox.expire_realtime_keys()
        assert (await listener.heard())["payload"]["message"] == "Token has expired 0 seconds ago"
        assert (await listener.heard())["event"] == "phx_close"
        assert (await listener.join(topic, key))["response"]["reason"].startswith("InvalidJWTToken: Token has expired")
        await listener.joined(topic, await key_for(merchant, order))


async def test_the_life_of_a_key_can_be_chosen(http: aiohttp.ClientSession, contract: Contract) -> None:
    async with Sandbox(realtime_key_lifetime=7) as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        order, topic = await to_be_collected(merchant)
        assert sandbox.realtime == {"url": sandbox.url, "anon_key": "sandbox-anon-key"}
        async with listening(merchant) as listener:
            await listener.joined(topic, await key_for(merchant, order))
            begin = asyncio.get_running_loop().time()
            assert (await listener.heard())["event"] == "system"
            assert asyncio.get_running_loop().time() - begin == pytest.approx(7, abs=0.1)


# frames and rows


async def test_anything_may_be_sent(merchant: Merchant) -> None:
    foreign = json.dumps({"topic": "realtime:other", "event": "postgres_changes", "payload": {}, "ref": None})
    async with listening(merchant) as listener:
        for frame in ("no json", b"\x00\xff", foreign, "x" * 2_000_000):
            merchant.sandbox.send_realtime(frame)
            assert (await listener.socket.receive()).data == frame


async def test_a_row_may_be_told_by_hand(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    async with listening(merchant) as listener:
        await listener.joined(topic, await key_for(merchant, order))
        merchant.sandbox.silence_realtime()
        assert merchant.sandbox.push_row(order["reference_id"].upper(), {"status": "REVERSED", "odd": 7}, "DELETE") == 1
        told = (await listener.heard())["payload"]["data"]
        assert (told["type"], told["record"]) == ("DELETE", {"status": "REVERSED", "odd": 7})
        assert merchant.sandbox.push_row("3f1c9a52-7b64-4d0e-9a57-2c8e41d6f0b3", {}) == 0
        assert await listener.nothing(10)


async def test_a_row_may_have_any_shape(merchant: Merchant) -> None:
    def shape(entry: LedgerEntry) -> Mapping[str, object]:
        return {"reference_id": entry.reference_id, "state": entry.status.lower(), "amount": entry.amount}

    order, topic = await to_be_collected(merchant, "231880000005")
    merchant.sandbox.shape_rows(shape)
    async with listening(merchant) as listener:
        await listener.joined(topic, await key_for(merchant, order))
        await merchant.made("executions/collection", order)
        rows = [(await listener.heard())["payload"]["data"]["record"] for _ in range(2)]
    assert [row["state"] for row in rows] == ["pending", "failed"]
    assert rows[0]["reference_id"] == order["reference_id"]


# closing


@pytest.mark.parametrize("trouble", ["none", "dropped", "closing", "unread"])
async def test_closing_the_sandbox_leaves_nothing_running(
    http: aiohttp.ClientSession, contract: Contract, trouble: str
) -> None:
    async with Sandbox() as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        order, topic = await to_be_collected(merchant)
        async with listening(merchant) as listener:
            await listener.joined(topic, await key_for(merchant, order))
            await merchant.made("executions/collection", order)
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


async def test_a_sandbox_that_comes_back_knows_its_keys(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    async with listening(merchant) as listener:
        await listener.joined(topic, key)
        await merchant.sandbox.close()
        assert await listener.ended() == 1006
    await merchant.sandbox.start()
    async with listening(merchant) as listener:
        await listener.joined(topic, key)
        await merchant.made("executions/collection", order)
        assert [await listener.change() for _ in range(3)][-1] == ("UPDATE", "COMPLETED")


async def _closing_ends_every_channel() -> None:
    async with aiohttp.ClientSession() as http, Sandbox(settlement=AfterSeconds(0.02, 0.04)) as sandbox:
        merchant = Merchant(sandbox, http, the_contract())
        await merchant.log_in()
        order, topic = await to_be_collected(merchant)
        async with listening(merchant) as listener, listening(merchant):
            await listener.joined(topic, await key_for(merchant, order))
            await merchant.made("executions/collection", order)
            assert [await listener.change() for _ in range(3)][-1] == ("UPDATE", "COMPLETED")
            await sandbox.close()
            assert await listener.ended() == 1006
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_changes_are_told_and_channels_ended_on_a_real_clock(library: str) -> None:
    new_event_loop = pytest.importorskip(library).new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        begin = time.perf_counter()
        runner.run(_closing_ends_every_channel())
        assert time.perf_counter() - begin < 2
