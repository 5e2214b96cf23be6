"""What a client takes along from the program around it: no context of a caller, and no stray spaces of a secret."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from dollr_async import ConfigurationError, DollrClient
from tests.support.collections import collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from dollr_async.sandbox import Sandbox

_REQUEST: contextvars.ContextVar[object] = contextvars.ContextVar("request")


@asynccontextmanager
async def _client_that_shows_contexts(sandbox: Sandbox) -> AsyncIterator[tuple[DollrClient, list[tuple[str, object]]]]:
    """Give a client, and for each of its requests the path and what its task has in its context."""
    seen: list[tuple[str, object]] = []

    async def look(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        seen.append((request.url.path.rpartition("/v1/")[2], _REQUEST.get(None)))
        return await handler(request)

    async with ClientSession(middlewares=[look]) as session, DollrClient(**sandbox.settings, session=session) as dollr:
        yield dollr, seen


async def test_the_token_keeps_nothing_of_the_first_request(sandbox: Sandbox) -> None:
    sandbox.set_token_lifetime(4.0)
    async with _client_that_shows_contexts(sandbox) as (dollr, seen):
        _REQUEST.set("the first request")
        await dollr.fees.tiers()
        await asyncio.sleep(200)
        await dollr.fees.tiers()  # the token is old by now, so it is refreshed in the background
        await asyncio.sleep(60)
    assert ("fees/tiers", "the first request") in seen
    assert {context for path, context in seen if path == "jwt/client/obtain/token"} == {None}
    assert sum(path == "jwt/client/obtain/token" for path, _ in seen) >= 2


async def test_polls_that_are_shared_keep_nothing_of_the_caller_that_started_them(sandbox: Sandbox) -> None:
    async with _client_that_shows_contexts(sandbox) as (dollr, seen):
        _REQUEST.set("the first request")
        await (await collect(dollr)).wait()
    assert ("executions/collection", "the first request") in seen
    polls = [context for path, context in seen if path.startswith("status/collection/")]
    assert len(polls) > 1
    assert set(polls) == {None}


@pytest.mark.parametrize("space", ["\n", "\r\n", " ", "\t"])
async def test_spaces_around_credentials_are_no_part_of_them(sandbox: Sandbox, space: str) -> None:
    settings: dict[str, Any] = {**sandbox.settings, "client_id": f" {sandbox.client_id}{space}"}
    settings["client_secret"] = f"{space}{sandbox.client_secret}{space}"
    async with DollrClient(**settings) as dollr:
        await dollr.fees.tiers()


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_a_control_character_inside_a_credential_is_refused(name: str) -> None:
    settings: dict[str, Any] = {"client_id": "id", "client_secret": "secret", name: "s3cr\net"}
    with pytest.raises(ConfigurationError, match=f"{name} has a control character inside: copy it from the portal"):
        DollrClient(**settings)
