"""A request that went to a wrong place, or whose answer is none of the API's: the error says where, and what came."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from dollr_async import APIStatusError, ConfigurationError, DecodeError, DollrClient, NotFoundError, RetryPolicy
from dollr_async.sandbox import Fault, Sandbox
from tests.support.raw_server import RawServer, answer


async def test_a_page_in_place_of_json_is_told_with_its_call_status_and_type(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    sandbox.fail("fees_tiers", Fault.garbage())
    with pytest.raises(DecodeError) as caught:
        await dollr.fees.tiers()
    assert str(caught.value) == (
        "GET /v1/fees/tiers was answered 200 with text/html: the answer is not readable JSON (DecodeError); "
        "check that base_url is the API's own address, and that no proxy answers in its place"
    )


@pytest.mark.parametrize(("body", "kind"), [(b"OK", "text/plain"), (b"[1", "application/json"), (b"\xff", "a/b")])
async def test_any_answer_that_is_no_json_is_told_so(
    sandbox: Sandbox, dollr: DollrClient, body: bytes, kind: str
) -> None:
    sandbox.fail("fees_tiers", Fault.garbage(body, kind))
    with pytest.raises(DecodeError, match=f"GET /v1/fees/tiers was answered 200 with {kind}: the answer is not"):
        await dollr.fees.tiers()


async def test_an_empty_body_in_place_of_an_object_is_told_so(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("retrieve_parties", Fault.answer(200, b"\n", headers={"Content-Type": "text/html"}))
    said = (
        "GET /v1/parties/retrieve/7 was answered 200 with an empty body: the answer does not have the documented shape"
    )
    with pytest.raises(DecodeError, match=said) as caught:
        await dollr.parties.retrieve(7)
    assert "check that base_url is the API's own address" in str(caught.value)


async def test_another_shape_of_an_answer_is_told_with_its_call(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("retrieve_parties", Fault.answer(200, {"id": 7, "status": "NEW"}))
    with pytest.raises(DecodeError) as caught:
        await dollr.parties.retrieve(7)
    assert str(caught.value) == (
        "GET /v1/parties/retrieve/7 was answered 200 with application/json: "
        "the answer does not have the documented shape: a required field is missing at fullname"
    )
    assert (caught.value.path, caught.value.status) == ("fullname", "NEW")


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://www.example/v1/x?token=1#there", "https://www.example/v1/x"),
        ("//www.example/v1/x#there", "http://www.example/v1/x"),
        ("/login", "{}/login"),
        ("other?a=1", "{}/v1/parties/other"),
        ("https://user:word@www.example:8443/x", "https://www.example:8443/x"),
        ("https://www.example/Amara", "https://www.example/***"),
    ],
)
async def test_a_redirect_of_any_form_is_shown(sandbox: Sandbox, dollr: DollrClient, location: str, shown: str) -> None:
    sandbox.fail("list_parties", Fault.redirect(location, 308))
    with pytest.raises(APIStatusError) as caught:
        await dollr.parties.list(fullname="Amara")
    assert f"which redirects to {shown.format(sandbox.url)}: set base_url" in str(caught.value)


@pytest.mark.parametrize("location", ["", "https://[x"])
async def test_a_redirect_that_leads_nowhere_shows_what_was_asked(
    sandbox: Sandbox, dollr: DollrClient, location: str
) -> None:
    sandbox.fail("list_parties", Fault.redirect(location, 301))
    with pytest.raises(APIStatusError) as caught:
        await dollr.parties.list()
    assert (
        str(caught.value) == f"GET /v1/parties/list was answered 301: the request went to {sandbox.url}/v1/parties/list"
    )


@pytest.mark.parametrize("status", [400, 403, 404, 405, 502])
async def test_a_base_url_with_a_path_shows_the_address_that_was_asked(status: int) -> None:
    once = RetryPolicy(attempts=1)
    async with (
        RawServer(answer(status, b"<html>")) as server,
        DollrClient("id", "secret", base_url=f"{server.url}/dollr/", retry=once) as dollr,
    ):
        with pytest.raises(APIStatusError) as caught:
            await dollr.parties.list(fullname="Amara")
    asked = f"{server.url}/dollr/v1/jwt/client/obtain/token"
    assert str(caught.value) == f"POST /v1/jwt/client/obtain/token was answered {status}: the request went to {asked}"
    assert caught.value.path == "/v1/jwt/client/obtain/token"


async def test_a_base_url_with_the_version_shows_the_address_that_was_asked() -> None:
    async with Sandbox() as sandbox:  # one whose requests are not held against the contract
        settings: dict[str, Any] = {**sandbox.settings, "base_url": f"{sandbox.url}/v1"}
        async with DollrClient(**settings) as dollr:
            with pytest.raises(NotFoundError) as caught:
                await dollr.parties.list(fullname="Amara")
    assert f"the request went to {sandbox.url}/v1/v1/jwt/client/obtain/token" in str(caught.value)


async def test_a_redirect_shows_where_it_leads_without_its_query(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("list_parties", Fault.redirect("https://www.dollr.example/v1/parties/list?fullname=Amara", 301))
    with pytest.raises(APIStatusError) as caught:
        await dollr.parties.list(fullname="Amara")
    assert str(caught.value) == (
        f"GET /v1/parties/list was answered 301: the request went to {sandbox.url}/v1/parties/list, which redirects to "
        "https://www.dollr.example/v1/parties/list: set base_url to the API's own address"
    )
    assert caught.value.path == "/v1/parties/list"


async def test_an_ordinary_404_says_no_more_than_the_api(dollr: DollrClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        await dollr.parties.retrieve(7)
    assert str(caught.value) == "GET /v1/parties/retrieve/7 was answered 404: Party not found"


def test_a_session_of_another_loop_is_refused_at_once(sandbox: Sandbox) -> None:
    async def make() -> ClientSession:
        return ClientSession()

    async def use(session: ClientSession) -> None:
        async with DollrClient(**sandbox.settings, session=session) as dollr:
            with pytest.raises(ConfigurationError, match="belongs to another event loop: make the session inside"):
                await dollr.fees.tiers()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        session = first.run(make())
        second.run(use(session))
        first.run(session.close())
    assert not sandbox.requests
