"""How far the two clocks are apart is known as exactly as all answers together say it."""

from __future__ import annotations

import random
from email.utils import formatdate

import pytest

from dollr_async.checking.timing import Timed, aware, clock_offset, latency


def _answers(offset: float, *, count: int = 20, slowest: float = 0.2) -> list[Timed]:
    """Return answers of a server whose clock is ahead, at random times."""
    times = random.Random(7)  # noqa: S311 - the same times at each run
    now, answers = 1_800_000_000.3, []
    for _ in range(count):
        sent = now + times.random()
        seconds = times.uniform(0.01, slowest)
        answers.append(Timed(sent, sent + seconds, formatdate(int(sent + seconds / 2 + offset), usegmt=True)))
        now = sent + seconds
    return answers


@pytest.mark.parametrize("offset", [0.0, 0.4, -0.7, 5.5, -37.25, 3600.0])
def test_the_offset_is_known_within_a_part_of_a_second(offset: float) -> None:
    found = clock_offset(_answers(offset))
    assert found is not None
    assert found.least <= offset <= found.most
    assert found.most - found.least < 0.5
    assert found.is_too_far is (abs(offset) > 5.0)
    where = "ahead of" if found.middle >= 0 else "behind"
    assert f"s {where} this machine's, give or take 0." in str(found)


def test_one_answer_gives_a_second_of_doubt_and_more_give_less() -> None:
    one, many = clock_offset(_answers(0.0, count=1)), clock_offset(_answers(0.0))
    assert one is not None
    assert many is not None
    assert one.most - one.least > 1.0 > many.most - many.least


def test_servers_whose_clocks_differ_give_a_range() -> None:
    found = clock_offset([Timed(100.0, 100.1, formatdate(100)), Timed(101.0, 101.1, formatdate(109))])
    assert found is not None
    assert found.least < found.middle < found.most


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Jan 2026", "1"])
def test_without_a_date_the_offset_is_not_known(date: str) -> None:
    assert clock_offset([Timed(1.0, 2.0, date)]) is None


def test_the_latency_is_the_median() -> None:
    assert latency([Timed(0.0, seconds, "") for seconds in (0.1, 0.2, 9.0)]) == pytest.approx(0.2)


def test_a_time_without_an_offset_is_utc() -> None:
    assert aware("2026-01-01T00:00:00") == aware("2026-01-01T00:00:00Z")
    assert aware(None) is None
