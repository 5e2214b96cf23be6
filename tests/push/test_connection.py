"""The push connection: what is joined, when a hint is given, and what happens when something fails."""

from __future__ import annotations

import asyncio
import json
import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import pytest

from dollr_async.base.enums import SourceType
from dollr_async.base.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    TransportError,
)
from dollr_async.push.settings import RealtimeSettings
from dollr_async.wire.retry import RetryPolicy
from tests.conftest import virtual_loop
from tests.support.contexts import in_a_context
from tests.support.fakes import CLIENT_SECRET
from tests.support.push_server import ANON_KEY, CUT, KEY, REFUSED, PushRig, Subscriber, now, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

WrongValue: TypeAlias = Any
"""A value that nobody should pass or send."""


@pytest.fixture
async def rig(caplog: pytest.LogCaptureFixture) -> AsyncIterator[PushRig]:
    """A rig that must leave no task, no socket and no secret in a log line behind."""
    caplog.set_level(logging.DEBUG)
    rig = PushRig()
    yield rig
    await asyncio.wait_for(rig.push.close(), 5.0)
    assert rig.server.left_open == 0
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"still running: {left}"
    logged = caplog.text
    assert KEY not in logged
    assert "anon-key" not in logged
    assert "wss:" not in logged


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


# When the connection cannot be opened, or ends


async def test_what_lives_as_long_as_the_client_keeps_no_context_variable_of_a_call(rig: PushRig) -> None:
    async def subscribe() -> None:
        rig.subscribe()

    kept = await asyncio.create_task(in_a_context(subscribe))
    await asyncio.sleep(60.0)
    assert kept() is None


async def test_a_refused_connection_is_retried_for_ever_and_logged_once(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.server.error = REFUSED
    subscriber = rig.subscribe()
    await asyncio.sleep(3600.0)
    assert (subscriber.is_live, subscriber.hints, rig.key_api.requests) == (False, [], [])
    assert 3600 / 31 < len(rig.server.urls) < 3600 / 14
    (message,) = messages(caplog)
    assert message.startswith("live updates are down (no websocket for live updates could be opened")

    rig.server.error = None
    await asyncio.sleep(31.0)
    assert (subscriber.is_live, len(subscriber.hints)) == (True, 1)
    assert messages(caplog)[1:] == ["live updates are back"]

    await asyncio.sleep(100.0)
    rig.server.socket.drop()
    await asyncio.sleep(2.0)
    assert subscriber.is_live  # it was stable, so the pauses are short again


@pytest.mark.parametrize("error", [ConfigurationError("closed"), OSError("https://secret?apikey=anon-key"), KeyError()])
async def test_any_other_error_of_connecting_is_retried_too(rig: PushRig, error: Exception) -> None:
    rig.server.error = error
    subscriber = rig.subscribe()
    await asyncio.sleep(100.0)
    assert rig.server.sockets == []
    rig.server.error = None
    await asyncio.sleep(31.0)
    assert subscriber.is_live


async def test_without_pauses_in_the_policy_retries_still_have_pauses() -> None:
    rig = PushRig(retry=RetryPolicy(base_delay=0.0, max_delay=0.0))
    rig.server.error = REFUSED
    rig.subscribe()
    await asyncio.sleep(600.0)
    assert len(rig.server.urls) < 60
    await rig.push.close()


async def test_a_dropped_connection_gives_a_hint_and_is_joined_again_with_a_fresh_key(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    subscribers = [rig.subscribe() for _ in range(3)]
    await asyncio.sleep(100.0)
    hinted = [list(subscriber.hints) for subscriber in subscribers]
    rig.server.socket.drop()
    await asyncio.sleep(0.1)
    for subscriber, before in zip(subscribers, hinted, strict=True):
        assert (subscriber.is_live, subscriber.hints[len(before) :]) == (False, [100.0])

    await asyncio.sleep(2.0)
    assert len(rig.server.sockets) == 2
    assert rig.server.sockets[0].is_closed
    for subscriber, before in zip(subscribers, hinted, strict=True):
        assert subscriber.is_live
        assert len(subscriber.hints) == len(before) + 2
    keys = [key for _, _, key in rig.server.joins]
    assert len(set(keys)) == len(keys) == 6
    down, back = messages(caplog)
    assert down == f"live updates are down ({CUT}): payments are polled, and push is retried"
    assert back == "live updates are back"


async def test_a_connection_that_is_never_stable_is_retried_with_pauses(rig: PushRig) -> None:
    rig.subscribe()
    for _ in range(600):
        await asyncio.sleep(1.0)
        if not rig.server.socket.is_closed:
            rig.server.socket.drop()
    assert len(rig.server.sockets) < 60


async def test_the_connection_to_a_silent_server_is_replaced(rig: PushRig) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(100.0)
    assert (len(rig.server.socket.events("heartbeat")), len(rig.server.sockets)) == (4, 1)
    assert rig.server.socket.events("heartbeat")[0] == {
        "topic": "phoenix",
        "event": "heartbeat",
        "payload": {},
        "ref": "2",
    }
    rig.server.answers_heartbeats = False
    await asyncio.sleep(36.0)
    assert rig.server.sockets[0].is_closed
    rig.server.answers_heartbeats = True
    await asyncio.sleep(2.0)
    assert (len(rig.server.sockets), subscriber.is_live) == (2, True)
    await asyncio.sleep(3600.0)
    assert len(rig.server.sockets) == 2


async def test_a_reply_to_another_heartbeat_does_not_count(rig: PushRig) -> None:
    rig.server.answers_heartbeats = False
    rig.subscribe()
    for _ in range(40):
        await asyncio.sleep(1.0)
        rig.server.sockets[0].push("phoenix", "phx_reply", {"status": "ok", "response": {}}, "another")
    assert rig.server.sockets[0].is_closed


async def test_a_socket_that_cannot_send_is_replaced(rig: PushRig) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    rig.server.socket.is_closed = True  # the other side is gone, and sent no close
    await asyncio.sleep(20.0)
    assert (len(rig.server.sockets), subscriber.is_live) == (2, True)


# When a channel cannot be joined, or ends


async def test_a_refused_join_is_retried_with_a_fresh_key_and_ever_longer_pauses(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.server.join_reply = "error"
    subscriber = rig.subscribe()
    await asyncio.sleep(600.0)
    times = [at for at, _, _ in rig.server.joins]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] < 1.0
    assert all(15.0 <= gap <= 30.1 for gap in gaps[8:])
    assert len({key for _, _, key in rig.server.joins}) == len(times)
    assert (subscriber.is_live, subscriber.hints, len(rig.server.sockets)) == (False, [], 1)
    assert len(messages(caplog)) == 1
    assert rig.server.socket.events("phx_leave") == []

    rig.server.join_reply = "ok"
    await asyncio.sleep(31.0)
    assert (subscriber.is_live, len(subscriber.hints)) == (True, 1)


async def test_a_join_without_a_reply_has_failed(rig: PushRig) -> None:
    rig.server.join_reply = None
    subscriber = rig.subscribe()
    await asyncio.sleep(9.9)
    rig.server.socket.push(subscriber.topic, "phx_reply", {"status": "ok", "response": {}}, "not the join's")
    assert len(rig.server.joins) == 1
    rig.server.join_reply = "ok"
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, len(rig.server.joins)) == (True, 2)
    # The server may have joined it all the same.
    assert [frame["topic"] for frame in rig.server.socket.events("phx_leave")] == [subscriber.topic]

    rig.server.join_reply = None
    rig.server.socket.push(subscriber.topic, "phx_close", {})
    await asyncio.sleep(9.9)
    rig.server.join_reply = "ok"
    await asyncio.sleep(5.0)
    assert (subscriber.is_live, len(rig.server.joins)) == (True, 4)


async def test_a_lost_channel_is_not_live_whatever_the_server_sends_meanwhile(rig: PushRig) -> None:
    rig.server.join_reply = "error"
    subscriber = rig.subscribe()
    await asyncio.sleep(60.0)
    rig.server.confirm(subscriber.topic)
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, subscriber.hints) == (False, [])


async def test_without_a_confirmation_the_channel_is_live_after_a_second(rig: PushRig) -> None:
    rig.server.confirms = False
    subscriber = rig.subscribe()
    await asyncio.sleep(0.9)
    assert (subscriber.is_live, subscriber.hints) == (False, [])
    await asyncio.sleep(60.0)
    assert (subscriber.is_live, subscriber.hints, len(rig.server.joins)) == (True, [1.0], 1)
    rig.server.push_row(subscriber.topic)
    rig.server.confirm(subscriber.topic)
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, subscriber.hints) == (True, [1.0, 60.9, 60.9])


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("phx_close", {}),
        ("phx_error", {}),
        ("system", {"status": "error", "extension": "system", "message": "Token has expired 5 seconds ago"}),
        ("system", {"status": "error", "extension": "postgres_changes", "message": "Unable to subscribe"}),
    ],
)
async def test_a_channel_that_the_server_ends_gives_a_hint_and_is_joined_again(
    rig: PushRig, event: str, payload: dict[str, str]
) -> None:
    subscriber, other = rig.subscribe(), rig.subscribe()
    await asyncio.sleep(10.0)
    rig.server.socket.push(subscriber.topic, event, payload)
    await asyncio.sleep(0.1)
    assert (subscriber.is_live, other.is_live) == (False, True)
    assert subscriber.hints[1:] == [10.0]
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, len(subscriber.hints), len(other.hints)) == (True, 3, 1)
    assert [topic for _, topic, _ in rig.server.joins] == [subscriber.topic, other.topic, subscriber.topic]
    assert rig.server.joins[0][2] != rig.server.joins[2][2]
    assert len(rig.server.sockets) == 1


async def test_a_channel_that_is_ended_at_once_each_time_is_joined_with_pauses(rig: PushRig) -> None:
    subscriber = rig.subscribe()
    for _ in range(600):
        await asyncio.sleep(1.0)
        rig.server.socket.push(subscriber.topic, "phx_close", {})
    assert len(rig.server.joins) < 60


async def test_a_channel_that_was_stable_is_joined_again_at_once(rig: PushRig) -> None:
    rig.server.join_reply = "error"
    subscriber = rig.subscribe()
    await asyncio.sleep(300.0)
    rig.server.join_reply = "ok"
    await asyncio.sleep(100.0)
    assert subscriber.is_live
    rig.server.socket.push(subscriber.topic, "phx_close", {})
    await asyncio.sleep(1.0)
    assert subscriber.is_live


async def test_the_late_end_of_an_earlier_join_does_not_end_the_present_one(rig: PushRig) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    first = rig.server.socket.events("phx_join")[0]["ref"]
    rig.server.socket.push(subscriber.topic, "phx_error", {}, first)
    await asyncio.sleep(2.0)
    for event in ("phx_close", "phx_error"):
        rig.server.socket.push(subscriber.topic, event, {}, first)
    rig.server.socket.push(subscriber.topic, "phx_reply", {"status": "error", "response": {}}, first)
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, len(rig.server.joins)) == (True, 2)


# When no key can be fetched


@pytest.mark.parametrize(
    "error",
    [
        refusal(ServerError, 500),
        refusal(AuthenticationError, 401),
        TransportError("cut"),
        ConfigurationError("this DollrClient is closed: make a new one"),
        ValueError("an unexpected error"),
    ],
)
async def test_a_key_that_could_not_be_fetched_is_requested_again(rig: PushRig, error: Exception) -> None:
    rig.key_api.errors = [error]
    subscriber = rig.subscribe()
    await asyncio.sleep(120.0)
    assert rig.server.joins == []
    assert 6 < len(rig.key_api.requests) < 20
    rig.key_api.errors = []
    await asyncio.sleep(31.0)
    assert subscriber.is_live


@pytest.mark.parametrize(
    "error", [refusal(PermissionDeniedError, 403), refusal(NotFoundError, 404), refusal(InvalidRequestError, 422)]
)
async def test_a_refused_key_ends_the_channel_and_is_logged_once(
    rig: PushRig, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    rig.key_api.errors = [error]
    subscriber = rig.subscribe()
    await asyncio.sleep(600.0)
    assert (len(rig.key_api.requests), subscriber.is_live, subscriber.hints) == (1, False, [])
    (message,) = messages(caplog)
    assert message.startswith(
        f"{subscriber.reference_id}: no live updates, its key was refused (POST /v1/realtime-keys"
    )
    assert rig.server.left_open == 0  # nobody needs the connection any more
    subscriber.leave()

    rig.key_api.errors = []
    assert rig.subscribe(subscriber).channel is not None
    await asyncio.sleep(1.0)
    assert subscriber.is_live


async def test_a_key_is_renewed_before_it_ends_and_the_channel_stays(rig: PushRig) -> None:
    rig.key_api.expires_in = 60
    subscriber = rig.subscribe()
    await asyncio.sleep(44.0)
    assert len(rig.key_api.requests) == 1
    await asyncio.sleep(2.0)
    (renewal,) = rig.server.socket.events("access_token")
    assert renewal["topic"] == subscriber.topic
    assert renewal["payload"] == {"access_token": f"{KEY}2"}
    assert renewal["join_ref"] == rig.server.socket.events("phx_join")[0]["ref"]
    await asyncio.sleep(600.0)
    assert len(rig.server.socket.events("access_token")) == 14
    assert (len(rig.server.joins), len(subscriber.hints), subscriber.is_live) == (1, 1, True)


async def test_a_key_that_cannot_be_renewed_is_requested_again_for_another_join(rig: PushRig) -> None:
    rig.key_api.expires_in = 60
    subscriber = rig.subscribe()
    await asyncio.sleep(40.0)
    rig.key_api.errors = [refusal(ServerError, 503)]
    await asyncio.sleep(10.0)
    assert (subscriber.is_live, subscriber.hints[1:]) == (False, [45.0])
    rig.key_api.errors = []
    await asyncio.sleep(31.0)
    assert (subscriber.is_live, len(rig.server.joins)) == (True, 2)


@pytest.mark.parametrize("expires_in", [0, -60, 1])
async def test_keys_with_a_wrong_lifetime_are_requested_with_pauses(rig: PushRig, expires_in: int) -> None:
    rig.key_api.expires_in = expires_in
    rig.subscribe()
    await asyncio.sleep(600.0)
    assert len(rig.key_api.requests) <= 61


async def test_no_join_is_sent_with_a_key_of_a_connection_that_has_ended(rig: PushRig) -> None:
    rig.key_api.takes = 5.0
    subscriber = rig.subscribe()
    second = rig.subscribe()
    await asyncio.sleep(2.0)
    rig.server.socket.drop()
    await asyncio.sleep(6.0)
    assert len(rig.key_api.requests) == 4
    second.leave()
    await asyncio.sleep(20.0)
    assert subscriber.is_live
    assert [frame["event"] for frame in rig.server.socket.received] == ["phx_join", "heartbeat"]
    assert rig.server.joins[0][2] in {f"{KEY}3", f"{KEY}4"}


# What the server sends


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "[]",
        "null",
        "7",
        "[" * 100_000,
        '{"topic": 1e999999999999}',
        '{"topic": "TOPIC"}',
        '{"topic": "TOPIC", "event": "postgres_changes"}',
        '{"topic": "TOPIC", "event": "postgres_changes", "payload": []}',
        '{"topic": "TOPIC", "event": "postgres_changes", "payload": "row"}',
        '{"topic": "TOPIC", "event": ["postgres_changes"], "payload": {}}',
        '{"topic": ["TOPIC"], "event": "postgres_changes", "payload": {}}',
        '{"topic": "realtime:payment-intent:1:another", "event": "postgres_changes", "payload": {}}',
        '{"topic": "TOPIC", "event": "presence_state", "payload": {}}',
        '{"topic": "TOPIC", "event": "broadcast", "payload": {"event": "postgres_changes"}}',
        '{"topic": "TOPIC", "event": "phx_reply", "payload": {"status": "error"}, "ref": 1}',
        '{"topic": "TOPIC", "event": "phx_reply", "payload": {"status": "error"}, "ref": "7777"}',
        '{"topic": "TOPIC", "event": "system", "payload": {"status": {"a": []}}}',
        '{"topic": "TOPIC", "event": "system", "payload": {"status": "ok", "extension": "system"}}',
        '{"topic": "phoenix", "event": "phx_close", "payload": {}}',
        '{"topic": "\\ud800", "event": "phx_close", "payload": {}}',
        "\ud800",
    ],
)
async def test_text_that_is_no_message_for_the_channel_changes_nothing(
    rig: PushRig, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    caplog.clear()
    rig.server.socket.push_text(text.replace("TOPIC", subscriber.topic))
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, subscriber.hints, caplog.text) == (True, [0.0], "")
    rig.server.push_row(subscriber.topic)
    await asyncio.sleep(1.0)
    assert len(subscriber.hints) == 2


async def test_a_reply_with_an_unknown_status_is_no_reply(rig: PushRig) -> None:
    rig.server.join_reply = "perhaps"
    subscriber = rig.subscribe()
    await asyncio.sleep(9.0)
    rig.server.join_reply = "ok"
    await asyncio.sleep(3.0)
    assert (subscriber.is_live, len(rig.server.joins)) == (True, 2)


async def test_each_pushed_row_is_a_hint_for_its_own_collection_whatever_it_contains(rig: PushRig) -> None:
    subscriber, other = rig.subscribe(), rig.subscribe()
    await asyncio.sleep(1.0)
    for row in ({"status": "COMPLETED"}, {}, {"reference_id": str(other.reference_id)}):
        rig.server.push_row(subscriber.topic, **row)
    await asyncio.sleep(1.0)
    assert (len(subscriber.hints), len(other.hints)) == (1 + 3, 1)


async def test_a_change_between_the_join_and_its_confirmation_is_not_missed(rig: PushRig) -> None:
    rig.server.confirms = False
    subscriber = rig.subscribe()
    await asyncio.sleep(5.0)  # the row changes now, and nobody pushes it
    rig.server.confirm(subscriber.topic)
    await asyncio.sleep(1.0)
    assert subscriber.hints == [1.0, 5.0]


async def test_another_confirmation_is_a_hint(rig: PushRig, caplog: pytest.LogCaptureFixture) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    rig.server.confirm(subscriber.topic)  # as after a fresh key
    await asyncio.sleep(1.0)
    assert (subscriber.is_live, subscriber.hints) == (True, [0.0, 1.0])
    assert caplog.text.count("live updates joined") == 1


async def test_a_callback_that_fails_does_not_end_the_connection(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber, other = Subscriber(), Subscriber()
    subscriber.error = ValueError("a bug in the callback, with 231771234567")
    rig.subscribe(subscriber)
    rig.subscribe(other)
    await asyncio.sleep(1.0)
    rig.server.push_row(subscriber.topic)
    rig.server.push_row(other.topic)
    await asyncio.sleep(1.0)
    assert (len(subscriber.hints), len(other.hints), subscriber.is_live) == (2, 2, True)
    rig.server.socket.drop()
    await asyncio.sleep(2.0)
    assert (len(other.hints), subscriber.is_live) == (4, True)
    assert f"{subscriber.reference_id}: the callback of a hint failed (ValueError)" in caplog.text
    assert "231771234567" not in caplog.text


# What is sent


async def test_nothing_is_sent_before_a_channel_is_opened_and_the_join_names_the_row(rig: PushRig) -> None:
    await asyncio.sleep(100.0)
    assert rig.server.urls == []
    subscriber = rig.subscribe()
    assert rig.server.urls == []  # opening a channel is synchronous and sends nothing itself
    await asyncio.sleep(1.0)
    (request,) = rig.key_api.requests
    assert (request.session_id, request.source_type, request.reference_id) == (
        310,
        "INVOICE",
        str(subscriber.reference_id),
    )
    (join,) = rig.server.socket.received
    assert join == {
        "topic": f"realtime:payment-intent:310:{subscriber.reference_id}",
        "event": "phx_join",
        "payload": {
            "config": {
                "broadcast": {"ack": False, "self": False},
                "presence": {"enabled": False, "key": ""},
                "postgres_changes": [
                    {
                        "event": "*",
                        "schema": "public",
                        "table": "checkout_payment_intent_public_status",
                        "filter": f"reference_id=eq.{subscriber.reference_id}",
                    }
                ],
                "private": False,
            },
            "access_token": f"{KEY}1",
        },
        "ref": "1",
        "join_ref": "1",
    }
    assert (subscriber.is_live, subscriber.hints) == (True, [100.0])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://project.supabase.co/", "wss://project.supabase.co/realtime/v1/websocket"),
        ("HTTPS://project.supabase.co", "wss://project.supabase.co/realtime/v1/websocket"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/realtime/v1/websocket"),
        ("https://db.example/supabase", "wss://db.example/supabase/realtime/v1/websocket"),
    ],
)
def test_the_websockets_address_is_made_from_the_projects(url: str, expected: str) -> None:
    settings = RealtimeSettings(url, ANON_KEY)
    assert settings.websocket_url == f"{expected}?apikey=anon-key-of%2Bthe%2Fproject&vsn=1.0.0"


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"url": "http://project.supabase.co"}, "url 'http://project.supabase.co' is not an https address"),
        ({"url": "wss://project.supabase.co"}, "as in 'https://abcdefghijklmnopqrst.supabase.co'"),
        ({"url": "https://project.supabase.co?apikey=x"}, "url must be a plain address"),
        ({"url": None}, "url 'None' is not an https address"),
        ({"anon_key": " "}, "anon_key must be text with at least one character"),
        ({"anon_key": None}, "anon_key must be text"),
        ({"poll_interval": 0}, "poll_interval must be a number above 0, not 0"),
        ({"max_channels": 0}, "max_channels must be a number from 1 up, not 0"),
    ],
)
def test_wrong_settings_are_refused(terms: dict[str, WrongValue], sentence: str) -> None:
    good: dict[str, WrongValue] = {"url": "https://project.supabase.co", "anon_key": ANON_KEY}
    with pytest.raises(InvalidInputError) as caught:
        RealtimeSettings(**{**good, **terms})
    assert sentence in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_settings_do_not_show_the_key() -> None:
    settings = RealtimeSettings("https://project.supabase.co", ANON_KEY)
    assert repr(settings) == (
        "RealtimeSettings(url='https://project.supabase.co', poll_interval=30.0, max_channels=100)"
    )
    assert settings == RealtimeSettings("https://project.supabase.co/", ANON_KEY)


# Many channels, and leaving them


async def test_the_keys_of_many_channels_are_requested_a_few_at_a_time(rig: PushRig) -> None:
    rig.key_api.takes = 0.5
    subscribers = [rig.subscribe() for _ in range(100)]
    await asyncio.sleep(20.0)
    assert all(subscriber.is_live for subscriber in subscribers)
    rig.server.socket.drop()
    await asyncio.sleep(20.0)
    assert all(subscriber.is_live for subscriber in subscribers)
    assert (rig.key_api.most_at_once, len(rig.key_api.requests), len(rig.server.sockets)) == (4, 200, 2)


async def test_no_more_channels_than_max_channels_are_open_and_one_that_is_left_makes_room() -> None:
    rig = PushRig(max_channels=2)
    first, second, third = rig.subscribe(), rig.subscribe(), rig.subscribe()
    assert (first.channel is None, second.channel is None, third.channel is None) == (False, False, True)
    await asyncio.sleep(1.0)
    first.leave()
    rig.subscribe(third)
    await asyncio.sleep(1.0)
    assert third.is_live
    assert len(rig.server.joins) == 3
    await rig.push.close()


async def test_one_collection_has_one_channel(rig: PushRig) -> None:
    subscriber, second = rig.subscribe(), Subscriber()
    second.reference_id = subscriber.reference_id
    assert rig.subscribe(second).channel is None
    await asyncio.sleep(1.0)
    subscriber.leave()
    rig.subscribe(second)
    await asyncio.sleep(1.0)
    assert second.is_live
    assert [frame["event"] for frame in rig.server.socket.received] == ["phx_join", "phx_leave", "phx_join"]


@pytest.mark.parametrize("wrong", [{"session_id": 0}, {"reference_id": "x"}])
async def test_what_no_key_can_be_requested_for_is_refused_at_once(rig: PushRig, wrong: dict[str, WrongValue]) -> None:
    terms: dict[str, WrongValue] = {"reference_id": uuid4(), "session_id": 310, "source_type": SourceType.ORDER}
    with pytest.raises(InvalidInputError):
        rig.push.open_channel(**{**terms, **wrong}, on_hint=print)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("after", [0.0, 0.5, 1.5, 2.5, 4.0])
async def test_a_channel_can_be_left_at_any_time(rig: PushRig, after: float) -> None:
    # It is left before it connects, while it connects, asks for its key, joins, and when it is live.
    rig.server.connect_takes = 1.0
    rig.key_api.takes = 1.0
    rig.server.join_reply = None if after == 2.5 else "ok"
    subscriber = rig.subscribe()
    await asyncio.sleep(after)
    hints = len(subscriber.hints)
    subscriber.leave()
    subscriber.leave()
    assert not subscriber.is_live
    await asyncio.sleep(3.0)
    if len(rig.server.sockets) == 1:
        rig.server.push_row(subscriber.topic)
    await asyncio.sleep(30.0)
    assert len(subscriber.hints) == hints
    assert rig.server.left_open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    leaves = [frame for socket in rig.server.sockets for frame in socket.events("phx_leave")]
    assert len(leaves) == len(rig.server.joins)


async def test_a_channel_can_be_left_inside_its_hint(rig: PushRig) -> None:
    subscriber = Subscriber()

    def leave() -> None:
        assert channel is not None
        channel.leave()

    channel = rig.push.open_channel(subscriber.reference_id, 310, SourceType.ORDER, leave)
    other = rig.subscribe()
    await asyncio.sleep(1.0)
    assert channel is not None
    assert (channel.is_live, other.is_live) == (False, True)


async def test_the_connection_stays_open_a_little_for_the_next_channel(rig: PushRig) -> None:
    rig.subscribe().leave()
    await asyncio.sleep(2.0)
    subscriber = rig.subscribe()
    await asyncio.sleep(100.0)
    subscriber.leave()
    await asyncio.sleep(4.0)
    second = rig.subscribe()
    await asyncio.sleep(100.0)
    assert (second.is_live, len(rig.server.sockets)) == (True, 1)
    second.leave()
    await asyncio.sleep(6.0)
    assert rig.server.left_open == 0
    third = rig.subscribe()
    await asyncio.sleep(1.0)
    assert (third.is_live, len(rig.server.sockets)) == (True, 2)


async def test_an_old_connection_that_is_slow_to_close_does_not_disturb_the_next_channel(rig: PushRig) -> None:
    rig.server.close_takes = 2.0
    subscriber = rig.subscribe()
    await asyncio.sleep(10.0)
    subscriber.leave()
    await asyncio.sleep(5.5)
    second = rig.subscribe()
    await asyncio.sleep(10.0)
    assert (second.is_live, second.hints, len(rig.server.joins)) == (True, [15.5], 2)
    assert [socket.is_closed for socket in rig.server.sockets] == [True, False]
    rig.server.push_row(second.topic)
    third = rig.subscribe()
    await asyncio.sleep(1.0)
    assert (second.hints, third.is_live) == ([15.5, 25.5], True)
    rig.server.close_takes = 0.0


async def test_retries_end_when_the_last_channel_is_left(rig: PushRig) -> None:
    rig.server.error = REFUSED
    subscriber = rig.subscribe()
    await asyncio.sleep(60.0)
    subscriber.leave()
    await asyncio.sleep(6.0)
    tries = len(rig.server.urls)
    await asyncio.sleep(600.0)
    assert len(rig.server.urls) == tries


async def test_losing_a_connection_without_channels_is_no_outage(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    subscriber.leave()
    rig.server.socket.drop()
    await asyncio.sleep(600.0)
    assert messages(caplog) == []


async def test_one_failing_channel_beside_a_live_one_is_no_outage(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.subscribe()
    await asyncio.sleep(1.0)
    rig.server.join_reply = "error"
    rig.subscribe()
    await asyncio.sleep(600.0)
    assert messages(caplog) == []


# Closing


async def _connecting(rig: PushRig) -> None:
    rig.server.connect_takes = 60.0
    rig.subscribe()


async def _waiting_to_connect(rig: PushRig) -> None:
    rig.server.error = REFUSED
    rig.subscribe()
    await asyncio.sleep(60.0)


async def _fetching_keys(rig: PushRig) -> None:
    rig.key_api.takes = 60.0
    for _ in range(10):
        rig.subscribe()


async def _joining(rig: PushRig) -> None:
    rig.server.join_reply = None
    rig.subscribe()


async def _waiting_to_join(rig: PushRig) -> None:
    rig.server.join_reply = "error"
    rig.subscribe()
    await asyncio.sleep(60.0)


async def _live(rig: PushRig) -> None:
    rig.subscribe()


async def _dropped(rig: PushRig) -> None:
    rig.subscribe()
    await asyncio.sleep(1.0)
    rig.server.socket.drop()


async def _closing_soon(rig: PushRig) -> None:
    rig.subscribe().leave()


async def _nothing(rig: PushRig) -> None:
    return


@pytest.mark.parametrize(
    "begin",
    [
        _connecting,
        _waiting_to_connect,
        _fetching_keys,
        _joining,
        _waiting_to_join,
        _live,
        _dropped,
        _closing_soon,
        _nothing,
    ],
)
@pytest.mark.parametrize("after", [0.0, 1.0])
async def test_closing_ends_everything_at_once(
    rig: PushRig, begin: Callable[[PushRig], Awaitable[None]], after: float
) -> None:
    await begin(rig)
    await asyncio.sleep(after)
    began = now()
    await asyncio.gather(rig.push.close(), rig.push.close())
    assert now() == began
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert rig.server.left_open == 0
    await rig.push.close()
    tries = len(rig.server.urls)
    assert rig.subscribe().channel is None
    await asyncio.sleep(600.0)
    assert len(rig.server.urls) == tries


async def test_closing_gives_no_hint_and_a_channel_may_be_left_after_it(rig: PushRig) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    await rig.push.close()
    assert (subscriber.is_live, len(subscriber.hints)) == (False, 1)
    subscriber.leave()


def test_closing_after_the_loop_has_gone_is_fine() -> None:
    async def begin() -> PushRig:
        rig = PushRig()
        rig.subscribe()
        await asyncio.sleep(1.0)
        return rig

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        rig = runner.run(begin())
    assert rig.server.left_open == 0  # the runner cancelled all that ran
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        runner.run(rig.push.close())


def test_it_is_not_closed_from_another_loop_while_its_own_runs() -> None:
    async def begin() -> tuple[PushRig, Subscriber]:
        rig = PushRig()
        subscriber = rig.subscribe()
        await asyncio.sleep(1.0)
        return rig, subscriber

    with asyncio.Runner(loop_factory=virtual_loop) as own, asyncio.Runner(loop_factory=virtual_loop) as other:
        rig, subscriber = own.run(begin())
        other.run(rig.push.close())
        assert subscriber.is_live
        own.run(rig.push.close())
        assert not subscriber.is_live
    assert rig.server.left_open == 0


async def test_no_message_of_ours_shows_a_key_in_its_repr(rig: PushRig) -> None:
    subscriber = rig.subscribe()
    await asyncio.sleep(1.0)
    sent = json.dumps(rig.server.socket.received)
    assert KEY in sent
    assert CLIENT_SECRET not in sent
    shown = f"{subscriber.channel!r} {rig.push!r} {rig.push._connection!r} {asyncio.all_tasks()!r}"
    assert KEY not in shown
    assert "anon-key" not in shown
