"""The page that builds a shop with FastAPI: its tests pass, and are as short as it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.docs.test_pages import WITH_FASTAPI, files_of
from tests.testing.programs import run_pytest

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tests_of_the_page_about_fastapi_pass(tmp_path: Path) -> None:
    files = files_of(WITH_FASTAPI)
    assert files.keys() == {"shop", "test_shop"}
    ran = run_pytest(tmp_path, files["test_shop"], shop=files["shop"])
    assert ran.counts.get("passed") == 8, ran.out
    assert "failed" not in ran.counts


def test_each_test_of_that_page_has_at_most_ten_lines() -> None:
    tests = re.findall(
        r"^def test_\w+\(.*\n((?:    .*\n|\n(?=    ))+)", files_of(WITH_FASTAPI)["test_shop"], re.MULTILINE
    )
    assert len(tests) == 7
    assert max(len(body.splitlines()) for body in tests) <= 10
