"""The client as a whole: its settings, opening and closing, and the names that the package exports."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import dollr_async
from dollr_async import (
    CollectError,
    ConfigurationError,
    DollrClient,
    InvalidInputError,
    OutcomeUnknownError,
    PollPolicy,
    RetryPolicy,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Sandbox
from tests.conftest import virtual_loop
from tests.support.collections import REFERENCE, collect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_ID, _SECRET = "sandbox-client", "sandbox-secret"


# Settings


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        ({}, "DOLLR_CLIENT_ID"),
        ({"client_secret": _SECRET}, "DOLLR_CLIENT_ID"),
        ({"client_id": _ID}, "DOLLR_CLIENT_SECRET"),
        ({"client_id": "", "client_secret": _SECRET}, "DOLLR_CLIENT_ID"),
        ({"client_id": "  ", "client_secret": _SECRET}, "DOLLR_CLIENT_ID"),
        ({"client_id": _ID, "client_secret": ""}, "DOLLR_CLIENT_SECRET"),
        ({"client_id": 5, "client_secret": _SECRET}, "DOLLR_CLIENT_ID"),
    ],
)
def test_a_missing_credential_is_an_error_that_names_its_variable(arguments: dict[str, Any], variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        DollrClient(**arguments)


async def test_a_journal_reads_what_was_written_with_spaces_around_the_secret(sandbox: Sandbox) -> None:
    journal = MemoryJournal()
    for secret in (f"{sandbox.client_secret}\n", sandbox.client_secret):
        async with DollrClient(sandbox.client_id, secret, base_url=sandbox.url, journal=journal) as dollr:
            await collect(dollr, reference_id=REFERENCE)
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.heydollr.app",
        "api.heydollr.app",
        "ftp://api.heydollr.app",
        "https://",
        "https://user:password@api.heydollr.app",
        "https://api.heydollr.app?x=1",
        "https://api.heydollr.app:port",
    ],
)
def test_a_base_url_must_be_plain_and_https(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DollrClient(_ID, _SECRET, base_url=base_url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", "http://localhost:1/", "https://dollr.example/api"])
def test_http_is_allowed_on_loopback(base_url: str) -> None:
    DollrClient(_ID, _SECRET, base_url=base_url)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "30", None, True, 10**400])
def test_a_timeout_must_be_a_number_of_seconds(timeout: Any) -> None:  # noqa: ANN401 - the refused forms
    with pytest.raises(InvalidInputError, match="timeout must be a number of seconds above 0"):
        DollrClient(_ID, _SECRET, timeout=timeout)


@pytest.mark.parametrize("recovery", [0, 29.9, 30.0])
def test_recovery_must_exceed_not_found_grace(recovery: float) -> None:
    with pytest.raises(InvalidInputError, match="must be longer than"):
        DollrClient(_ID, _SECRET, retry=RetryPolicy(recovery=recovery))


def test_a_short_recovery_is_allowed_with_a_shorter_not_found_grace() -> None:
    DollrClient(_ID, _SECRET, retry=RetryPolicy(recovery=1), polling=PollPolicy(not_found_grace=0))


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"base_delay": -1}, {"max_delay": "8"}, {"max_retry_after": None}, {"recovery": -1}]
)
def test_a_retry_policy_refuses_invalid_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        RetryPolicy(**wrong)


async def test_settings_come_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOLLR_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("DOLLR_CLIENT_SECRET", sandbox.client_secret)
    monkeypatch.setenv("DOLLR_BASE_URL", sandbox.url + "/")
    async with DollrClient() as dollr:
        assert await dollr.parties.list() == ()


async def test_an_argument_wins_over_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOLLR_CLIENT_ID", "DOLLR_CLIENT_SECRET"):
        monkeypatch.setenv(name, "wrong")
    monkeypatch.setenv("DOLLR_BASE_URL", "https://nowhere.invalid")
    async with DollrClient(**sandbox.settings) as dollr:
        assert await dollr.parties.list() == ()


def test_the_secret_is_never_shown() -> None:
    dollr = DollrClient(_ID, "a-very-secret-word")
    assert "a-very-secret-word" not in repr(dollr) + repr(vars(dollr)) + repr(vars(dollr._session))


# Opening and closing

_USES: dict[str, Callable[[DollrClient], Awaitable[object]]] = {
    "an operation": lambda dollr: dollr.parties.list(),
    "collect": collect,
    "wait": lambda dollr: dollr.wait(REFERENCE),
    "watch": lambda dollr: anext(dollr.watch(REFERENCE)),
    "async with": lambda dollr: dollr.__aenter__(),
}


@pytest.mark.parametrize("use", _USES.values(), ids=_USES)
async def test_every_use_of_a_closed_client_is_an_error(
    sandbox: Sandbox, use: Callable[[DollrClient], Awaitable[object]]
) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        await dollr.parties.list()
    sandbox.requests.clear()
    with pytest.raises(ConfigurationError, match="this DollrClient is closed: make a new one"):
        await use(dollr)
    assert sandbox.requests == []


async def test_closing_twice_or_unopened_is_fine(sandbox: Sandbox) -> None:
    unopened = DollrClient(**sandbox.settings)
    await unopened.close()
    await unopened.close()
    async with DollrClient(**sandbox.settings) as dollr:
        await dollr.parties.list()
        await dollr.close()
    await dollr.close()


async def test_a_client_opens_at_its_first_use(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        assert sandbox.requests == []
        await dollr.parties.list()
        assert (sandbox.tokens_issued, len(sandbox.requests)) == (1, 2)


async def test_the_callers_session_is_used_and_never_closed(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession(headers={"User-Agent": "shop/1"}) as session:
        async with DollrClient(**sandbox.settings, session=session) as dollr:
            await collect(dollr)
        assert not session.closed
    assert {request.headers["User-Agent"] for request in sandbox.requests} == {"shop/1"}


@pytest.fixture
def loops() -> Iterator[list[asyncio.AbstractEventLoop]]:
    """Two event loops for the tests that use both."""
    loops = [virtual_loop(), virtual_loop()]
    yield loops
    for loop in loops:
        loop.close()


@pytest.mark.parametrize("use", _USES.values(), ids=_USES)
def test_a_second_loop_is_refused_while_the_first_is_open(
    loops: list[asyncio.AbstractEventLoop], use: Callable[[DollrClient], Awaitable[object]]
) -> None:
    first, second = loops
    sandbox = first.run_until_complete(Sandbox().start())
    dollr = DollrClient(**sandbox.settings)
    first.run_until_complete(dollr.parties.list())
    with pytest.raises(ConfigurationError, match="make one client in each loop"):
        second.run_until_complete(_awaited(use(dollr)))
    with pytest.raises(ConfigurationError, match="close it there"):
        second.run_until_complete(dollr.close())
    first.run_until_complete(dollr.close())
    first.run_until_complete(sandbox.close())


async def _awaited(work: Awaitable[object]) -> object:
    return await work


def test_a_client_is_created_without_a_loop_and_used_in_one(loops: list[asyncio.AbstractEventLoop]) -> None:
    loop, _ = loops
    sandbox = Sandbox()
    loop.run_until_complete(sandbox.start())
    dollr = DollrClient(**sandbox.settings)
    collection = loop.run_until_complete(collect(dollr))
    assert loop.run_until_complete(collection.wait()).status == "COMPLETED"
    loop.run_until_complete(dollr.close())
    loop.run_until_complete(sandbox.close())


async def test_a_thousand_calls_at_once_share_one_token(sandbox: Sandbox, dollr: DollrClient) -> None:
    await asyncio.gather(*(dollr.parties.list() for _ in range(300)))
    assert sandbox.tokens_issued == 1
    sandbox.revoke_tokens()
    await asyncio.gather(*(dollr.parties.list() for _ in range(300)))
    assert sandbox.tokens_issued == 2


# The package


def test_the_exported_names_are_sorted_and_complete() -> None:
    shown = dollr_async.__all__
    assert list(shown) == sorted(shown)
    assert len(set(shown)) == len(shown)
    named = {name for name, value in vars(dollr_async).items() if isinstance(value, type)}
    assert {*named, "__version__"} == set(shown)


@pytest.mark.parametrize("name", dollr_async.__all__)
def test_every_exported_name_is_documented(name: str) -> None:
    assert getattr(dollr_async, name).__doc__


async def test_errors_of_a_collection_can_cross_a_process_boundary(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("publish_invoice", 403)
    with pytest.raises(CollectError) as stopped:
        await collect(dollr)
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 500, times=None)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await collect(dollr)
    for error in (stopped.value, unknown.value):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert (type(again), str(again)) == (type(error), str(error))
        assert (again.reference_id, again.progress) == (error.reference_id, error.progress)
