"""`dollr check`: what it prints, its exit codes, and the file that it writes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dollr_async.cli import commands as cli
from dollr_async.sandbox import Fault, Sandbox
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

Printed = pytest.CaptureFixture[str]
_TOKEN = "client_obtain_token"


async def check(*words: str) -> int:
    code = await cli.app.run_async(["check", *words], result_action="return_value")
    assert isinstance(code, int)
    return code


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(f"DOLLR_{name.upper()}", str(value))


async def test_a_check_says_what_works_in_four_lines(sandbox: Sandbox, capsys: Printed) -> None:
    assert await check() == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["Credentials", "Address", "Clock", "Latency"]
    assert "accepted; a token lives for 60 minutes" in out
    assert f"{sandbox.url} answers" in out
    assert err == ""
    assert {request.method for request in sandbox.requests[1:]} == {"GET"}


async def test_a_check_prints_one_json_object(sandbox: Sandbox, capsys: Printed) -> None:
    assert await check("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["credentials"], found["address"]) == ("accepted", sandbox.url)
    assert abs(found["clock_offset"]) < 2.0
    assert found["latency"] >= 0


@pytest.mark.parametrize(
    ("fault", "code", "error"),
    [
        (401, 1, "AuthenticationError"),
        (403, 1, "PermissionDeniedError"),
        (Fault.garbage(), 3, "DecodeError"),
        (404, 1, "NotFoundError"),
        (503, 3, "ServerError"),
        (429, 3, "RateLimitError"),
        ("drop", 3, "TransportError"),
    ],
    ids=str,
)
async def test_what_does_not_work_has_its_exit_code(
    fault: Fault | str | int, code: int, error: str, sandbox: Sandbox, capsys: Printed, tmp_path: Path
) -> None:
    sandbox.fail(_TOKEN, fault, times=None)
    assert await check("--json") == code
    assert json.loads(capsys.readouterr().out)["error"] == error
    file = tmp_path / "report.md"
    assert await check("--report", str(file)) == code
    assert capsys.readouterr().err.count("\n") == 1
    assert not file.exists()


async def test_without_a_connection_nothing_was_tried(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    monkeypatch.setenv("DOLLR_BASE_URL", "http://127.0.0.1:1")
    assert await check() == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("DOLLR_CLIENT_ID", "", "DOLLR_CLIENT_ID"),
        ("DOLLR_CLIENT_SECRET", "", "DOLLR_CLIENT_SECRET"),
        ("DOLLR_BASE_URL", "http://api.heydollr.app", "is not an https address"),
    ],
)
async def test_wrong_settings_are_refused_before_anything_is_sent(
    variable: str, value: str, message: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv(variable, value)
    assert await check() == 2
    assert message in capsys.readouterr().err
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--drafts",), "are for a report: add --report FILE"),
        (("--phone", "231771234567"), "are for a report: add --report FILE"),
        (("--report", "{}/missing/report.md"), "name a file in a directory that exists"),
        (("--report", "{}"), "name a file in a directory that exists"),
        (("--report", "{}/report.md", "--phone", "077"), "231771234567"),
    ],
    ids=str,
)
async def test_wrong_options_are_refused_before_anything_is_sent(
    words: tuple[str, ...], message: str, sandbox: Sandbox, capsys: Printed, tmp_path: Path
) -> None:
    assert await check(*(word.format(tmp_path) for word in words)) == 2
    assert message in capsys.readouterr().err
    assert sandbox.requests == []


async def test_a_report_is_written_to_its_file(sandbox: Sandbox, capsys: Printed, tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    assert await check("--report", str(file), "--phone", "+231 77 123 4567") == 0
    out = capsys.readouterr().out
    assert f"Report       {file}: " in out
    assert "0 differ from the sandbox" in out
    assert file.read_text().startswith("# What the API answers\n")
    assert await check("--report", str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["report"] == str(file)
    # One request of each report has no token on purpose. The others are checked against the contract after this test.
    sandbox.requests[:] = [sent for sent in sandbox.requests if "Authorization" in sent.headers]


_WITHOUT_THE_EXTRA = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"openapi_core", "yaml"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from dollr_async.__main__ import main
sys.argv[1:] = ["check", *sys.argv[1:]]
sys.exit(main())
"""


@pytest.mark.real_time  # another process runs in real time
async def test_only_a_report_needs_the_extra_and_says_what_to_install(sandbox: Sandbox, tmp_path: Path) -> None:
    async def run(*words: str) -> tuple[int | None, str, str]:
        command = [sys.executable, "-c", _WITHOUT_THE_EXTRA, *words]
        running = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await running.communicate()
        return running.returncode, out.decode(), err.decode()

    code, out, err = await run()
    assert (code, err) == (0, "")
    assert out.startswith("Credentials  accepted")
    sentence = "a report needs the extra check: python3 -m pip install 'dollr-async[cli,check]'\n"
    assert await run("--report", str(tmp_path / "report.md")) == (2, "", sentence)
