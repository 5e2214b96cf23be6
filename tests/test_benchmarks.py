"""The benchmarks run, at a small scale; what is measured by them is no matter of tests."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import SECTIONS
from benchmarks.canned import ANSWERS, REFERENCE
from tests.documents import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract import Contract

SMALL = ["--rounds=1", "--times=20", "--at-once", "1", "2", "--payments=5", "--interval=0.05"]


def test_every_benchmark_runs_and_fills_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.inc"
    command = [sys.executable, "-m", "benchmarks", *SMALL, f"--page={page}"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True)
    parts = page.read_text().split("## ")[1:]
    assert [part.partition("\n")[0] for part in parts] == [title for title, _ in SECTIONS.values()]
    assert all("dollr" in part or "Python" in part or "journal" in part for part in parts)


def test_the_documentation_shows_the_last_run() -> None:
    titles = re.findall(r"^## (.*)$", (ROOT / "docs" / "benchmarks_last.inc").read_text(), flags=re.MULTILINE)
    assert titles == [title for title, _ in SECTIONS.values()]


@pytest.mark.parametrize("target", ANSWERS)
def test_the_stub_answers_as_the_contract_says(target: str, contract: Contract) -> None:
    method, path = target.split()
    path = f"{path}/{REFERENCE}" if path.endswith("status/collection") else path
    contract.check_answer(method, path, status=200, content=ANSWERS[target], content_type="application/json")
