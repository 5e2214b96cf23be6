"""`dollr journal`: what it prints, its exit codes, and what it changes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from dollr_async.cli import commands as cli
from dollr_async.journal import SQLiteJournal
from dollr_async.testing.outcome_journal_contract import executed, handed_out

if TYPE_CHECKING:
    from pathlib import Path

Printed = pytest.CaptureFixture[str]


async def dollr(*words: str) -> int:
    code = await cli.app.run_async([*words], result_action="return_value")
    assert isinstance(code, int)
    return code


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payments.db"


async def test_a_copy_says_how_many_payments_it_copied(path: Path, capsys: Printed) -> None:
    async with SQLiteJournal(path) as journal:
        entry = await executed(journal)
    target = path.with_name("new.db")
    assert await dollr("journal", "copy", str(path), f"sqlite://{target}") == 0
    assert capsys.readouterr().out == f"Copied 1 payments to sqlite://{target}. {path} now refuses every change.\n"
    async with SQLiteJournal(target) as new:
        assert await new.read(entry.reference_id) == entry


async def test_a_payment_is_closed_by_hand(path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOLLR_JOURNAL", str(path))
    async with SQLiteJournal(path) as journal:
        entry = await executed(journal)
    words = ("journal", "close", str(entry.reference_id), "--as", "failed", "--reason", "not on the bill")
    assert await dollr(*words) == 0
    assert capsys.readouterr().out == f"Payment {entry.reference_id} is closed as FAILED.\n"
    async with SQLiteJournal(path) as journal:
        ended = await handed_out(journal)
        assert (ended.entry.outcome, ended.reason) == ("FAILED", "not on the bill")
    assert await dollr(*words) == 1
    assert "has ended as FAILED already" in capsys.readouterr().err


async def test_what_was_handled_before_a_date_is_deleted(path: Path, capsys: Printed) -> None:
    async with SQLiteJournal(path) as journal:
        await executed(journal, outcome="COMPLETED")
        await journal.mark_handled(await handed_out(journal))
    for date, count in (("2026-01-31", 0), ("9999-01-31T00:00+02:00", 1)):
        assert await dollr("journal", "purge", "--handled-before", date, "--journal", str(path), "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"deleted": count}


async def test_a_journal_that_cannot_be_opened_is_2(tmp_path: Path, capsys: Printed) -> None:
    for url in (str(tmp_path / "missing" / "payments.db"), "postgresql://nobody@127.0.0.1:1/none"):
        assert await dollr("journal", "purge", "--handled-before", "2026-01-31", "--journal", url) == 2
        assert ("does not exist" if "missing" in url else "cannot be reached") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("purge", "--handled-before", "yesterday", "--journal", "payments.db"),
            "is not a date: write it as in 2026-01-31",
        ),
        (("purge", "--handled-before", "2026-01-31"), "no journal is named: pass --journal URL"),
        (("copy", "redis://host", "new.db"), "is not the URL of a journal"),
        (("close", "7", "--as", "FAILED", "--reason", "x", "--journal", "payments.db"), "is not a version-4 UUID"),
    ],
)
async def test_what_is_not_valid_is_refused_with_2(
    words: tuple[str, ...], message: str, capsys: Printed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOLLR_JOURNAL", raising=False)
    assert await dollr("journal", *words) == 2
    assert message in capsys.readouterr().err
    assert await dollr("journal", *words, "--json") == 2
    assert message in json.loads(capsys.readouterr().out)["message"]
    assert not any(os.scandir(tmp_path)), "no journal was made"
