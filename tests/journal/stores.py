"""The journals that the contract tests open, each on a clock that the tests set."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dollr_async.journal import MemoryJournal, SQLiteJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class SetClock(SQLiteJournal):
    """A journal on a clock that the test sets."""

    time = 1000.0

    @staticmethod
    def _now() -> float:
        return SetClock.time

    @staticmethod
    def _time_of_day() -> float:
        return SetClock.time


class MemoryStore:
    """A contract over a journal in memory."""

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[MemoryJournal]:
        yield MemoryJournal()


class SQLiteStore:
    """A contract over a file."""

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "payments.db"

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[SQLiteJournal]:
        async with SetClock(self.path) as journal:
            yield journal

    @asynccontextmanager
    async def another(self, journal: object) -> AsyncIterator[SQLiteJournal]:
        async with SetClock(self.path) as other:
            yield other

    async def pass_time(self, seconds: float) -> None:
        SetClock.time += seconds
