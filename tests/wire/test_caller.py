"""One API call: what is retried and after how long, the replay after a refused token, secrets, and the log."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async import DollrClient, RetryPolicy
from dollr_async.base.errors import (
    APIStatusError,
    AuthenticationError,
    ConnectError,
    DecodeError,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.resources.parties import Parties
from dollr_async.sandbox import Fault, Quirks, Sandbox
from dollr_async.wire.codec import Answer, Body
from tests.conftest import check_requests
from tests.support.fakes import CLIENT_SECRET, MORNING, Rig, jwt, raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.wire.answers import RawAnswer
    from tests.contract import Contract

    Failure = RawAnswer | DollrError

_METHODS = ["GET", "POST", "PUT", "DELETE"]
_ATTEMPTS = RetryPolicy().attempts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Thing(Answer):
    id: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Secretive(Body):
    name: str
    code: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Envelope(Body):
    inner: Secretive


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    rig.transport.answers(raw(200, {"id": 7}))
    yield rig
    await rig.session.close()


async def _call(rig: Rig, method: str = "GET", **more: object) -> Thing:
    return await rig.caller.call(method, "things/1", Thing, **more)  # type: ignore[arg-type] # passed on as they are


async def test_a_call_sends_its_arguments_and_returns_its_shape(rig: Rig) -> None:
    body = Secretive(name="a", code="1234", extra={"more": Decimal("1.50")})
    thing = await _call(rig, "POST", body=body, query={"on": True, "off": False, "none": None, "n": Decimal("1E+2")})
    (sent,) = rig.transport.calls
    assert thing == Thing(id=7)
    assert (sent.method, sent.path, sent.query) == ("POST", "things/1", "on=true&off=false&n=100")
    assert sent.content == b'{"name":"a","code":"1234","more":1.50}'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a b&c=d#e?/+%", "a+b%26c%3Dd%23e%3F%2F%2B%25"),
        (" é: 1 ", "%C3%A9%3A+1"),
        (5, "5"),
        (Decimal("250.10"), "250.10"),
        (datetime(2026, 7, 31, 12, 0, tzinfo=UTC), "2026-07-31T12%3A00%3A00%2B00%3A00"),
    ],
)
async def test_a_filter_is_percent_encoded(rig: Rig, value: object, written: str) -> None:
    await _call(rig, query={"q": value})
    assert rig.transport.calls[0].query == f"q={written}"


async def test_a_filter_that_cannot_be_sent_is_refused(rig: Rig) -> None:
    with pytest.raises(InvalidInputError, match="the filter q has a control character"):
        await _call(rig, query={"q": "é\r\nX: 1"})
    with pytest.raises(InvalidInputError, match="half of a surrogate pair"):
        await _call(rig, query={"q": "\ud800"})
    assert rig.transport.sent == []


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (310, "310"),
        ("INV-2026-00001", "INV-2026-00001"),
        ("a/b", "a%2Fb"),
        ("../list", "..%2Flist"),
        ("%2e%2e/x", "%252e%252e%2Fx"),
        ("1?fullname=x#y", "1%3Ffullname%3Dx%23y"),
        ("1\r\nX-Injected: 1\x00", "1%0D%0AX-Injected%3A%201%00"),
        ("é", "%C3%A9"),
    ],
)
async def test_an_id_is_percent_encoded(rig: Rig, given: int | str, written: str) -> None:
    with pytest.raises(DecodeError):
        await Parties(rig.caller).retrieve(given)
    assert rig.transport.calls[0].path == f"parties/retrieve/{written}"


@pytest.mark.parametrize("given", ["", ".", "..", "...", "\ud800", "x\udfff"])
async def test_an_id_that_names_another_path_is_refused(rig: Rig, given: str) -> None:
    with pytest.raises(InvalidInputError, match="write the one that the API gave, as in 310"):
        await Parties(rig.caller).retrieve(given)
    assert rig.transport.sent == []


@pytest.mark.parametrize("odd", [object(), "\ud800", {(1, 2): 3}, 1j])
async def test_what_json_cannot_express_is_refused(rig: Rig, odd: object) -> None:
    with pytest.raises(InvalidInputError, match="extra must hold plain JSON values"):
        await _call(rig, "POST", body=Body(extra={"odd": odd}))
    assert rig.transport.sent == []


# What is retried: rule 3 of docs/design.md

_CERTAIN: dict[str, Failure] = {"no connection": ConnectError("refused"), "429": raw(429)}
_AMBIGUOUS: dict[str, Failure] = {
    "dropped": TransportError("dropped"),
    "timeout": RequestTimeoutError("slow"),
    "408": raw(408),
    "500": raw(500),
    "502": raw(502, b"<html>"),
    "503": raw(503),
    "504": raw(504),
    "599": raw(599),
}
_FINAL: dict[str, Failure] = {
    "301": raw(301),
    "307": raw(307),
    "400": raw(400),
    "403": raw(403, {"detail": "no"}),
    "404": raw(404),
    "409": raw(409),
    "418": raw(418),
    "422": raw(422),
    "not JSON": raw(200, b"<html>"),
    "another shape": raw(200, {"name": "x"}),
}
_CLASSES: dict[str, type[DollrError]] = {
    "no connection": ConnectError,
    "dropped": TransportError,
    "timeout": RequestTimeoutError,
    "429": RateLimitError,
    "403": PermissionDeniedError,
    "404": NotFoundError,
    "422": InvalidRequestError,
    "500": ServerError,
    "502": ServerError,
    "503": ServerError,
    "504": ServerError,
    "599": ServerError,
    "not JSON": DecodeError,
    "another shape": DecodeError,
}
_ALL = {**_CERTAIN, **_AMBIGUOUS, **_FINAL}


def _sends(method: str, name: str) -> int:
    return _ATTEMPTS if name in _CERTAIN or (method == "GET" and name in _AMBIGUOUS) else 1


@pytest.mark.parametrize("name", _ALL)
@pytest.mark.parametrize("method", _METHODS)
async def test_only_what_is_safe_is_retried(rig: Rig, method: str, name: str) -> None:
    rig.transport.answers(_ALL[name])
    with pytest.raises(_CLASSES.get(name, APIStatusError)):
        await _call(rig, method)
    assert len(rig.transport.calls) == _sends(method, name)
    assert len(set(map(str, ((sent.method, sent.path, sent.content) for sent in rig.transport.calls)))) == 1


@pytest.mark.parametrize("name", [*_CERTAIN, *_AMBIGUOUS])
@pytest.mark.parametrize("method", _METHODS)
async def test_a_short_failure_is_hidden_where_a_retry_is_safe(rig: Rig, method: str, name: str) -> None:
    rig.transport.answers(*[_ALL[name]] * (_sends(method, name) - 1), raw(200, {"id": 7}))
    assert await _call(rig, method) == Thing(id=7)


@pytest.mark.parametrize("attempts", [1, 2, 7])
async def test_attempts_limit_the_sends_of_one_request(attempts: int) -> None:
    rig = Rig(RetryPolicy(attempts=attempts))
    rig.transport.answers(raw(503))
    with pytest.raises(ServerError):
        await _call(rig)
    assert len(rig.transport.calls) == attempts
    await rig.session.close()


async def test_a_call_may_have_its_own_policy(rig: Rig) -> None:
    rig.transport.answers(raw(503))
    with pytest.raises(ServerError):
        await _call(rig, retry=RetryPolicy(attempts=1))
    assert len(rig.transport.calls) == 1


async def test_a_failed_token_fetch_means_that_nothing_was_sent_and_is_not_retried_by_the_call(rig: Rig) -> None:
    rig.transport.token_answers(*[ConnectError("refused")] * 9)
    with pytest.raises(ConnectError) as caught:
        await _call(rig, "POST")
    assert caught.value.nothing_sent
    assert (len(rig.transport.calls), len(rig.transport.token_requests)) == (0, _ATTEMPTS)


async def test_a_cancelled_call_is_not_retried(rig: Rig) -> None:
    rig.transport.answers(raw(503))
    calling = asyncio.create_task(_call(rig))
    await asyncio.sleep(0.01)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await asyncio.sleep(60.0)
    assert len(rig.transport.calls) == 1


# How long the waits are


async def test_the_waits_double_up_to_a_limit_and_half_of_each_is_random() -> None:
    policy = RetryPolicy(attempts=8, base_delay=0.5, max_delay=8.0)
    waits: list[list[float]] = []
    for _ in range(20):
        rig = Rig(policy)
        rig.transport.answers(raw(503))
        with pytest.raises(ServerError):
            await _call(rig)
        waits.append([wait for wait in rig.clock.slept if wait < 9.0])
        await rig.session.close()
    for position, full in enumerate([0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]):
        column = [row[position] for row in waits]
        assert all(full / 2 <= wait <= full for wait in column)
        assert len(set(column)) > 10


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("2.5", 2.5),
        (" 7 ", 7.0),
        ("60", 60.0),
        (format_datetime(MORNING + timedelta(seconds=20), usegmt=True), 20.0),
        ("Fri Jul 31 08:00:20 2026", 20.0),
        (format_datetime(MORNING - timedelta(days=1), usegmt=True), 0.0),
    ],
)
@pytest.mark.parametrize("method", _METHODS)
async def test_a_retry_waits_as_long_as_the_api_asks(rig: Rig, method: str, header: str, wait: float) -> None:
    rig.transport.answers(raw(429, Retry_After=header), raw(200, {"id": 7}))
    await _call(rig, method)
    first, second = rig.transport.calls
    assert second.at - first.at == pytest.approx(wait, abs=0.001)


@pytest.mark.parametrize("header", ["", "soon", "-5", "Fri, 99 Jul 2026 99:00:00 GMT", "nan", "1e3", "."])
async def test_an_unreadable_retry_after_is_ignored(rig: Rig, header: str) -> None:
    rig.transport.answers(raw(429, Retry_After=header), raw(200, {"id": 7}))
    await _call(rig, "POST")
    first, second = rig.transport.calls
    assert 0.25 <= second.at - first.at <= 0.5


@pytest.mark.parametrize(
    "header", ["60.1", "3600", "9" * 400, format_datetime(MORNING + timedelta(hours=1), usegmt=True)]
)
async def test_a_retry_after_that_is_too_long_is_raised_to_the_caller(rig: Rig, header: str) -> None:
    rig.transport.answers(raw(429, Retry_After=header))
    with pytest.raises(RateLimitError) as caught:
        await _call(rig)
    assert len(rig.transport.calls) == 1
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


async def test_a_retry_waits_as_long_as_a_503_asks(rig: Rig) -> None:
    rig.transport.answers(raw(503, Retry_After="33"), raw(200, {"id": 7}))
    await _call(rig)
    assert 33.0 in rig.clock.slept


# A token that is refused

_REFUSALS = {
    "401": raw(401, {"detail": "Could not validate credentials"}),
    "401 from a proxy": raw(401, b"<html>"),
    "403 not authenticated": raw(403, {"detail": "Not authenticated"}),
    "403 could not validate": raw(403, {"detail": " could not validate credentials."}),
}


@pytest.mark.parametrize("refusal", _REFUSALS.values(), ids=_REFUSALS)
@pytest.mark.parametrize("method", _METHODS)
async def test_a_refused_token_is_replaced_and_the_call_replayed(rig: Rig, method: str, refusal: RawAnswer) -> None:
    rig.transport.answers(refusal, raw(200, {"id": 7}))
    assert await _call(rig, method) == Thing(id=7)
    first, second = rig.transport.calls
    assert [call.headers["Authorization"] for call in (first, second)] == [f"Bearer {jwt(1)}", f"Bearer {jwt(2)}"]


@pytest.mark.parametrize("refusal", _REFUSALS.values(), ids=_REFUSALS)
@pytest.mark.parametrize("method", _METHODS)
async def test_a_call_is_replayed_once(rig: Rig, method: str, refusal: RawAnswer) -> None:
    rig.transport.answers(refusal)
    with pytest.raises(AuthenticationError if refusal.status == 401 else PermissionDeniedError):
        await _call(rig, method)
    assert (len(rig.transport.calls), len(rig.transport.token_requests)) == (2, 2)


@pytest.mark.parametrize(
    "forbidden",
    [
        {"detail": "Your merchant is not authenticated for payouts"},
        {"detail": [{"loc": [], "msg": "forbidden", "type": "x"}]},
        {},
    ],
)
async def test_another_403_does_not_replace_the_token(rig: Rig, forbidden: object) -> None:
    rig.transport.answers(raw(403, forbidden))
    with pytest.raises(PermissionDeniedError):
        await _call(rig)
    assert (len(rig.transport.calls), len(rig.transport.token_requests)) == (1, 1)


async def test_a_replay_does_not_count_as_an_attempt() -> None:
    rig = Rig(RetryPolicy(attempts=1))
    rig.transport.answers(raw(401), raw(200, {"id": 7}))
    assert await _call(rig, "POST") == Thing(id=7)
    await rig.session.close()


async def test_a_refused_token_between_other_failures_is_replaced(rig: Rig) -> None:
    rig.transport.answers(raw(503), raw(401), raw(503), raw(200, {"id": 7}))
    assert await _call(rig) == Thing(id=7)


async def test_a_refused_token_that_cannot_be_replaced_is_an_error(rig: Rig) -> None:
    rig.transport.answers(raw(401))
    await rig.session.token()
    rig.transport.token_answers(raw(401))
    with pytest.raises(AuthenticationError, match="obtain/token"):
        await _call(rig)
    assert (len(rig.transport.calls), len(rig.transport.token_requests)) == (1, 2)


async def test_many_calls_refused_at_once_fetch_one_token(rig: Rig) -> None:
    async def check() -> RawAnswer:
        await asyncio.sleep(0.1)
        return raw(200, {"id": 7}) if len(rig.transport.token_requests) > 1 else raw(401)

    rig.transport.answers(check)
    await asyncio.gather(*(_call(rig, "POST") for _ in range(100)))
    assert (len(rig.transport.token_requests), len(rig.transport.calls)) == (2, 200)


async def test_a_403_for_a_missing_token_is_replayed_too(contract: Contract) -> None:
    async with Sandbox(quirks=Quirks(no_token_status=403)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        await dollr.parties.list()
        sandbox.revoke_tokens()
        await dollr.parties.list()
        sandbox.fail("list_parties", Fault.answer(403, {"detail": "Not authenticated"}))
        await dollr.parties.list()
    check_requests(sandbox, contract)
    assert sandbox.tokens_issued == 3


# What is hidden


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
async def test_an_answer_that_repeats_a_secret_does_not_show_it(rig: Rig, status: int) -> None:
    body = Envelope(inner=Secretive(name="till", code="passcode-1234"))
    echoed = f"till sent passcode-1234 with {jwt(1)} and {jwt(2)}"
    echo = {"detail": [{"loc": ["body"], "msg": echoed, "type": "value_error", "input": echoed}, echoed]}
    rig.transport.answers(raw(status, echo))
    with pytest.raises(APIStatusError) as caught:
        await _call(rig, "POST", body=body)
    error = caught.value
    shown = f"{error} {error!r} {vars(error)} {error.fields}"
    assert "till sent ***" in error.body
    assert "till sent ***" in error.detail
    assert "passcode-1234" not in shown
    assert rig.transport.calls[-1].headers["Authorization"].removeprefix("Bearer ") not in shown


# The log


async def test_the_log_has_every_send(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.transport.latency = 0.25
    rig.transport.answers(TransportError("dropped"), raw(503), raw(200, {"id": 7}))
    with caplog.at_level(logging.DEBUG, "dollr_async"):
        await _call(rig, query={"phone": "231771234567"})
    assert [record.getMessage() for record in caplog.records if record.name == "dollr_async.http"] == [
        "GET /v1/things/1: TransportError (attempt 1, 250 ms)",
        "GET /v1/things/1: 503 (attempt 2, 250 ms)",
        "GET /v1/things/1: 200 (attempt 3, 250 ms)",
    ]
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


async def test_the_log_has_a_cancelled_send(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.transport.latency = 5.0
    await rig.session.token()
    with caplog.at_level(logging.DEBUG, "dollr_async"):
        calling = asyncio.create_task(_call(rig))
        await asyncio.sleep(1.0)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    assert caplog.messages == ["GET /v1/things/1: CancelledError (attempt 1, 1000 ms)"]


async def test_no_log_line_has_a_secret_or_a_phone_number(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture
) -> None:
    phone = "231771234567"
    sandbox.fail("predict_mmo_provider_info", "drop", times=2)
    sandbox.fail("predict_mmo_provider_info", Fault.answer(503, {"detail": f"no route for {phone}"}))
    with caplog.at_level(logging.DEBUG):
        await dollr.predictions.mmo_provider_info(phone=phone)
        sandbox.fail("predict_mmo_provider_info", 422)
        with pytest.raises(InvalidRequestError) as caught:
            await dollr.predictions.mmo_provider_info(phone=phone)
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    token = json.loads(next(r.answer.content for r in sandbox.requests_to("client_obtain_token") if r.answer))
    assert "/v1/predictions/mmo-provider-info: 200" in logged
    assert phone not in logged
    assert phone not in f"{caught.value!r}"
    assert sandbox.client_secret not in logged
    assert token["access_token"] not in logged
    assert CLIENT_SECRET not in logged


async def test_nothing_is_logged_above_the_debug_level(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dollr_async"):
        await _call(rig)
    assert caplog.messages == []
