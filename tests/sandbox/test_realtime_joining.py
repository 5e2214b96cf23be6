"""Connecting to the push channel and joining it, over bare websockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import pytest

from tests.sandbox.listener import PATH, TABLE, key_for, open_listener, unsent_collection

if TYPE_CHECKING:
    from tests.sandbox.merchant import Merchant

VERSIONS = pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
NO_SUCH_KEY = "JwtSignatureError: Failed to validate JWT signature"


# connecting


@pytest.mark.parametrize("query", [{}, {"apikey": "wrong"}, {"apikey": "sandbox-anon-key", "vsn": "3.0.0"}])
async def test_a_connection_needs_the_anon_key_and_a_known_version(merchant: Merchant, query: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await merchant.http.ws_connect(merchant.sandbox.url + PATH, params=query)
    assert refused.value.status == 403
    assert merchant.sandbox.realtime_counts.refused_connects == 1


async def test_a_request_that_is_not_a_websocket_is_refused(merchant: Merchant) -> None:
    async with merchant.http.get(merchant.sandbox.url + PATH, params={"apikey": "sandbox-anon-key"}) as response:
        assert response.status == 400


async def test_the_first_version_is_used_by_default(merchant: Merchant) -> None:
    query = {"apikey": merchant.sandbox.realtime["anon_key"]}
    async with merchant.http.ws_connect(merchant.sandbox.url + PATH, params=query) as socket:
        await socket.send_json({"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "7"})
        assert await socket.receive_json() == {
            "topic": "phoenix",
            "event": "phx_reply",
            "payload": {"status": "ok", "response": {}},
            "ref": "7",
        }


async def test_websockets_are_not_recorded_as_api_requests(merchant: Merchant) -> None:
    merchant.sandbox.requests.clear()
    async with open_listener(merchant):
        assert (merchant.sandbox.requests, merchant.sandbox.in_flight) == ([], 0)


@VERSIONS
@pytest.mark.parametrize("frame", ["{", "[]", "7", '{"topic": "phoenix"}', "[null, null, null, null, null]"])
async def test_a_frame_that_is_not_a_message_ends_the_connection(merchant: Merchant, version: str, frame: str) -> None:
    async with open_listener(merchant, version) as listener:
        await listener.socket.send_str(frame)
        assert await listener.wait_closed() == 1011


async def test_a_binary_frame_ends_the_connection(merchant: Merchant) -> None:
    async with open_listener(merchant) as listener:
        await listener.socket.send_bytes(b"\xff")
        assert await listener.wait_closed() == 1011


# joining


@VERSIONS
async def test_only_a_key_that_was_issued_opens_a_channel(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant)
    other = await key_for(merchant, {**body, "reference_id": str(uuid4())})
    denied = "Unauthorized: You do not have permissions to read from this Channel topic: " + topic[len("realtime:") :]
    async with open_listener(merchant, version) as listener:
        for key, reason in (("aaa.bbb.ccc", NO_SUCH_KEY), (7, NO_SUCH_KEY), (None, denied), (other, denied)):
            assert await listener.join(topic, key) == {"status": "error", "response": {"reason": reason}}
    assert merchant.sandbox.realtime_counts.refused_joins == 4


async def test_a_key_opens_the_channel_of_its_own_session_and_reference(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    async with open_listener(merchant) as listener:
        for wrong in (topic.replace(body["session_id"], "640"), topic[:-1], topic.replace("intent", "intents")):
            assert (await listener.join(wrong, key))["status"] == "error"
        assert (await listener.join("payment-intent:1:2", key))["response"] == {"reason": "unmatched topic"}


async def test_an_expired_key_opens_nothing(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    merchant.sandbox.advance(330)
    async with open_listener(merchant) as listener:
        reason = (await listener.join(topic, key))["response"]["reason"]
    assert reason == "InvalidJWTToken: Token has expired 30 seconds ago"


@pytest.mark.parametrize("payload", [None, [], {}, {"access_token": None}])
async def test_a_join_without_a_key_is_refused(merchant: Merchant, payload: object) -> None:
    _, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        await listener.send(topic, "phx_join", payload)
        assert (await listener.receive())["payload"]["status"] == "error"


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": "private"},
        {"table": "payments"},
        {"event": "TRUNCATE"},
        {"filter": "reference_id=eq.3f1c9a52-7b64-4d0e-9a57-2c8e41d6f0b3"},
        {"filter": None},
    ],
)
async def test_a_feed_that_is_not_offered_is_refused_after_the_join(merchant: Merchant, wrong: dict[str, Any]) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant) as listener:
        assert (await listener.join(topic, await key_for(merchant, body), **wrong))["status"] == "ok"
        system = (await listener.receive())["payload"]
        assert (system["extension"], system["status"]) == ("postgres_changes", "error")
        assert system["message"].startswith("Unable to subscribe to changes with given parameters")
        await merchant.create("executions/collection", body)
        assert await listener.receives_nothing(10)


@pytest.mark.parametrize("config", [None, [], {}, {"postgres_changes": None}, {"postgres_changes": [7]}])
async def test_a_join_that_asks_for_no_feed_gets_no_changes(merchant: Merchant, config: object) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    async with open_listener(merchant) as listener:
        await listener.send(topic, "phx_join", {"config": config, "access_token": key})
        reply = await listener.receive()
        assert reply["payload"] == {"status": "ok", "response": {"postgres_changes": []}}
        await merchant.create("executions/collection", body)
        assert await listener.receives_nothing(10)


@VERSIONS
async def test_a_join_is_answered_and_then_confirmed(merchant: Merchant, version: str) -> None:
    body, topic = await unsent_collection(merchant)
    async with open_listener(merchant, version) as listener:
        reply = await listener.join(topic, await key_for(merchant, body))
        (feed,) = reply["response"]["postgres_changes"]
        assert isinstance(feed.pop("id"), int)
        assert feed == {
            "event": "*",
            "schema": "public",
            "table": TABLE,
            "filter": f"reference_id=eq.{body['reference_id']}",
        }
        confirmed = await listener.receive()
        assert (confirmed["topic"], confirmed["event"], confirmed["ref"]) == (topic, "system", None)
        assert confirmed["payload"] == {
            "extension": "postgres_changes",
            "status": "ok",
            "message": "Subscribed to PostgreSQL",
            "channel": topic.removeprefix("realtime:"),
        }
        assert confirmed.get("join_ref", "1") == "1"


async def test_joining_again_closes_the_previous_channel(merchant: Merchant) -> None:
    body, topic = await unsent_collection(merchant)
    key = await key_for(merchant, body)
    async with open_listener(merchant) as listener:
        await listener.subscribe(topic, key)
        assert (await listener.join(topic, key))["status"] == "ok"
        closed = await listener.receive()
        assert (closed["event"], closed["ref"], closed["payload"]) == ("phx_close", "1", {})
        assert (await listener.receive())["event"] == "system"
        assert merchant.sandbox.realtime_counts.channels == 1
