"""The authenticated session: one shared token, its refresh, refused tokens, closing, and event loops."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async import DollrClient, RetryPolicy
from dollr_async.base.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    DecodeError,
    DollrError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.sandbox import Sandbox
from dollr_async.wire.transport import USER_AGENT
from tests.conftest import check_requests, virtual_loop
from tests.support.contexts import in_a_context
from tests.support.fakes import CLIENT_SECRET, Rig, jwt, raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from dollr_async.wire.answers import RawAnswer
    from tests.contract import Contract

_HOUR = 3600.0
_WRONG = raw(401, {"detail": "Could not validate credentials"})


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.session.close()
    assert not asyncio.all_tasks() - {asyncio.current_task()}


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _pass(seconds: float) -> None:
    await asyncio.sleep(seconds)


# One shared token


async def test_a_client_sends_nothing_until_it_is_used(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings):
        await _pass(_HOUR)
    assert sandbox.requests == []


def test_a_client_is_made_without_an_event_loop(contract: Contract) -> None:
    sandbox = Sandbox()

    async def use(client: DollrClient) -> None:
        await client.parties.list()
        await client.close()

    async def main() -> None:
        async with sandbox:
            await use(DollrClient(**sandbox.settings))

    DollrClient("id", "secret")  # no loop, no request, nothing to close
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        runner.run(main())
    check_requests(sandbox, contract)
    assert sandbox.tokens_issued == 1


async def test_a_thousand_calls_at_once_fetch_one_token_and_one_more_when_all_are_revoked(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    await asyncio.gather(*(dollr.parties.list() for _ in range(1000)))
    assert sandbox.tokens_issued == 1
    sandbox.revoke_tokens()
    await asyncio.gather(*(dollr.parties.list() for _ in range(1000)))
    assert sandbox.tokens_issued == 2


async def test_a_thousand_tasks_wait_for_one_token_fetch(rig: Rig) -> None:
    rig.transport.latency = 2.0
    tokens = await asyncio.gather(*(rig.session.token() for _ in range(1000)))
    assert len(set(map(id, tokens))) == 1
    assert len(rig.transport.token_requests) == 1


async def test_a_cancelled_task_leaves_the_token_to_the_others(rig: Rig) -> None:
    rig.transport.latency = 2.0
    first, *others = [asyncio.create_task(rig.session.token()) for _ in range(10)]
    await _pass(1.0)
    first.cancel()
    tokens = await asyncio.gather(*others)
    assert first.cancelled()
    assert len({token.secret.reveal() for token in tokens}) == 1
    assert len(rig.transport.token_requests) == 1


async def test_every_request_has_the_token_and_none_has_the_credentials(rig: Rig) -> None:
    await rig.session.send(await rig.session.token(), "POST", "x", content=b"{}")
    await rig.session.send(await rig.session.token(), "GET", "y", query="a=b")
    posted, got = rig.transport.calls
    common = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {jwt(1)}", "Accept": "application/json"}
    assert dict(posted.headers) == common | {"Content-Type": "application/json"}
    assert dict(got.headers) == common
    (fetched,) = rig.transport.token_requests
    assert "Authorization" not in fetched.headers
    assert fetched.content == b'{"client_id":"client","client_secret":"%s"}' % CLIENT_SECRET.encode()


# Wrong credentials


async def test_wrong_credentials_fail_at_once_with_one_request(sandbox: Sandbox) -> None:
    async with DollrClient(sandbox.client_id, "wrong-secret", base_url=sandbox.url) as dollr:
        results = await asyncio.gather(*(dollr.parties.list() for _ in range(100)), return_exceptions=True)
        assert {type(result) for result in results} == {AuthenticationError}
        assert [request.operation for request in sandbox.requests] == ["client_obtain_token"]
        assert _now() < 1.0
        await _pass(_HOUR)
    assert len(sandbox.requests) == 1


async def test_the_error_of_refused_credentials_hides_the_secret(rig: Rig) -> None:
    echo = {"detail": [{"loc": ["body"], "msg": f"bad {CLIENT_SECRET}", "type": "x", "input": CLIENT_SECRET}]}
    rig.transport.token_answers(raw(401, echo))
    with pytest.raises(AuthenticationError) as caught:
        await rig.session.token()
    error = caught.value
    assert str(error) == "POST /v1/jwt/client/obtain/token was answered 401: body: bad ***"
    assert CLIENT_SECRET not in f"{error} {error!r} {vars(error)}"
    assert error.nothing_sent


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_a_refused_token_request_is_not_retried(rig: Rig, status: int) -> None:
    rig.transport.token_answers(raw(status))
    with pytest.raises(DollrError, match=str(status)):
        await rig.session.token()
    assert len(rig.transport.token_requests) == 1


# A token endpoint that fails

_FAILURES: dict[str, RawAnswer | DollrError] = {
    "dropped": TransportError("dropped"),
    "no connection": ConnectError("refused"),
    "timeout": RequestTimeoutError("slow"),
    "500": raw(500),
    "503": raw(503),
    "408": raw(408),
    "429": raw(429),
}
_FAILURE_ERRORS = {"500": ServerError, "503": ServerError, "429": RateLimitError, "408": DollrError}


@pytest.mark.parametrize("failure", _FAILURES.values(), ids=_FAILURES)
async def test_a_failed_token_request_is_retried(rig: Rig, failure: RawAnswer | DollrError) -> None:
    rig.transport.token_answers(failure, failure, failure)
    assert (await rig.session.token()).secret.reveal() == jwt(1)
    assert len(rig.transport.token_requests) == 4


@pytest.mark.parametrize(("name", "failure"), _FAILURES.items(), ids=_FAILURES)
async def test_a_token_request_is_retried_as_often_as_the_policy_says(
    rig: Rig, name: str, failure: RawAnswer | DollrError
) -> None:
    rig.transport.token_answers(*[failure] * 9)
    expected = type(failure) if isinstance(failure, DollrError) else _FAILURE_ERRORS[name]
    with pytest.raises(DollrError) as caught:
        await rig.session.token()
    assert isinstance(caught.value, expected)
    assert len(rig.transport.token_requests) == 4
    assert caught.value.nothing_sent


@pytest.mark.parametrize(
    "found",
    [
        raw(200, b"<html>"),
        raw(200, b""),
        raw(200, {"expires_in": 60}),
        raw(200, {"access_token": "a"}),
        raw(200, {"access_token": None, "expires_in": 60}),
        raw(200, {"access_token": "", "expires_in": 60}),
        raw(200, {"access_token": "a b", "expires_in": 60}),
        raw(200, {"access_token": "a\r\nX-Injected: 1", "expires_in": 60}),
        raw(200, {"access_token": "é", "expires_in": 60}),
        raw(200, {"access_token": "a", "expires_in": "soon"}),
        raw(200, b'{"access_token": "a", "expires_in": 1E+999999999}'),
        raw(200, b'{"access_token": "a", "expires_in": ' + b"9" * 400 + b"}"),
    ],
)
async def test_a_token_that_cannot_be_used_is_an_error(rig: Rig, found: RawAnswer) -> None:
    rig.transport.token_answers(found)
    said = r"the answer to the token request cannot be used: POST /v1/jwt/client/obtain/token was answered 200 with "
    with pytest.raises(DecodeError, match=said):
        await rig.session.token()
    assert (await rig.session.token()).secret.reveal() == jwt(1)


async def test_the_next_call_fetches_the_token_after_a_failed_fetch(rig: Rig) -> None:
    rig.transport.token_answers(_WRONG)
    with pytest.raises(AuthenticationError):
        await rig.session.token()
    assert (await rig.session.token()).secret.reveal() == jwt(1)


@pytest.mark.parametrize("expires_in", [59.5, "60.0", " 60 ", 60])
async def test_a_lifetime_is_read_in_any_form_of_a_number(rig: Rig, expires_in: object) -> None:
    rig.transport.token_answers(raw(200, {"access_token": "opaque\n", "expires_in": expires_in}))
    token = await rig.session.token()
    assert token.secret.reveal() == "opaque"
    assert 3570.0 <= token.lifetime <= 3600.0


# The lifetime of a token


@pytest.mark.parametrize(
    ("expires_in", "claims", "refreshed"),
    [
        (60, {}, (54 * 60, 55 * 60)),
        (60, {"iat": 1000, "exp": 1000 + 1800}, (24 * 60, 25 * 60)),
        (30, {"iat": 1000, "exp": 1000 + 3600}, (24 * 60, 25 * 60)),
        (60, {"exp": 5}, (54 * 60, 55 * 60)),
        (60, {"iat": 10, "exp": 5}, (54 * 60, 55 * 60)),
        (10, {}, (456, 480)),
        (1, {}, (45, 48)),
        (4 * 60, {}, (4 * 3600 - 360, 4 * 3600 - 300)),
    ],
)
async def test_a_token_is_refreshed_before_it_expires_without_any_call(
    rig: Rig, expires_in: int, claims: dict[str, object], refreshed: tuple[float, float]
) -> None:
    rig.transport.expires_in, rig.transport.claims = expires_in, claims
    await rig.session.token()
    earliest, latest = refreshed
    await _pass(latest + 1.0)
    assert earliest <= rig.transport.token_requests[1].at <= latest


async def test_many_clients_do_not_refresh_at_the_same_time() -> None:
    rigs = [Rig() for _ in range(20)]
    for rig in rigs:
        await rig.session.token()
    await _pass(_HOUR - 301)
    moments = {rig.transport.token_requests[1].at for rig in rigs if len(rig.transport.token_requests) > 1}
    assert len(moments) > 10
    assert max(moments) - min(moments) > 10
    for rig in rigs:
        await rig.session.close()


async def test_a_call_never_waits_for_a_refresh(rig: Rig) -> None:
    rig.transport.latency = 10.0
    await rig.session.token()
    for _ in range(6 * 60):
        began = _now()
        await rig.session.token()
        assert _now() == began
        await _pass(60.0)
    assert 6 <= len(rig.transport.token_requests) <= 7


@pytest.mark.parametrize("expires_in", [0, -5, 1])
async def test_a_short_lifetime_does_not_cause_many_requests(rig: Rig, expires_in: int) -> None:
    rig.transport.expires_in = expires_in
    await rig.session.token()
    await _pass(600.0)
    assert len(rig.transport.token_requests) <= 600 / 5 + 1
    before = len(rig.transport.token_requests)
    await rig.session.token()
    assert len(rig.transport.token_requests) <= before + 1


async def test_a_valid_token_is_used_while_the_token_endpoint_fails(rig: Rig) -> None:
    await rig.session.token()
    rig.transport.token_answers(*[raw(503)] * 10_000)
    for _ in range(59):
        assert (await rig.session.token()).secret.reveal() == jwt(1)
        await _pass(60.0)
    with pytest.raises(ServerError):
        await asyncio.gather(_pass(60.0), _token_after(rig, 60.0))


async def _token_after(rig: Rig, seconds: float) -> None:
    await _pass(seconds)
    await rig.session.token()


@pytest.mark.parametrize(
    "failure", [*_FAILURES.values(), _WRONG, raw(200, b"<html>")], ids=[*_FAILURES, "401", "garbage"]
)
async def test_the_refresh_continues_after_errors_and_slows_down(
    rig: Rig, failure: RawAnswer | DollrError, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.session.token()
    rig.transport.token_answers(*[failure] * 10_000)
    with caplog.at_level(logging.WARNING, "dollr_async.session"):
        await _pass(6 * _HOUR)
    attempts = len(rig.transport.token_requests) - 1
    # Once it has slowed down, there is one attempt (of at most four sends) in every 3.75 to 5 minutes.
    assert 6 * 12 - 12 <= attempts <= 4 * (6 * 16 + 10)
    assert "the token could not be refreshed" in caplog.text
    assert CLIENT_SECRET not in caplog.text
    rig.transport._tokens.clear()
    await _pass(301.0)
    assert (await rig.session.token()).secret.reveal() == jwt(2)
    await _pass(_HOUR)
    assert (await rig.session.token()).secret.reveal() == jwt(3)


async def test_a_call_after_a_suspension_fetches_a_fresh_token(rig: Rig) -> None:
    await rig.session.token()
    rig.clock.moved += 8 * _HOUR
    assert (await rig.session.token()).secret.reveal() == jwt(2)
    assert len(rig.transport.token_requests) == 2


async def test_the_token_is_refreshed_within_half_a_minute_after_a_suspension(rig: Rig) -> None:
    await rig.session.token()
    await _pass(10.0)
    rig.clock.moved += 8 * _HOUR
    await _pass(30.0)
    assert len(rig.transport.token_requests) == 2
    assert (await rig.session.token()).secret.reveal() == jwt(2)


async def test_a_clock_that_is_set_back_does_not_keep_an_old_token(rig: Rig) -> None:
    await rig.session.token()
    rig.clock.moved -= timedelta(days=2).total_seconds()
    await _pass(2 * _HOUR)
    assert (await rig.session.token()).secret.reveal() == jwt(3)


async def test_a_stale_token_is_used_while_the_next_is_fetched(rig: Rig) -> None:
    await rig.session.token()
    for task in _others():
        task.cancel()  # as a framework does that cancels all tasks it did not start
    await _pass(_HOUR - 120.0)
    assert (await rig.session.token()).secret.reveal() == jwt(1)
    await _pass(1.0)
    assert (await rig.session.token()).secret.reveal() == jwt(2)


# A token that is refused


async def test_a_refused_token_is_dropped_but_not_its_replacement(rig: Rig) -> None:
    old = await rig.session.token()
    rig.session.discard(old)
    new = await rig.session.token()
    rig.session.discard(old)
    assert await rig.session.token() is new
    assert len(rig.transport.token_requests) == 2


async def test_a_dropped_token_stops_the_refresh_until_a_token_is_needed(rig: Rig) -> None:
    rig.session.discard(await rig.session.token())
    await _pass(24 * _HOUR)
    assert len(rig.transport.token_requests) == 1
    await rig.session.token()
    await _pass(_HOUR)
    assert len(rig.transport.token_requests) == 3


# Closing


async def test_closing_stops_every_task_and_closing_twice_is_fine(sandbox: Sandbox) -> None:
    dollr = DollrClient(**sandbox.settings)
    await dollr.parties.list()
    assert len(_others()) == 1  # the refresh
    await dollr.close()
    assert not _others()
    await dollr.close()


def _others() -> set[asyncio.Task[object]]:
    own = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not own and "dollr_async" in task.get_name()}


async def test_closing_during_a_token_fetch_is_an_error_for_the_waiting_tasks(rig: Rig) -> None:
    rig.transport.latency = 5.0
    waiting = [asyncio.create_task(rig.session.token()) for _ in range(3)]
    await _pass(1.0)
    await rig.session.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [ConfigurationError] * 3
    assert "closed" in str(results[0])
    assert rig.transport.closed == 1


async def test_a_cancelled_task_stays_cancelled_when_the_client_closes(rig: Rig) -> None:
    rig.transport.latency = 5.0
    waiting = asyncio.create_task(rig.session.token())
    await _pass(1.0)
    closing = asyncio.create_task(rig.session.close())
    await _pass(0.0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await closing


async def test_a_cancelled_close_still_closes_the_transport(rig: Rig) -> None:
    await rig.session.token()

    async def close() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        await rig.session.close()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(close())
    await _pass(0.0)
    assert rig.transport.closed == 1
    assert not _others()


async def test_closing_ends_a_call_that_waits_for_a_retry(sandbox: Sandbox, dollr: DollrClient) -> None:
    await dollr.parties.list()
    sandbox.fail("list_parties", 503, times=None)
    calling = asyncio.create_task(dollr.parties.list())
    while len(sandbox.requests_to("list_parties")) < 2:
        await _pass(0.01)
    await _pass(0.01)
    await dollr.close()
    with pytest.raises(ConfigurationError, match="this DollrClient is closed: make a new one"):
        await calling


async def test_closing_ends_a_call_that_waits_for_its_answer(sandbox: Sandbox, dollr: DollrClient) -> None:
    await dollr.parties.list()
    sandbox.fail("list_parties", "hang")
    calling = asyncio.create_task(dollr.parties.list())
    await _pass(1.0)
    await dollr.close()
    with pytest.raises(DollrError):
        await calling


async def test_using_a_closed_client_is_an_error(sandbox: Sandbox, dollr: DollrClient) -> None:
    await dollr.close()
    with pytest.raises(ConfigurationError, match="this DollrClient is closed: make a new one"):
        await dollr.parties.list()
    with pytest.raises(ConfigurationError, match="closed"):
        async with dollr:
            pass
    assert sandbox.requests == []


async def test_a_token_that_arrives_after_closing_is_not_kept(rig: Rig) -> None:
    closing: list[asyncio.Task[None]] = []

    async def late() -> RawAnswer:
        closing.append(asyncio.create_task(rig.session.close()))
        return raw(200, {"access_token": jwt(9), "expires_in": 60})

    rig.transport.token_answers(late)
    await rig.session.token()
    await asyncio.gather(*closing)
    assert not _others()


# Event loops


def _in_a_loop(work: Callable[[], object], *, keep: bool = False) -> asyncio.AbstractEventLoop:
    loop = virtual_loop()
    loop.run_until_complete(work())  # type: ignore[arg-type] # a coroutine function of no arguments
    if not keep:
        loop.close()
    return loop


async def _settle() -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0.01)


def test_a_second_event_loop_is_refused_while_the_first_is_open() -> None:
    dollr = DollrClient("id", "secret", base_url="http://127.0.0.1:9")

    async def open_it() -> None:
        await dollr.__aenter__()

    async def use_it() -> None:
        with pytest.raises(ConfigurationError, match="another event loop: make one client in each loop"):
            await dollr.parties.list()
        with pytest.raises(ConfigurationError, match="another event loop: close it there"):
            await dollr.close()

    first = _in_a_loop(open_it, keep=True)
    _in_a_loop(use_it)
    first.run_until_complete(dollr.close())
    first.close()


def test_a_second_event_loop_may_only_close_after_the_first_is_closed() -> None:
    dollr = DollrClient("id", "secret", base_url="http://127.0.0.1:9", retry=RetryPolicy(attempts=1))

    async def open_it() -> None:
        with pytest.raises(ConnectError):
            await dollr.parties.list()
        await _settle()

    async def use_it() -> None:
        with pytest.raises(ConfigurationError, match="another event loop: make one client in each loop"):
            await dollr.parties.list()
        await dollr.close()

    _in_a_loop(open_it)
    _in_a_loop(use_it)


def test_a_client_can_be_closed_after_its_event_loop_is_closed() -> None:
    rig = Rig()

    async def open_it() -> None:
        await rig.session.token()

    loop = _in_a_loop(open_it, keep=True)
    left = asyncio.all_tasks(loop)
    assert len(left) == 1
    loop.close()
    _in_a_loop(rig.session.close)
    assert rig.transport.closed == 1
    for task in left:
        task._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio would log an error, rightly


# The caller's own session


async def test_a_given_session_is_used_and_stays_open(sandbox: Sandbox) -> None:
    defaults = {"Authorization": "Basic theirs", "Content-Type": "text/plain", "Accept": "text/html"}
    async with aiohttp.ClientSession(headers=defaults, raise_for_status=True) as session:
        async with DollrClient(**sandbox.settings, session=session) as dollr:
            await dollr.parties.list()
            sandbox.fail("list_parties", 422)
            with pytest.raises(DollrError, match="was answered 422"):
                await dollr.parties.list()
        assert not session.closed
    assert sandbox.requests[0].headers["Content-Type"] == "application/json"


async def test_a_given_session_that_is_closed_is_an_error_and_nothing_is_sent(sandbox: Sandbox) -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with DollrClient(**sandbox.settings, session=session) as dollr:
        with pytest.raises(ConfigurationError, match="keep it open while the client is used") as caught:
            await dollr.parties.list()
    assert caught.value.nothing_sent
    assert sandbox.requests == []


# Context variables


async def test_the_refresh_of_the_token_keeps_no_context_variable_of_the_first_request(rig: Rig) -> None:
    kept = await asyncio.create_task(in_a_context(rig.session.token))
    await _pass(60.0)
    assert [task.get_name() for task in _others()] == ["dollr_async token refresh"]
    assert kept() is None
    await _pass(2 * _HOUR)
    assert len(rig.transport.token_requests) == 3
