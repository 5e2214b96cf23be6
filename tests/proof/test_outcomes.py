"""A few payments of what `python -m tests.proof.outcomes` does with hundreds, in real time and real processes."""

from __future__ import annotations

import pytest

from tests.proof.outcomes import run
from tests.support.postgres import require_postgres

pytestmark = [pytest.mark.real_time, pytest.mark.full(reason="it starts processes, and waits for their leases")]


async def test_each_outcome_takes_effect_once_with_sqlite() -> None:
    result = await run("sqlite", "kill", payments=60)
    assert result.is_right, result.line()


async def test_each_outcome_takes_effect_once_with_postgres() -> None:
    require_postgres()
    result = await run("postgres", "kill", payments=60)
    assert result.is_right, result.line()
