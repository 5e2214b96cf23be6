"""Who may connect to the push channel and join it, over bare websockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import pytest

from tests.sandbox.listener import PATH, TABLE, key_for, listening, to_be_collected

if TYPE_CHECKING:
    from tests.sandbox.merchant import Merchant

VERSIONS = pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
NO_SUCH_KEY = "JwtSignatureError: Failed to validate JWT signature"


# connecting


@pytest.mark.parametrize("query", [{}, {"apikey": "wrong"}, {"apikey": "sandbox-anon-key", "vsn": "3.0.0"}])
async def test_without_the_anon_key_and_a_known_version_nobody_connects(
    merchant: Merchant, query: dict[str, str]
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await merchant.http.ws_connect(merchant.sandbox.url + PATH, params=query)
    assert refused.value.status == 403
    assert merchant.sandbox.realtime_counts.refused_connects == 1


async def test_a_request_that_is_no_websocket_is_refused(merchant: Merchant) -> None:
    async with merchant.http.get(merchant.sandbox.url + PATH, params={"apikey": "sandbox-anon-key"}) as response:
        assert response.status == 400


async def test_the_first_version_is_spoken_unless_another_is_asked_for(merchant: Merchant) -> None:
    query = {"apikey": merchant.sandbox.realtime["anon_key"]}
    async with merchant.http.ws_connect(merchant.sandbox.url + PATH, params=query) as socket:
        await socket.send_json({"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "7"})
        assert await socket.receive_json() == {
            "topic": "phoenix",
            "event": "phx_reply",
            "payload": {"status": "ok", "response": {}},
            "ref": "7",
        }


async def test_websockets_are_no_requests_to_the_api(merchant: Merchant) -> None:
    merchant.sandbox.requests.clear()
    async with listening(merchant):
        assert (merchant.sandbox.requests, merchant.sandbox.in_flight) == ([], 0)


@VERSIONS
@pytest.mark.parametrize("frame", ["{", "[]", "7", '{"topic": "phoenix"}', "[null, null, null, null, null]"])
async def test_a_frame_that_is_no_message_ends_the_connection(merchant: Merchant, version: str, frame: str) -> None:
    async with listening(merchant, version) as listener:
        await listener.socket.send_str(frame)
        assert await listener.ended() == 1011


async def test_a_binary_frame_ends_the_connection(merchant: Merchant) -> None:
    async with listening(merchant) as listener:
        await listener.socket.send_bytes(b"\xff")
        assert await listener.ended() == 1011


# joining


@VERSIONS
async def test_only_a_key_that_was_issued_opens_a_channel(merchant: Merchant, version: str) -> None:
    order, topic = await to_be_collected(merchant)
    other = await key_for(merchant, {**order, "reference_id": str(uuid4())})
    denied = "Unauthorized: You do not have permissions to read from this Channel topic: " + topic[len("realtime:") :]
    async with listening(merchant, version) as listener:
        for key, reason in (("aaa.bbb.ccc", NO_SUCH_KEY), (7, NO_SUCH_KEY), (None, denied), (other, denied)):
            assert await listener.join(topic, key) == {"status": "error", "response": {"reason": reason}}
    assert merchant.sandbox.realtime_counts.refused_joins == 4


async def test_a_key_opens_the_channel_of_its_own_session_and_reference(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    async with listening(merchant) as listener:
        for wrong in (topic.replace(order["session_id"], "640"), topic[:-1], topic.replace("intent", "intents")):
            assert (await listener.join(wrong, key))["status"] == "error"
        assert (await listener.join("payment-intent:1:2", key))["response"] == {"reason": "unmatched topic"}


async def test_an_expired_key_opens_nothing(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    merchant.sandbox.advance(330)
    async with listening(merchant) as listener:
        reason = (await listener.join(topic, key))["response"]["reason"]
    assert reason == "InvalidJWTToken: Token has expired 30 seconds ago"


@pytest.mark.parametrize("payload", [None, [], {}, {"access_token": None}])
async def test_a_join_without_a_key_is_refused(merchant: Merchant, payload: object) -> None:
    _, topic = await to_be_collected(merchant)
    async with listening(merchant) as listener:
        await listener.send(topic, "phx_join", payload)
        assert (await listener.heard())["payload"]["status"] == "error"


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
    order, topic = await to_be_collected(merchant)
    async with listening(merchant) as listener:
        assert (await listener.join(topic, await key_for(merchant, order), **wrong))["status"] == "ok"
        told = (await listener.heard())["payload"]
        assert (told["extension"], told["status"]) == ("postgres_changes", "error")
        assert told["message"].startswith("Unable to subscribe to changes with given parameters")
        await merchant.made("executions/collection", order)
        assert await listener.nothing(10)


@pytest.mark.parametrize("config", [None, [], {}, {"postgres_changes": None}, {"postgres_changes": [7]}])
async def test_a_join_that_asks_for_no_feed_is_told_nothing(merchant: Merchant, config: object) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    async with listening(merchant) as listener:
        await listener.send(topic, "phx_join", {"config": config, "access_token": key})
        reply = await listener.heard()
        assert reply["payload"] == {"status": "ok", "response": {"postgres_changes": []}}
        await merchant.made("executions/collection", order)
        assert await listener.nothing(10)


@VERSIONS
async def test_a_join_is_answered_and_then_confirmed(merchant: Merchant, version: str) -> None:
    order, topic = await to_be_collected(merchant)
    async with listening(merchant, version) as listener:
        reply = await listener.join(topic, await key_for(merchant, order))
        (feed,) = reply["response"]["postgres_changes"]
        assert isinstance(feed.pop("id"), int)
        assert feed == {
            "event": "*",
            "schema": "public",
            "table": TABLE,
            "filter": f"reference_id=eq.{order['reference_id']}",
        }
        confirmed = await listener.heard()
        assert (confirmed["topic"], confirmed["event"], confirmed["ref"]) == (topic, "system", None)
        assert confirmed["payload"] == {
            "extension": "postgres_changes",
            "status": "ok",
            "message": "Subscribed to PostgreSQL",
            "channel": topic.removeprefix("realtime:"),
        }
        assert confirmed.get("join_ref", "1") == "1"


async def test_joining_again_closes_the_channel_of_before(merchant: Merchant) -> None:
    order, topic = await to_be_collected(merchant)
    key = await key_for(merchant, order)
    async with listening(merchant) as listener:
        await listener.joined(topic, key)
        assert (await listener.join(topic, key))["status"] == "ok"
        closed = await listener.heard()
        assert (closed["event"], closed["ref"], closed["payload"]) == ("phx_close", "1", {})
        assert (await listener.heard())["event"] == "system"
        assert merchant.sandbox.realtime_counts.channels == 1
