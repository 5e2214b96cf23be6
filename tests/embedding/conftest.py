"""What the tests of the example shops and bots share. They run in real time: the sandbox has a thread of its own."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FRAMEWORKS = ("aiogram", "discord", "fastapi", "litestar", "quart", "starlette", "telegram")
_MISSING = [name for name in _FRAMEWORKS if find_spec(name) is None]
# `nox -s examples` has all frameworks, and the default session has none but aiohttp.
collect_ignore = [f"test_{name}.py" for name in (*_MISSING, *(["processes", "fastapi_page"] if _MISSING else []))]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an example in a directory of its own, since it makes its files where it runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)


@pytest.fixture
def load() -> Callable[[str], dict[str, Any]]:
    """Load an example afresh: its app keeps what one test did with it."""
    return lambda name: runpy.run_path(str(EXAMPLES / f"{name}.py"))
