"""A few payments of what `python -m tests.proof.outcomes` does with hundreds, in real time and real processes."""

from __future__ import annotations

import pytest

from tests.proof.outcomes import HOWS, run
from tests.support.postgres import require_postgres

pytestmark = [pytest.mark.real_time, pytest.mark.full(reason="it starts processes, and waits for their leases")]


@pytest.mark.parametrize("how", HOWS)
async def test_each_outcome_takes_effect_once_with_sqlite(how: str) -> None:
    result = await run("sqlite", how, payments=60)
    assert result.is_right, result.line()


@pytest.mark.parametrize("how", HOWS)
async def test_each_outcome_takes_effect_once_with_postgres(how: str) -> None:
    require_postgres()
    result = await run("postgres", how, payments=60)
    assert result.is_right, result.line()
