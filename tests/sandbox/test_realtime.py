"""What the push channel sends over bare websockets, and when its channels end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import Quirks, RealtimeCounts, Sandbox
from tests.sandbox.listener import TABLE, key_for, open_listener, unsent_collection
from tests.sandbox.merchant import Merchant

if TYPE_CHECKING:
    import aiohttp

    from tests.contract import Contract

VERSIONS = pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])


# changes


@VERSIONS
async def test_a_joined_client_gets_each_change(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant, version) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        begin = asyncio.get_running_loop().time()
        assert await listener.receive_change() == ("INSERT", "PENDING")
        assert await listener.receive_change() == ("UPDATE", "PROCESSING")
        assert asyncio.get_running_loop().time() - begin == pytest.approx(1, abs=0.01)
        assert await listener.receive_change() == ("UPDATE", "COMPLETED")
        assert asyncio.get_running_loop().time() - begin == pytest.approx(3, abs=0.01)
        assert await listener.receives_nothing(10)


@pytest.mark.parametrize("quirks", [Quirks(status_words={"COMPLETED": "SUCCESSFUL"})])
async def test_a_row_has_the_word_that_the_api_writes(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        assert [(await listener.receive_change())[1] for _ in range(3)] == ["PENDING", "PROCESSING", "SUCCESSFUL"]


@VERSIONS
async def test_a_change_has_the_form_of_a_row(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant, version) as listener:
        reply = await listener.join(topic, await key_for(merchant, body))
        ids = [feed["id"] for feed in reply["response"]["postgres_changes"]]
        assert (await listener.receive())["event"] == "system"
        await merchant.create("executions/collection", body)
        assert (await listener.receive())["payload"]["data"].get("old_record") is None
        message = await listener.receive()
        entry = merchant.sandbox.ledger[0]
    assert (message["ref"], message.get("join_ref")) == (None, None)
    payload = message["payload"]
    at = payload["data"].pop("commit_timestamp")
    assert at.endswith("Z")
    assert payload == {
        "ids": ids,
        "data": {
            "schema": "public",
            "table": TABLE,
            "type": "UPDATE",
            "columns": [{"name": "reference_id", "type": "uuid"}, {"name": "status", "type": "text"}],
            "record": {"reference_id": entry.reference_id, "status": "PROCESSING"},
            "old_record": {"reference_id": entry.reference_id},
            "errors": None,
        },
    }


async def test_changes_before_the_join_are_not_sent(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    await merchant.create("executions/collection", body)
    await asyncio.sleep(2)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        assert await listener.receive_change() == ("UPDATE", "COMPLETED")


@pytest.mark.parametrize("quirks", [Quirks(subscription_lag=2.0)])
async def test_changes_may_be_missed_between_the_join_and_its_confirmation(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        assert (await listener.join(topic, await key_for(merchant, body)))["status"] == "ok"
        await merchant.create("executions/collection", body)
        assert (await listener.receive())["payload"]["message"] == "Subscribed to PostgreSQL"
        assert await listener.receive_change() == ("UPDATE", "COMPLETED")


async def test_the_changes_of_skipped_time_are_sent_at_once(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        begin = asyncio.get_running_loop().time()
        merchant.sandbox.advance(10)
        assert [await listener.receive_change() for _ in range(3)][-1] == ("UPDATE", "COMPLETED")
        assert asyncio.get_running_loop().time() - begin < 0.01


@pytest.mark.parametrize("by_hand", ["settle", "decline"])
async def test_changes_made_by_a_test_are_sent(merchant: Merchant, by_hand: str) -> None:
    body, topic = await unsent_collection(merchant, "231880000004")
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        assert await listener.receive_change() == ("INSERT", "PENDING")
        getattr(merchant.sandbox, by_hand)(body["reference_id"])
        assert await listener.receive_change() == ("UPDATE", "COMPLETED" if by_hand == "settle" else "FAILED")


async def test_a_payment_that_ends_at_once_is_sent_as_two_changes(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant, "231880000005")
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await merchant.create("executions/collection", body)
        assert [await listener.receive_change() for _ in range(2)] == [("INSERT", "PENDING"), ("UPDATE", "FAILED")]


async def test_each_payment_is_sent_only_on_its_own_channels(merchant: Merchant) -> None:
    one, first = await unsent_collection(merchant)
    two, second = await unsent_collection(merchant, "231880000002")
    async with open_listener(merchant) as listener, open_listener(merchant, "2.0.0") as other:
        await listener.subscribe(first, await key_for(merchant, one))
        await listener.subscribe(second, await key_for(merchant, two))
        await other.subscribe(second, await key_for(merchant, two))
        assert merchant.sandbox.realtime_counts == RealtimeCounts(
            connects=2, refused_connects=0, joins=3, refused_joins=0, heartbeats=0, sockets=2, channels=3
        )
        await merchant.create("executions/collection", one)
        await merchant.create("executions/collection", two)
        topics = [(await listener.receive())["topic"] for _ in range(6)]
        assert topics.count(second) == 3
        assert [await other.receive_change() for _ in range(3)][-1] == ("UPDATE", "FAILED")


# leaving and expiring


@VERSIONS
async def test_a_client_that_left_a_channel_gets_nothing_more(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant, version) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        ref = await listener.send(topic, "phx_leave", {}, join_ref="1")
        left, closed = await listener.receive(), await listener.receive()
        assert (left["ref"], left["payload"]) == (ref, {"status": "ok", "response": {}})
        assert (closed["event"], closed["ref"], closed.get("join_ref", "1")) == ("phx_close", "1", "1")
        await merchant.create("executions/collection", body)
        assert await listener.receives_nothing(10)
        await listener.send(topic, "phx_leave", {}, join_ref="1")
        assert (await listener.receive())["payload"]["status"] == "ok"


@VERSIONS
async def test_a_channel_ends_with_its_key(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant, "231880000004")
    async with open_listener(merchant, version) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        begin = asyncio.get_running_loop().time()
        for _ in range(10):
            await asyncio.sleep(29)
            await listener.send("phoenix", "heartbeat", {})
            assert (await listener.receive())["topic"] == "phoenix"
        error, closed = await listener.receive(), await listener.receive()
        assert asyncio.get_running_loop().time() - begin == pytest.approx(300, abs=0.1)
        payload = error["payload"]
        assert (error["event"], payload["extension"], payload["status"]) == ("system", "system", "error")
        assert payload["message"] == "Token has expired 0 seconds ago"
        assert (closed["event"], closed["topic"], closed["ref"]) == ("phx_close", topic, "1")
        await listener.send(topic, "anything", {})
        assert (await listener.receive())["payload"] == {"status": "error", "response": {"reason": "unmatched topic"}}


async def test_changes_after_a_key_has_expired_are_not_sent(http: aiohttp.ClientSession, contract: Contract) -> None:
    async with Sandbox(realtime_key_lifetime=60) as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        body, topic = await unsent_collection(merchant, "231880000003")
        async with open_listener(merchant) as listener:
            await listener.subscribe(topic, await key_for(merchant, body))
            await merchant.create("executions/collection", body)
            sandbox.advance(200)
            assert [await listener.receive_change() for _ in range(2)][-1] == ("UPDATE", "PROCESSING")
            error = await listener.receive()
            assert 130 < float(error["payload"]["message"].split()[3]) <= 140
            assert (await listener.receive())["event"] == "phx_close"
            assert (sandbox.ledger[0].status, sandbox.realtime_counts.channels) == ("COMPLETED", 0)


@VERSIONS
async def test_a_new_key_prolongs_a_channel(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant, "231880000004")
    async with open_listener(merchant, version) as listener:
        old = await key_for(merchant, body)
        await listener.subscribe(topic, old)
        merchant.sandbox.advance(200)
        for same in (old, None):
            await listener.send(topic, "access_token", {"access_token": same}, join_ref="1")
        assert await listener.receives_nothing(5)
        await listener.send(topic, "access_token", {"access_token": await key_for(merchant, body)}, join_ref="1")
        assert (await listener.receive())["payload"]["message"] == "Subscribed to PostgreSQL"
        merchant.sandbox.advance(200)
        await merchant.create("executions/collection", body)
        assert await listener.receive_change() == ("INSERT", "PENDING")


@pytest.mark.parametrize("payload", [{"access_token": "aaa.bbb.ccc"}, {"access_token": 7}])
async def test_an_invalid_key_ends_the_channel(merchant: Merchant, payload: object) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await listener.send(topic, "access_token", payload, join_ref="1")
        assert (await listener.receive())["payload"]["message"] == "Failed to validate JWT signature"
        assert (await listener.receive())["event"] == "phx_close"


@pytest.mark.parametrize("event", ["anything", "broadcast", "access_token"])
async def test_other_events_are_not_answered_on_a_channel(merchant: Merchant, event: str) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
        await listener.send(topic, event, [])
        assert await listener.receives_nothing(30)
        assert merchant.sandbox.realtime_counts.channels == 1


async def test_a_silent_socket_is_closed_after_a_minute(merchant: Merchant) -> None:
    async with open_listener(merchant) as listener:
        begin = asyncio.get_running_loop().time()
        assert await listener.wait_closed() == 1000
        assert asyncio.get_running_loop().time() - begin == pytest.approx(60, abs=0.1)
    await asyncio.sleep(0.1)
    assert merchant.sandbox.realtime_counts.sockets == 0


async def test_a_client_may_close_its_socket(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, await key_for(merchant, body))
    await asyncio.sleep(0.1)
    counts = merchant.sandbox.realtime_counts
    assert (counts.connects, counts.joins, counts.sockets, counts.channels) == (1, 1, 0, 0)
    await merchant.create("executions/collection", body)
