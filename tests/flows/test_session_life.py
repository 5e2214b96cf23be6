"""How long a session lives, by the API's own two times."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from dollr_async.flows.flow import session_life

_BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires_at", "created_at", "life"),
    [
        (_BEGAN + timedelta(minutes=30), _BEGAN, 1800.0),
        ((_BEGAN + timedelta(minutes=30)).astimezone(timezone(timedelta(hours=2))), _BEGAN, 1800.0),
        (_BEGAN, _BEGAN, math.inf),
        (_BEGAN - timedelta(minutes=1), _BEGAN, math.inf),
        (_BEGAN, None, math.inf),
    ],
)
def test_a_session_lives_as_long_as_its_two_times_say(
    expires_at: datetime, created_at: datetime | None, life: float
) -> None:
    # Two times that say nothing must never let a session be replaced.
    assert session_life(expires_at, created_at) == life
