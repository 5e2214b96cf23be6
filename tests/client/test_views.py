"""Views with other settings, the name of the program in the User-Agent, and `ready` at the start of a program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from dollr_async import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    DollrClient,
    InvalidInputError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault
from dollr_async.wire.transport import USER_AGENT
from tests.support.collections import REFERENCE, collect

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox


def now() -> float:
    return asyncio.get_running_loop().time()


# with_options


async def test_a_view_has_its_own_time_for_a_request(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(10.0, "invoices.list")
    began = now()
    with pytest.raises(RequestTimeoutError, match="5"):
        await dollr.with_options(timeout=5.0, retry=RetryPolicy(attempts=1)).invoices.list()
    assert now() - began == pytest.approx(5.0, abs=0.5)
    assert await dollr.invoices.list() == ()


async def test_a_view_has_its_own_retries(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("invoices.list", 503, times=4)
    with pytest.raises(ServerError):
        await dollr.with_options(retry=RetryPolicy(attempts=1)).invoices.list()
    assert len(sandbox.requests_to("invoices.list")) == 1
    assert await dollr.invoices.list() == ()
    assert len(sandbox.requests_to("invoices.list")) == 5


async def test_headers_are_added_and_views_stack(sandbox: Sandbox, dollr: DollrClient) -> None:
    view = dollr.with_options(headers={"X-Tenant": "7", "X-Trace": "a"})
    stacked = view.with_options(timeout=5.0, headers={"x-trace": "b", "user-agent": "mine/1"})
    for client in (view, stacked, dollr):
        await client.parties.list()
    first, second, plain = (request.headers for request in sandbox.requests_to("parties.list"))
    assert (first["X-Tenant"], first["X-Trace"], first["User-Agent"]) == ("7", "a", USER_AGENT)
    named = {name.lower(): value for name, value in second.items()}
    assert (named["x-tenant"], named["x-trace"], named["user-agent"]) == ("7", "b", "mine/1")
    assert not plain.keys() & {"X-Tenant", "X-Trace"}
    assert sandbox.tokens_issued == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": {"Authorization": "Bearer s3cr3t"}}, "the header Authorization is set by the client itself"),
        ({"headers": {"ACCEPT": "text/html"}}, "the header ACCEPT is set by the client itself"),
        ({"headers": {"content-type": "text/html"}}, "the header content-type is set by the client itself"),
        ({"headers": {"X Tenant": "7"}}, "'X Tenant' is not the name of a header"),
        ({"headers": {"X-Tenant": "s3cr3t\r\nX-Other: 1"}}, "the header X-Tenant must have one line of plain text"),
        ({"headers": {"X-Tenant": 7}}, "the header X-Tenant must have one line of plain text"),
        ({"headers": [("X-Tenant", "7")]}, "headers must be a dict"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "5"}, "timeout"),
        ({"retry": 3}, "retry must be a RetryPolicy"),
        ({"retry": RetryPolicy(recovery=20.0)}, "must be longer than PollPolicy.not_found_grace"),
    ],
)
async def test_what_a_view_cannot_have_is_refused(dollr: DollrClient, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        dollr.with_options(**options)
    assert "s3cr3t" not in str(caught.value)


async def test_a_collection_through_a_view_has_its_settings_and_its_handle_has_the_clients(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    view = dollr.with_options(headers={"X-Tenant": "7"})
    collection = await collect(view)
    chain = [request for request in sandbox.requests if request.operation != "client_obtain_token"]
    assert {request.headers.get("X-Tenant") for request in chain} == {"7"}
    seen = len(sandbox.requests)
    await collection.wait()
    await collection.receipt()
    later = sandbox.requests[seen:]
    assert len({request.operation for request in later}) >= 2, "polls, and the receipt"
    assert {request.headers.get("X-Tenant") for request in later} == {None}


async def test_a_lost_answer_through_a_view_is_one_charge(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("executions.collection", "lose_answer")
    collection = await collect(dollr.with_options(timeout=3.0), reference_id=REFERENCE)
    assert (await collection.wait()).status == "COMPLETED"
    assert len(sandbox.ledger) == 1


async def test_watches_of_views_share_one_poller(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr)
    views = [dollr, dollr.with_options(timeout=5.0), dollr.with_options(headers={"X-Tenant": "7"})]
    await asyncio.gather(*(view.wait(collection.reference_id) for view in views))
    polls = sandbox.requests_to("status.collection")
    assert len(polls) <= 4
    assert {request.headers.get("X-Tenant") for request in polls} == {None}


async def test_a_view_shares_the_journal(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        await collect(dollr.with_options(timeout=5.0))
        assert len([payment async for payment in dollr.unfinished()]) == 1


async def test_only_the_client_can_be_closed(sandbox: Sandbox) -> None:
    dollr = DollrClient(**sandbox.settings)
    async with dollr.with_options(timeout=5.0) as view:
        await view.parties.list()
    await view.close()
    assert await view.parties.list() == await dollr.parties.list() == ()
    await dollr.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await view.parties.list()


# app_info


@pytest.mark.parametrize(
    ("app_info", "added"), [(("shop", "1.2"), " shop/1.2"), (("my-bot", None), " my-bot"), (None, "")]
)
async def test_the_user_agent_names_the_program(
    sandbox: Sandbox, app_info: tuple[str, str | None] | None, added: str
) -> None:
    async with DollrClient(**sandbox.settings, app_info=app_info) as dollr:
        await dollr.parties.list()
    assert {request.headers["User-Agent"] for request in sandbox.requests} == {USER_AGENT + added}


async def test_a_session_of_the_callers_keeps_its_user_agent(sandbox: Sandbox) -> None:
    session = aiohttp.ClientSession(headers={"User-Agent": "theirs/3"})
    async with session, DollrClient(**sandbox.settings, session=session, app_info=("shop", "1.2")) as dollr:
        await dollr.parties.list()
    assert {request.headers["User-Agent"] for request in sandbox.requests} == {"theirs/3"}


@pytest.mark.parametrize(
    "app_info", ["shop", ("shop",), ("shop", "1", "2"), ("", "1"), (None, "1"), ("my shop", "1"), ("shop", "1\r\nX: y")]
)
def test_a_name_that_no_user_agent_can_have_is_refused(app_info: Any) -> None:  # noqa: ANN401 - the refused forms
    with pytest.raises(InvalidInputError, match=r'app_info=\("shop", "1\.2"\)'):
        DollrClient("id", "secret", app_info=app_info)


# ready


def connections(sandbox: Sandbox) -> int:
    assert sandbox._server._web is not None
    return len(sandbox._server._web.connections)


async def test_ready_fetches_the_token_and_opens_two_connections_once(sandbox: Sandbox, dollr: DollrClient) -> None:
    await dollr.ready()
    assert (sandbox.tokens_issued, connections(sandbox)) == (1, 2)
    asked = [(request.method, request.path, request.status) for request in sandbox.requests]
    assert asked == [("POST", "/v1/jwt/client/obtain/token", 200), ("GET", "/v1/fees/tiers", 200)]
    await dollr.ready()
    await dollr.with_options(timeout=5.0).ready()
    assert len(sandbox.requests) == 2
    await collect(dollr)
    assert (sandbox.tokens_issued, connections(sandbox)) == (1, 2)


async def test_ready_after_a_first_call_opens_nothing(sandbox: Sandbox, dollr: DollrClient) -> None:
    await dollr.parties.list()
    await dollr.ready()
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("fault", ["hang", "drop", 503, "garbage", Fault.latency(60.0)], ids=str)
async def test_a_failure_of_the_second_connection_is_ignored(
    sandbox: Sandbox, dollr: DollrClient, fault: Fault | str | int
) -> None:
    sandbox.fail("fees.tiers", fault)
    began = now()
    await dollr.ready()
    assert now() - began < 3.0
    assert sandbox.tokens_issued == 1


async def test_ready_leaves_a_session_of_the_callers_alone(sandbox: Sandbox) -> None:
    session = aiohttp.ClientSession()
    async with session, DollrClient(**sandbox.settings, session=session) as dollr:
        await dollr.ready()
    assert [request.path for request in sandbox.requests] == ["/v1/jwt/client/obtain/token"]


async def test_ready_says_that_the_credentials_are_wrong(sandbox: Sandbox) -> None:
    async with DollrClient(sandbox.client_id, "wrong", base_url=sandbox.url) as dollr:
        with pytest.raises(AuthenticationError):
            await dollr.ready()


async def test_ready_says_that_the_api_is_down_after_the_usual_retries(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("client_obtain_token", 503, times=None)
    with pytest.raises(ServerError):
        await dollr.ready()
    assert len(sandbox.requests_to("client_obtain_token")) == 4
    await sandbox.close()
    with pytest.raises(ConnectError):
        await dollr.ready()
