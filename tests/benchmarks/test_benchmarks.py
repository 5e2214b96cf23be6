"""The benchmarks run, at a small scale; the tests do not judge what they measure."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import SECTIONS
from benchmarks.cold_start import MOMENTS
from benchmarks.following.workload import Workload, count_polls
from benchmarks.harness.stub_answers import ANSWERS, COMPLETED, REFERENCE, STATUS
from benchmarks.observing import observers
from dollr_async import PollPolicy
from tests.support.paths import ROOT
from tests.support.postgres import CONNINFO, require_postgres

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract import Contract

SMALL = [
    *("--rounds=1", "--times=20", "--at-once", "1", "2", "--payments=5", "--interval=0.05", "--pairs=1"),
    *("--spread=0.2", "--watchers=3", "--pushed=2", "--push-seconds=0.1"),
]
EVERY_TWO = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.1)


@pytest.mark.full(reason="it starts some twenty processes")
def test_every_benchmark_runs_and_fills_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.inc"
    require_postgres()
    command = [sys.executable, "-m", "benchmarks", *SMALL, f"--postgres={CONNINFO}", f"--page={page}"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True)
    parts = page.read_text().split("## ")[1:]
    assert [part.partition("\n")[0] for part in parts] == [title for title, _ in SECTIONS.values()]
    assert all("dollr" in part or "Python" in part or "outcomes" in part for part in parts)


@pytest.mark.full(reason="it starts a server in another process")
def test_the_benchmark_of_observers_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.observing", "--rounds=1", "--at-once=2"]
    ran = subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True, text=True)
    assert [line.split("|")[1].strip() for line in ran.stdout.splitlines()[2:]] == [*observers()]


@pytest.mark.full(reason="it starts a server and three processes that follow")
def test_the_benchmark_of_very_many_open_payments_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.following.very_many_open_payments"]
    command += ["--payments=20", "--interval=0.1", "--warm-up=0.3", "--seconds=1"]
    ran = subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True, text=True)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ran.stdout.splitlines()[2:]]
    assert [row[0].partition(" ")[0] for row in rows] == ["by", "dollr.watch_many()", "dollr.watch_many(),"]
    assert all(float(row[1].removesuffix(" ms")) >= 0.0 for row in rows)


@pytest.mark.full(reason="it starts a server and three ways to follow, each in another process")
def test_the_benchmark_of_engines_runs() -> None:
    require_postgres()
    command = [sys.executable, "-m", "benchmarks.following.engines", f"--url={CONNINFO}"]
    command += ["--payments=20", "--seconds=1", "--warm-up=0.5"]
    ran = subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True, text=True)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ran.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["watch_many", "outcomes", "procrastinate"]
    assert all(int(row[2]) for row in rows)


@pytest.mark.full(reason="it starts a server and two workers, each in another process")
def test_the_benchmark_of_a_fleet_runs() -> None:
    require_postgres()
    command = [sys.executable, "-m", "benchmarks.following.open_payments_of_a_fleet", f"--url={CONNINFO}"]
    command += ["--payments=20", "--interval=0.5", "--rest=4", "--settling=1"]
    ran = subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True, text=True)
    assert [line.split("  ")[0] for line in ran.stdout.splitlines()[1:3]] == ["at rest", "settling"]


@pytest.mark.full(reason="it starts a server and a process for each moment")
def test_the_benchmark_of_cold_starts_runs() -> None:
    options = ("--rounds=1", "--round-trip=0.01", "--silence=0.1")
    command = [sys.executable, "-m", "benchmarks.cold_start", *options]
    ran = subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True, text=True)
    assert [line.split("|")[1].strip() for line in ran.stdout.splitlines()[2:]] == [*MOMENTS.values()]


def test_the_documentation_shows_the_last_run() -> None:
    titles = re.findall(r"^## (.*)$", (ROOT / "docs" / "benchmarks_last.inc").read_text(), flags=re.MULTILINE)
    assert titles == [title for title, _ in SECTIONS.values()]


@pytest.mark.parametrize("target", ANSWERS)
def test_the_stub_answers_as_the_contract_says(target: str, contract: Contract) -> None:
    method, path = target.split()
    path = f"{path}/{REFERENCE}" if path.endswith("status/collection") else path
    contract.check_answer(method, path, status=200, content=ANSWERS[target], content_type="application/json")


def test_the_stub_answers_a_final_status_as_the_contract_says(contract: Contract) -> None:
    method, path = STATUS.split()
    path = f"{path}/{REFERENCE}"
    contract.check_answer(method, path, status=200, content=COMPLETED, content_type="application/json")


def test_a_workload_is_repeatable_and_its_references_say_when_they_settle() -> None:
    workload, again = Workload(50, seed=3), Workload(50, seed=3)
    assert (workload.arrivals, workload.settles) == (again.arrivals, again.settles)
    lives = [end - at for at, end in zip(workload.arrivals, workload.settles, strict=True)]
    assert 30.0 <= min(lives) < 40.0
    assert 110.0 < max(lives) <= 120.0
    references = [workload.reference(number) for number in range(50)]
    assert {reference.version for reference in references} == {4}
    settles = [int(str(reference)[-12:], 16) / 1000.0 for reference in references]
    assert settles == pytest.approx(workload.settles, abs=0.001)
    for reference in references:
        workload.reported_final(reference)
    assert workload.ended == 50


@pytest.mark.parametrize(
    ("moments", "missed"),
    [
        ([0.0, 2.2, 4.0, 6.1], 0),
        ([1.7, 3.7], 0),
        ([0.0, 3.5], 0),
        ([0.0, 3.7], 1),
        ([0.0, 5.5], 2),
        ([1.9], 1),
        ([0.0, 3.7, 7.4], 2),
    ],
)
def test_a_poll_is_missed_when_the_next_one_would_have_been_due(moments: list[float], missed: int) -> None:
    found = count_polls({0: [10.0 + at for at in moments]}, [10.0], EVERY_TWO)
    assert found == (len(moments), missed)
    assert found.share == len(moments) / (len(moments) + missed)


def test_polls_of_an_old_payment_are_due_rarely_and_a_payment_that_is_never_polled_is_missed() -> None:
    policy = PollPolicy(jitter=0.0)
    assert count_polls({0: [0.0, 2.0, 4.5, 60.0, 69.0]}, [0.0], policy).missed == int((60.0 - 4.5 - 3.125) / 3.125)
    assert count_polls({1: [3.0]}, [0.0, 3.0], policy) == (1, 1)
