"""A few payments of what `python -m tests.proof.queues` does with hundreds, in real time and real processes."""

from __future__ import annotations

import pytest

from tests.proof.queues import QUEUES, run
from tests.support.postgres import require_postgres

pytestmark = [pytest.mark.real_time, pytest.mark.full(reason="it starts processes, and waits for a sweep")]


@pytest.mark.parametrize("queue", QUEUES)
async def test_each_outcome_takes_effect_once(queue: str) -> None:
    require_postgres()
    result = await run(queue, payments=80, sweeps=True)
    assert result.is_right, result.line()
