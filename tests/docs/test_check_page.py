"""The page about `dollr check` shows what the command prints, and a report that was really written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dollr_async.checking.contract import Contract
from dollr_async.cli import commands as cli
from tests.checking.merchant import merchant, report_of
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import pytest

PAGE = (ROOT / "docs" / "guides" / "check.md").read_text()
QUIRKS = {"no_token_status": 403, "status_words": {"COMPLETED": "SUCCESSFUL"}}


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    return str(found)


def without_times(text: str) -> str:
    """Return a text without what is different at each run: the version, the date, times, and a sandbox's port."""
    text = re.sub(r"dollr-async \S+, \S+ \S+ UTC", "dollr-async", text)
    text = re.sub(r"[\d.]+ s (ahead of|behind)", "s beside", text)
    return re.sub(r"give or take [\d.]+ s|[\d.]+ ms|127\.0\.0\.1:\d+", "-", text)


async def test_the_page_shows_a_report_from_the_sandbox() -> None:
    async with merchant(**QUIRKS) as sandbox:
        report = await report_of(sandbox, Contract())
    assert without_times(block("markdown")) == without_times(report.text)


async def test_the_page_shows_what_the_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with merchant() as sandbox:
        for name, value in sandbox.settings.items():
            monkeypatch.setenv(f"DOLLR_{name.upper()}", str(value))
        assert await cli.app.run_async(["check"], result_action="return_value") == 0
    assert without_times(block("console")) == without_times(capsys.readouterr().out)
