"""A schema of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.postgres import own_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def schema() -> Iterator[str]:
    """Give the name of a schema; the tests skip where there is no server."""
    with own_schema() as name:
        yield name
