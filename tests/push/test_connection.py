"""Push beside polling: what is joined, what is hinted at, and what happens when it does not work."""

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
from tests.support.fakes import CLIENT_SECRET
from tests.support.push_server import ANON_KEY, CUT, KEY, REFUSED, Owner, PushRig, now, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Odd: TypeAlias = Any
"""What nobody should hand over or send."""


@pytest.fixture
async def rig(caplog: pytest.LogCaptureFixture) -> AsyncIterator[PushRig]:
    """A rig that must leave no task, no socket and no secret in a log line behind."""
    caplog.set_level(logging.DEBUG)
    rig = PushRig()
    yield rig
    await asyncio.wait_for(rig.realtime.close(), 5.0)
    assert rig.server.left_open == 0
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"still running: {left}"
    said = caplog.text
    assert KEY not in said
    assert "anon-key" not in said
    assert "wss:" not in said


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


# When the connection does not come about, or ends


async def test_a_refused_connection_is_tried_for_ever_and_said_once(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.server.error = REFUSED
    owner = rig.follow()
    await asyncio.sleep(3600.0)
    assert (owner.is_live, owner.hints, rig.desk.asked) == (False, [], [])
    assert 3600 / 31 < len(rig.server.urls) < 3600 / 14
    (said,) = warnings(caplog)
    assert said.startswith("live updates are down (no websocket for live updates could be opened")

    rig.server.error = None
    await asyncio.sleep(31.0)
    assert (owner.is_live, len(owner.hints)) == (True, 1)
    assert warnings(caplog)[1:] == ["live updates are back"]

    await asyncio.sleep(100.0)
    rig.server.socket.drop()
    await asyncio.sleep(2.0)
    assert owner.is_live  # that it lived is the end of the long pauses


@pytest.mark.parametrize("error", [ConfigurationError("closed"), OSError("https://secret?apikey=anon-key"), KeyError()])
async def test_whatever_else_connecting_raises_is_tried_again_too(rig: PushRig, error: Exception) -> None:
    rig.server.error = error
    owner = rig.follow()
    await asyncio.sleep(100.0)
    assert rig.server.sockets == []
    rig.server.error = None
    await asyncio.sleep(31.0)
    assert owner.is_live


async def test_a_policy_without_pauses_makes_no_storm() -> None:
    rig = PushRig(retry=RetryPolicy(base_delay=0.0, max_delay=0.0))
    rig.server.error = REFUSED
    rig.follow()
    await asyncio.sleep(600.0)
    assert len(rig.server.urls) < 60
    await rig.realtime.close()


async def test_a_dropped_connection_is_a_hint_and_is_joined_again_with_a_fresh_key(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    owners = [rig.follow() for _ in range(3)]
    await asyncio.sleep(100.0)
    hinted = [list(owner.hints) for owner in owners]
    rig.server.socket.drop()
    await asyncio.sleep(0.1)
    for owner, before in zip(owners, hinted, strict=True):
        assert (owner.is_live, owner.hints[len(before) :]) == (False, [100.0])

    await asyncio.sleep(2.0)
    assert len(rig.server.sockets) == 2
    assert rig.server.sockets[0].is_closed
    for owner, before in zip(owners, hinted, strict=True):
        assert owner.is_live
        assert len(owner.hints) == len(before) + 2
    keys = [key for _, _, key in rig.server.joins]
    assert len(set(keys)) == len(keys) == 6
    down, back = warnings(caplog)
    assert down == f"live updates are down ({CUT}): payments are polled, and push is tried again and again"
    assert back == "live updates are back"


async def test_a_connection_that_never_lives_is_not_rushed_at(rig: PushRig) -> None:
    rig.follow()
    for _ in range(600):
        await asyncio.sleep(1.0)
        if not rig.server.socket.is_closed:
            rig.server.socket.drop()
    assert len(rig.server.sockets) < 60


async def test_a_silent_server_is_left_and_another_connection_made(rig: PushRig) -> None:
    owner = rig.follow()
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
    assert (len(rig.server.sockets), owner.is_live) == (2, True)
    await asyncio.sleep(3600.0)
    assert len(rig.server.sockets) == 2


async def test_a_reply_to_another_heartbeat_is_no_sign_of_life(rig: PushRig) -> None:
    rig.server.answers_heartbeats = False
    rig.follow()
    for _ in range(40):
        await asyncio.sleep(1.0)
        rig.server.sockets[0].say("phoenix", "phx_reply", {"status": "ok", "response": {}}, "another")
    assert rig.server.sockets[0].is_closed


async def test_a_socket_that_cannot_send_is_left(rig: PushRig) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    rig.server.socket.is_closed = True  # the other side is gone, and nothing was heard of it
    await asyncio.sleep(20.0)
    assert (len(rig.server.sockets), owner.is_live) == (2, True)


# When a channel does not come about, or ends


async def test_a_refused_join_is_tried_again_with_a_fresh_key_and_ever_more_patience(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.server.join_reply = "error"
    owner = rig.follow()
    await asyncio.sleep(600.0)
    times = [at for at, _, _ in rig.server.joins]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] < 1.0
    assert all(15.0 <= gap <= 30.1 for gap in gaps[8:])
    assert len({key for _, _, key in rig.server.joins}) == len(times)
    assert (owner.is_live, owner.hints, len(rig.server.sockets)) == (False, [], 1)
    assert len(warnings(caplog)) == 1
    assert rig.server.socket.events("phx_leave") == []

    rig.server.join_reply = "ok"
    await asyncio.sleep(31.0)
    assert (owner.is_live, len(owner.hints)) == (True, 1)


async def test_a_join_that_is_not_answered_has_failed(rig: PushRig) -> None:
    rig.server.join_reply = None
    owner = rig.follow()
    await asyncio.sleep(9.9)
    rig.server.socket.say(owner.topic, "phx_reply", {"status": "ok", "response": {}}, "not the join's")
    assert len(rig.server.joins) == 1
    rig.server.join_reply = "ok"
    await asyncio.sleep(1.0)
    assert (owner.is_live, len(rig.server.joins)) == (True, 2)
    # The server may have joined it all the same.
    assert [frame["topic"] for frame in rig.server.socket.events("phx_leave")] == [owner.topic]

    rig.server.join_reply = None
    rig.server.socket.say(owner.topic, "phx_close", {})
    await asyncio.sleep(9.9)
    rig.server.join_reply = "ok"
    await asyncio.sleep(5.0)
    assert (owner.is_live, len(rig.server.joins)) == (True, 4)


async def test_a_channel_that_is_lost_is_not_live_whatever_is_said_of_it_meanwhile(rig: PushRig) -> None:
    rig.server.join_reply = "error"
    owner = rig.follow()
    await asyncio.sleep(60.0)
    rig.server.confirm(owner.topic)
    await asyncio.sleep(1.0)
    assert (owner.is_live, owner.hints) == (False, [])


async def test_a_server_that_does_not_say_that_it_watches_the_row_is_trusted_after_a_second(rig: PushRig) -> None:
    rig.server.confirms = False
    owner = rig.follow()
    await asyncio.sleep(0.9)
    assert (owner.is_live, owner.hints) == (False, [])
    await asyncio.sleep(60.0)
    assert (owner.is_live, owner.hints, len(rig.server.joins)) == (True, [1.0], 1)
    rig.server.push_row(owner.topic)
    rig.server.confirm(owner.topic)
    await asyncio.sleep(1.0)
    assert (owner.is_live, owner.hints) == (True, [1.0, 60.9, 60.9])


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("phx_close", {}),
        ("phx_error", {}),
        ("system", {"status": "error", "extension": "system", "message": "Token has expired 5 seconds ago"}),
        ("system", {"status": "error", "extension": "postgres_changes", "message": "Unable to subscribe"}),
    ],
)
async def test_a_channel_that_the_server_ends_is_a_hint_and_is_joined_again(
    rig: PushRig, event: str, payload: dict[str, str]
) -> None:
    owner, other = rig.follow(), rig.follow()
    await asyncio.sleep(10.0)
    rig.server.socket.say(owner.topic, event, payload)
    await asyncio.sleep(0.1)
    assert (owner.is_live, other.is_live) == (False, True)
    assert owner.hints[1:] == [10.0]
    await asyncio.sleep(1.0)
    assert (owner.is_live, len(owner.hints), len(other.hints)) == (True, 3, 1)
    assert [topic for _, topic, _ in rig.server.joins] == [owner.topic, other.topic, owner.topic]
    assert rig.server.joins[0][2] != rig.server.joins[2][2]
    assert len(rig.server.sockets) == 1


async def test_a_channel_that_is_ended_at_once_each_time_is_not_rushed_at(rig: PushRig) -> None:
    owner = rig.follow()
    for _ in range(600):
        await asyncio.sleep(1.0)
        rig.server.socket.say(owner.topic, "phx_close", {})
    assert len(rig.server.joins) < 60


async def test_a_channel_that_lived_is_joined_again_without_the_patience_of_before(rig: PushRig) -> None:
    rig.server.join_reply = "error"
    owner = rig.follow()
    await asyncio.sleep(300.0)
    rig.server.join_reply = "ok"
    await asyncio.sleep(100.0)
    assert owner.is_live
    rig.server.socket.say(owner.topic, "phx_close", {})
    await asyncio.sleep(1.0)
    assert owner.is_live


async def test_the_late_end_of_an_earlier_join_is_not_that_of_the_present_one(rig: PushRig) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    first = rig.server.socket.events("phx_join")[0]["ref"]
    rig.server.socket.say(owner.topic, "phx_error", {}, first)
    await asyncio.sleep(2.0)
    for event in ("phx_close", "phx_error"):
        rig.server.socket.say(owner.topic, event, {}, first)
    rig.server.socket.say(owner.topic, "phx_reply", {"status": "error", "response": {}}, first)
    await asyncio.sleep(1.0)
    assert (owner.is_live, len(rig.server.joins)) == (True, 2)


# When there is no key


@pytest.mark.parametrize(
    "error",
    [
        refusal(ServerError, 500),
        refusal(AuthenticationError, 401),
        TransportError("cut"),
        ConfigurationError("this DollrClient is closed: make a new one"),
        ValueError("nobody foresaw this"),
    ],
)
async def test_a_key_that_could_not_be_had_is_asked_for_again(rig: PushRig, error: Exception) -> None:
    rig.desk.errors = [error]
    owner = rig.follow()
    await asyncio.sleep(120.0)
    assert rig.server.joins == []
    assert 6 < len(rig.desk.asked) < 20
    rig.desk.errors = []
    await asyncio.sleep(31.0)
    assert owner.is_live


@pytest.mark.parametrize(
    "error", [refusal(PermissionDeniedError, 403), refusal(NotFoundError, 404), refusal(InvalidRequestError, 422)]
)
async def test_a_refused_key_ends_the_channel_and_is_said_once(
    rig: PushRig, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    rig.desk.errors = [error]
    owner = rig.follow()
    await asyncio.sleep(600.0)
    assert (len(rig.desk.asked), owner.is_live, owner.hints) == (1, False, [])
    (said,) = warnings(caplog)
    assert said.startswith(f"{owner.reference_id}: no live updates, its key was refused (POST /v1/realtime-keys")
    assert rig.server.left_open == 0  # nobody needs the connection any more
    owner.leave()

    rig.desk.errors = []
    assert rig.follow(owner).channel is not None
    await asyncio.sleep(1.0)
    assert owner.is_live


async def test_a_key_is_renewed_before_it_ends_and_the_channel_stays(rig: PushRig) -> None:
    rig.desk.expires_in = 60
    owner = rig.follow()
    await asyncio.sleep(44.0)
    assert len(rig.desk.asked) == 1
    await asyncio.sleep(2.0)
    (renewal,) = rig.server.socket.events("access_token")
    assert renewal["topic"] == owner.topic
    assert renewal["payload"] == {"access_token": f"{KEY}2"}
    assert renewal["join_ref"] == rig.server.socket.events("phx_join")[0]["ref"]
    await asyncio.sleep(600.0)
    assert len(rig.server.socket.events("access_token")) == 14
    assert (len(rig.server.joins), len(owner.hints), owner.is_live) == (1, 1, True)


async def test_a_key_that_cannot_be_renewed_is_asked_for_again_and_joined_with(rig: PushRig) -> None:
    rig.desk.expires_in = 60
    owner = rig.follow()
    await asyncio.sleep(40.0)
    rig.desk.errors = [refusal(ServerError, 503)]
    await asyncio.sleep(10.0)
    assert (owner.is_live, owner.hints[1:]) == (False, [45.0])
    rig.desk.errors = []
    await asyncio.sleep(31.0)
    assert (owner.is_live, len(rig.server.joins)) == (True, 2)


@pytest.mark.parametrize("expires_in", [0, -60, 1])
async def test_a_key_without_a_life_is_no_reason_to_ask_without_pause(rig: PushRig, expires_in: int) -> None:
    rig.desk.expires_in = expires_in
    rig.follow()
    await asyncio.sleep(600.0)
    assert len(rig.desk.asked) <= 61


async def test_the_key_of_a_connection_that_ended_meanwhile_is_not_joined_with(rig: PushRig) -> None:
    rig.desk.takes = 5.0
    owner = rig.follow()
    second = rig.follow()
    await asyncio.sleep(2.0)
    rig.server.socket.drop()
    await asyncio.sleep(6.0)
    assert len(rig.desk.asked) == 4
    second.leave()
    await asyncio.sleep(20.0)
    assert owner.is_live
    assert [frame["event"] for frame in rig.server.socket.received] == ["phx_join", "heartbeat"]
    assert rig.server.joins[0][2] in {f"{KEY}3", f"{KEY}4"}


# What the server says


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
async def test_what_is_no_message_for_the_channel_changes_nothing(
    rig: PushRig, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    caplog.clear()
    rig.server.socket.say_text(text.replace("TOPIC", owner.topic))
    await asyncio.sleep(1.0)
    assert (owner.is_live, owner.hints, caplog.text) == (True, [0.0], "")
    rig.server.push_row(owner.topic)
    await asyncio.sleep(1.0)
    assert len(owner.hints) == 2


async def test_a_join_with_a_reply_of_the_wrong_shape_is_not_answered(rig: PushRig) -> None:
    rig.server.join_reply = "perhaps"
    owner = rig.follow()
    await asyncio.sleep(9.0)
    rig.server.join_reply = "ok"
    await asyncio.sleep(3.0)
    assert (owner.is_live, len(rig.server.joins)) == (True, 2)


async def test_each_pushed_row_is_a_hint_for_its_own_collection_whatever_is_in_it(rig: PushRig) -> None:
    owner, other = rig.follow(), rig.follow()
    await asyncio.sleep(1.0)
    for row in ({"status": "COMPLETED"}, {}, {"reference_id": str(other.reference_id)}):
        rig.server.push_row(owner.topic, **row)
    await asyncio.sleep(1.0)
    assert (len(owner.hints), len(other.hints)) == (1 + 3, 1)


async def test_a_change_between_the_join_and_the_watching_is_not_missed(rig: PushRig) -> None:
    rig.server.confirms = False
    owner = rig.follow()
    await asyncio.sleep(5.0)  # the row changes now, and nobody pushes it
    rig.server.confirm(owner.topic)
    await asyncio.sleep(1.0)
    assert owner.hints == [1.0, 5.0]


async def test_a_row_that_is_watched_anew_is_a_hint(rig: PushRig, caplog: pytest.LogCaptureFixture) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    rig.server.confirm(owner.topic)  # as after a fresh key
    await asyncio.sleep(1.0)
    assert (owner.is_live, owner.hints) == (True, [0.0, 1.0])
    assert caplog.text.count("live updates joined") == 1


async def test_an_owner_that_fails_does_not_end_the_connection(rig: PushRig, caplog: pytest.LogCaptureFixture) -> None:
    owner, other = Owner(), Owner()
    owner.error = ValueError("the owner's own, with 231771234567")
    rig.follow(owner)
    rig.follow(other)
    await asyncio.sleep(1.0)
    rig.server.push_row(owner.topic)
    rig.server.push_row(other.topic)
    await asyncio.sleep(1.0)
    assert (len(owner.hints), len(other.hints), owner.is_live) == (2, 2, True)
    rig.server.socket.drop()
    await asyncio.sleep(2.0)
    assert (len(other.hints), owner.is_live) == (4, True)
    assert f"{owner.reference_id}: a hint could not be taken (ValueError)" in caplog.text
    assert "231771234567" not in caplog.text


# What is sent


async def test_nothing_is_sent_before_a_channel_is_wanted_and_the_join_says_what_to_watch(rig: PushRig) -> None:
    await asyncio.sleep(100.0)
    assert rig.server.urls == []
    owner = rig.follow()
    assert rig.server.urls == []  # following is synchronous and sends nothing itself
    await asyncio.sleep(1.0)
    (asked,) = rig.desk.asked
    assert (asked.session_id, asked.source_type, asked.reference_id) == (310, "INVOICE", str(owner.reference_id))
    (join,) = rig.server.socket.received
    assert join == {
        "topic": f"realtime:payment-intent:310:{owner.reference_id}",
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
                        "filter": f"reference_id=eq.{owner.reference_id}",
                    }
                ],
                "private": False,
            },
            "access_token": f"{KEY}1",
        },
        "ref": "1",
        "join_ref": "1",
    }
    assert (owner.is_live, owner.hints) == (True, [100.0])


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
def test_settings_that_cannot_work_are_refused(terms: dict[str, Odd], sentence: str) -> None:
    good: dict[str, Odd] = {"url": "https://project.supabase.co", "anon_key": ANON_KEY}
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


async def test_the_keys_of_many_channels_are_asked_for_a_few_at_a_time(rig: PushRig) -> None:
    rig.desk.takes = 0.5
    owners = [rig.follow() for _ in range(100)]
    await asyncio.sleep(20.0)
    assert all(owner.is_live for owner in owners)
    rig.server.socket.drop()
    await asyncio.sleep(20.0)
    assert all(owner.is_live for owner in owners)
    assert (rig.desk.most_at_once, len(rig.desk.asked), len(rig.server.sockets)) == (4, 200, 2)


async def test_no_more_channels_than_the_connection_may_have_and_one_that_is_left_makes_room() -> None:
    rig = PushRig(max_channels=2)
    first, second, third = rig.follow(), rig.follow(), rig.follow()
    assert (first.channel is None, second.channel is None, third.channel is None) == (False, False, True)
    await asyncio.sleep(1.0)
    first.leave()
    rig.follow(third)
    await asyncio.sleep(1.0)
    assert third.is_live
    assert len(rig.server.joins) == 3
    await rig.realtime.close()


async def test_one_collection_has_one_channel(rig: PushRig) -> None:
    owner, second = rig.follow(), Owner()
    second.reference_id = owner.reference_id
    assert rig.follow(second).channel is None
    await asyncio.sleep(1.0)
    owner.leave()
    rig.follow(second)
    await asyncio.sleep(1.0)
    assert second.is_live
    assert [frame["event"] for frame in rig.server.socket.received] == ["phx_join", "phx_leave", "phx_join"]


@pytest.mark.parametrize("wrong", [{"session_id": 0}, {"reference_id": "x"}])
async def test_what_no_key_can_be_asked_for_is_refused_at_once(rig: PushRig, wrong: dict[str, Odd]) -> None:
    terms: dict[str, Odd] = {"reference_id": uuid4(), "session_id": 310, "source_type": SourceType.ORDER}
    with pytest.raises(InvalidInputError):
        rig.realtime.follow(**{**terms, **wrong}, on_hint=print)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("after", [0.0, 0.5, 1.5, 2.5, 4.0])
async def test_a_channel_can_be_left_at_any_time(rig: PushRig, after: float) -> None:
    # It is left before it connects, while it connects, asks for its key, joins, and when it is live.
    rig.server.connect_takes = 1.0
    rig.desk.takes = 1.0
    rig.server.join_reply = None if after == 2.5 else "ok"
    owner = rig.follow()
    await asyncio.sleep(after)
    hints = len(owner.hints)
    owner.leave()
    owner.leave()
    assert not owner.is_live
    await asyncio.sleep(3.0)
    if len(rig.server.sockets) == 1:
        rig.server.push_row(owner.topic)
    await asyncio.sleep(30.0)
    assert len(owner.hints) == hints
    assert rig.server.left_open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    leaves = [frame for socket in rig.server.sockets for frame in socket.events("phx_leave")]
    assert len(leaves) == len(rig.server.joins)


async def test_a_channel_can_be_left_inside_its_hint(rig: PushRig) -> None:
    owner = Owner()

    def leave() -> None:
        assert channel is not None
        channel.leave()

    channel = rig.realtime.follow(owner.reference_id, 310, SourceType.ORDER, leave)
    other = rig.follow()
    await asyncio.sleep(1.0)
    assert channel is not None
    assert (channel.is_live, other.is_live) == (False, True)


async def test_the_connection_waits_a_little_for_the_next_channel(rig: PushRig) -> None:
    rig.follow().leave()
    await asyncio.sleep(2.0)
    owner = rig.follow()
    await asyncio.sleep(100.0)
    owner.leave()
    await asyncio.sleep(4.0)
    second = rig.follow()
    await asyncio.sleep(100.0)
    assert (second.is_live, len(rig.server.sockets)) == (True, 1)
    second.leave()
    await asyncio.sleep(6.0)
    assert rig.server.left_open == 0
    third = rig.follow()
    await asyncio.sleep(1.0)
    assert (third.is_live, len(rig.server.sockets)) == (True, 2)


async def test_an_old_connection_that_is_slow_to_close_is_none_of_the_next_channels_business(rig: PushRig) -> None:
    rig.server.close_takes = 2.0
    owner = rig.follow()
    await asyncio.sleep(10.0)
    owner.leave()
    await asyncio.sleep(5.5)
    second = rig.follow()
    await asyncio.sleep(10.0)
    assert (second.is_live, second.hints, len(rig.server.joins)) == (True, [15.5], 2)
    assert [socket.is_closed for socket in rig.server.sockets] == [True, False]
    rig.server.push_row(second.topic)
    third = rig.follow()
    await asyncio.sleep(1.0)
    assert (second.hints, third.is_live) == ([15.5, 25.5], True)
    rig.server.close_takes = 0.0


async def test_an_outage_in_which_the_last_channel_is_left_ends_with_it(rig: PushRig) -> None:
    rig.server.error = REFUSED
    owner = rig.follow()
    await asyncio.sleep(60.0)
    owner.leave()
    await asyncio.sleep(6.0)
    tried = len(rig.server.urls)
    await asyncio.sleep(600.0)
    assert len(rig.server.urls) == tried


async def test_a_connection_lost_while_nobody_needs_it_is_no_outage(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    owner.leave()
    rig.server.socket.drop()
    await asyncio.sleep(600.0)
    assert warnings(caplog) == []


async def test_the_trouble_of_one_channel_beside_a_live_one_is_no_outage(
    rig: PushRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.follow()
    await asyncio.sleep(1.0)
    rig.server.join_reply = "error"
    rig.follow()
    await asyncio.sleep(600.0)
    assert warnings(caplog) == []


# Closing


async def _connecting(rig: PushRig) -> None:
    rig.server.connect_takes = 60.0
    rig.follow()


async def _waiting_to_connect(rig: PushRig) -> None:
    rig.server.error = REFUSED
    rig.follow()
    await asyncio.sleep(60.0)


async def _asking_for_keys(rig: PushRig) -> None:
    rig.desk.takes = 60.0
    for _ in range(10):
        rig.follow()


async def _joining(rig: PushRig) -> None:
    rig.server.join_reply = None
    rig.follow()


async def _waiting_to_join(rig: PushRig) -> None:
    rig.server.join_reply = "error"
    rig.follow()
    await asyncio.sleep(60.0)


async def _live(rig: PushRig) -> None:
    rig.follow()


async def _dropped(rig: PushRig) -> None:
    rig.follow()
    await asyncio.sleep(1.0)
    rig.server.socket.drop()


async def _lingering(rig: PushRig) -> None:
    rig.follow().leave()


async def _nothing(rig: PushRig) -> None:
    return


@pytest.mark.parametrize(
    "begin",
    [
        _connecting,
        _waiting_to_connect,
        _asking_for_keys,
        _joining,
        _waiting_to_join,
        _live,
        _dropped,
        _lingering,
        _nothing,
    ],
)
@pytest.mark.parametrize("after", [0.0, 1.0])
async def test_closing_ends_everything_at_once(rig: PushRig, begin: Odd, after: float) -> None:
    await begin(rig)
    await asyncio.sleep(after)
    began = now()
    await asyncio.gather(rig.realtime.close(), rig.realtime.close())
    assert now() == began
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert rig.server.left_open == 0
    await rig.realtime.close()
    tried = len(rig.server.urls)
    assert rig.follow().channel is None
    await asyncio.sleep(600.0)
    assert len(rig.server.urls) == tried


async def test_closing_is_no_hint_and_a_channel_may_be_left_after_it(rig: PushRig) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    await rig.realtime.close()
    assert (owner.is_live, len(owner.hints)) == (False, 1)
    owner.leave()


def test_closing_after_the_loop_has_gone_is_fine() -> None:
    async def begin() -> PushRig:
        rig = PushRig()
        rig.follow()
        await asyncio.sleep(1.0)
        return rig

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        rig = runner.run(begin())
    assert rig.server.left_open == 0  # the runner cancelled all that ran
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        runner.run(rig.realtime.close())


def test_it_is_not_closed_from_another_loop_while_its_own_runs() -> None:
    async def begin() -> tuple[PushRig, Owner]:
        rig = PushRig()
        owner = rig.follow()
        await asyncio.sleep(1.0)
        return rig, owner

    with asyncio.Runner(loop_factory=virtual_loop) as own, asyncio.Runner(loop_factory=virtual_loop) as other:
        rig, owner = own.run(begin())
        other.run(rig.realtime.close())
        assert owner.is_live
        own.run(rig.realtime.close())
        assert not owner.is_live
    assert rig.server.left_open == 0


async def test_no_message_of_ours_shows_a_key_in_its_repr(rig: PushRig) -> None:
    owner = rig.follow()
    await asyncio.sleep(1.0)
    sent = json.dumps(rig.server.socket.received)
    assert KEY in sent
    assert CLIENT_SECRET not in sent
    shown = f"{owner.channel!r} {rig.realtime!r} {rig.realtime._connection!r} {asyncio.all_tasks()!r}"
    assert KEY not in shown
    assert "anon-key" not in shown
