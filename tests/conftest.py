"""What all tests share: virtual time, a sandbox whose requests are checked against the contract, and its client."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import TYPE_CHECKING

import hypothesis
import looptime
import pytest

from dollr_async import DollrClient
from dollr_async.sandbox import Sandbox
from tests.contract import the_contract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.contract import Contract

_END_OF_TIME = 1_000_000.0
"""Virtual seconds after which a test fails, since it would never end."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full(reason): the test takes long, so `nox -s tests_rest` runs it; it says why")
    config.addinivalue_line("markers", "real_time: the test runs in real time, on an ordinary event loop; it says why")
    # Otherwise Python 3.11 makes a loop when pytest asks for the one that was set before, and nothing closes it.
    asyncio.set_event_loop(None)
    # No deadline: a test that is slow on a busy machine is no failure of the code.
    hypothesis.settings.register_profile("no_deadline", deadline=None, database=None, derandomize=True)
    hypothesis.settings.load_profile("no_deadline")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every test a loop whose clock jumps over every wait, so hours pass in milliseconds."""
    if item.get_closest_marker("real_time"):
        return {"real": asyncio.new_event_loop}
    return {"virtual": virtual_loop}


def virtual_loop() -> asyncio.AbstractEventLoop:
    """Return a loop with a virtual clock that starts at zero."""
    loop = looptime.new_event_loop(start=0.0, end=_END_OF_TIME)
    # A runner gives the threads of a loop 300 seconds to end, which pass at once here.
    loop.shutdown_default_executor = partial(_join_threads, loop)  # type: ignore[method-assign]  # it is the point
    return loop


async def _join_threads(loop: asyncio.AbstractEventLoop, timeout: float | None = None) -> None:  # noqa: ASYNC109 - of the base class
    await type(loop).shutdown_default_executor(loop)


@pytest.fixture(autouse=True)
def no_credentials_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the credentials in the environment from the tests."""
    for name in ("DOLLR_CLIENT_ID", "DOLLR_CLIENT_SECRET", "DOLLR_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nothing_unclosed() -> Iterator[None]:
    """Collect garbage after each test, so that a warning about something unclosed fails the test that left it."""
    yield
    gc.collect(0)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The contract of the API."""
    return the_contract()


@pytest.fixture
async def sandbox(contract: Contract) -> AsyncIterator[Sandbox]:
    """A running sandbox; at the end no task may be left, and its requests are checked against the contract."""
    async with Sandbox() as sandbox:
        yield sandbox
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"still running: {left}"
    check_requests(sandbox, contract)


@pytest.fixture
async def dollr(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """A client of the sandbox."""
    async with DollrClient(**sandbox.settings) as dollr:
        yield dollr


def check_requests(sandbox: Sandbox, contract: Contract) -> None:
    """Check every request that a sandbox received against the contract."""
    for request in sandbox.requests:
        contract.check_request(
            request.method, request.path, query=request.query, headers=request.headers, content=request.content
        )
