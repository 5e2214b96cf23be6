"""Fixtures for the tests of the sandbox itself: bare HTTP, no client, and requests that are wrong on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.sandbox import Sandbox
from tests.sandbox.merchant import Merchant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox import Quirks
    from tests.contract import Contract


@pytest.fixture
def quirks() -> Quirks | None:
    """Override this for a sandbox with quirks."""
    return None


@pytest.fixture
async def sandbox(quirks: Quirks | None) -> AsyncIterator[Sandbox]:
    """A running sandbox; no task may be left when it is closed."""
    async with Sandbox(quirks=quirks) as sandbox:
        yield sandbox
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"still running: {left}"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A bare session."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def anonymous(sandbox: Sandbox, http: aiohttp.ClientSession, contract: Contract) -> Merchant:
    """A caller without a token."""
    return Merchant(sandbox, http, contract)


@pytest.fixture
async def merchant(anonymous: Merchant) -> Merchant:
    """A caller with a token."""
    await anonymous.log_in()
    return anonymous
