"""A sample of what `python -m tests.proof.kill` does at every step: kill -9, restart, one movement."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.proof import kill
from tests.proof.events import EVENTS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")


_REST = pytest.param(3, marks=pytest.mark.full(reason="it is the same at more steps"))


@pytest.mark.parametrize("steps", [1, _REST])
def test_a_collection_that_is_killed_at_any_step_and_resumed_is_charged_once(steps: int) -> None:
    # Coverage would slow down every fork, and could record nothing of the processes that are killed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-W", "error", "-m", kill.__name__, "--quick", f"--sample={steps}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    kills = re.search(r"^(\d+) kills at \d+ sites in \d+ s: 0 violations$", done.stdout, flags=re.MULTILINE)
    assert kills is not None
    # A run may end before the step at which it should be killed; hardly all of them do.
    assert int(kills[1]) >= steps * len(EVENTS) * 2 // 3
