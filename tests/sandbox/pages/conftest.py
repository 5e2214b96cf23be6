"""Fixtures for the tests of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.pages.visitor import Visitor

if TYPE_CHECKING:
    import aiohttp

    from dollr_async.sandbox import Sandbox


@pytest.fixture
async def visitor(sandbox: Sandbox, http: aiohttp.ClientSession) -> Visitor:
    """A person who looks at the sandbox."""
    return Visitor(http, sandbox.url)
