"""The contract as a report reads it, once for all tests."""

from __future__ import annotations

import pytest

from dollr_async.checking.contract import Contract


@pytest.fixture(scope="session")
def checked_contract() -> Contract:
    return Contract()
