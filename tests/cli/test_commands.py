"""The `dollr` command: its output for people and programs, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.base.version import VERSION
from dollr_async.cli import commands as cli
from dollr_async.cli import demo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
PHONE = "231770000001"
STEPS = ["party", "operator", "counterparty", "payment_account", "document", "items", "items", "publish", "session"]
DIRECT_STEPS = ["operator", "checkout", "session", "payment_account"]


class Dollr(subprocess.Popen[str]):
    """The command in its own process, with its output in pipes."""

    def __init__(self, *words: str) -> None:
        super().__init__(
            [sys.executable, "-X", "dev", "-m", "dollr_async", *words],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> str:
        assert self.stdout is not None
        return self.stdout.readline()

    def finish(self) -> tuple[int, str, str]:
        out, err = self.communicate(timeout=120)
        return self.returncode, out, _without_slow_steps(err)


def _without_slow_steps(err: str) -> str:
    """Return what was written on stderr without asyncio's reports, in development mode, that a busy machine is slow."""
    return "".join(line for line in err.splitlines(keepends=True) if not line.startswith("Executing <"))


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
def without_colour_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_the_demo_prints_plain_text_into_a_pipe() -> None:
    with Dollr("demo", "--seconds", "0.5") as dollr:
        code, out, err = dollr.finish()
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "This is a sandbox" in out
    assert "No real money moves" in out
    words = [line.split() for line in out.splitlines()]
    assert sorted(line[0] for line in words if line[-1:] == ["ms"]) == sorted([*STEPS, "execution"])
    assert [line[-1] for line in words if line[1:2] == ["s"]] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert ["paid", "by", "the", "payer", "282.70", "USD"] in words
    assert ["received", "by", "you", "275.00", "USD"] in words
    assert "The payer was charged once." in out


def test_the_demo_prints_one_json_object_per_line() -> None:
    with Dollr("demo", "--seconds", "0.5", "--json", "--direct", "--order") as dollr:
        code, out, err = dollr.finish()
    assert (code, err) == (0, "")
    began, *events, receipt, ended = [json.loads(line) for line in out.splitlines()]
    assert (began["event"], began["source_type"], began["direct"]) == ("began", "ORDER", True)
    steps = [event for event in events if event["event"] == "step"]
    assert sorted(step["step"] for step in steps) == sorted([*DIRECT_STEPS, "execution"])
    assert all(step["id"] and step["ms"] > 0 for step in steps)
    changes = [event for event in events if event["event"] == "status"]
    assert [change["status"] for change in changes] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert {change["reference_id"] for change in changes} == {steps[-1]["id"]}
    assert (receipt["event"], receipt["paid"], receipt["received"]) == ("receipt", "282.70", "275.00")
    assert (ended["event"], ended["ok"], ended["charges"]) == ("ended", True, 1)


async def test_the_demo_can_stay_and_show_the_sandboxs_pages(http: aiohttp.ClientSession) -> None:
    opened: list[str] = []
    seen: list[demo.Event] = []
    pages: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        return False

    async def until_stopped() -> None:
        async with http.get(opened[0]) as response:
            pages.append(await response.text())

    stay = demo.Stay(open_page=open_page, until_stopped=until_stopped)
    assert await demo.run(demo.Options(phone=PHONE), seen.append, stay)
    ended, staying = seen[-2:]
    assert isinstance(ended, demo.Ended)
    assert staying == demo.Staying(url=opened[0], opened=False)
    assert "1 completed" in pages[0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX signal")
def test_the_demo_opens_a_browser_and_runs_until_control_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true")  # the program that does nothing, and succeeds
    with Dollr("demo", "--seconds", "0.2", "--open") as dollr:
        lines = [dollr.line()]
        while not lines[-1].startswith("The sandbox runs until Ctrl-C."):
            assert dollr.poll() is None
            lines.append(dollr.line())
        opened = next(line for line in lines if line.startswith("The page is open in your browser: "))
        with urllib.request.urlopen(opened.split()[-1], timeout=10) as page:  # noqa: S310 - the demo's own sandbox
            assert b"1 completed" in page.read()
        dollr.send_signal(signal.SIGINT)
        assert dollr.finish() == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX signal")
def test_control_c_ends_the_demo_without_a_traceback() -> None:
    with Dollr("demo") as dollr:
        while "PENDING" not in dollr.line():
            assert dollr.poll() is None
        dollr.send_signal(signal.SIGINT)
        assert dollr.finish() == (130, "", "")


def test_a_closed_pipe_is_not_an_error() -> None:
    with Dollr("demo", "--seconds", "0.2", "--json") as dollr:
        assert dollr.line()
        assert dollr.stdout is not None
        assert dollr.stderr is not None
        dollr.stdout.close()
        assert (_without_slow_steps(dollr.stderr.read()), dollr.wait(30)) == ("", 0)


_WITHOUT_THE_EXTRA = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"cyclopts", "rich"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from dollr_async.__main__ import main
sys.exit(main())
"""


def test_without_the_extra_the_command_says_what_to_install() -> None:
    command = [sys.executable, "-c", _WITHOUT_THE_EXTRA]
    bare = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr == "The dollr command needs the extra cli: python3 -m pip install 'dollr-async[cli]'\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--version"], VERSION),
        ([], "dollr COMMAND"),
        (["demo", "--help"], "--json"),
        (["sandbox", "--help"], "--port"),
    ],
    ids=str,
)
def test_the_command_shows_its_version_and_help(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.app(words)
    assert ended.value.code == 0
    assert expected in capsys.readouterr().out


async def test_a_declined_payment_ends_the_demo_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli.run_demo(phone="231770000002") == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "FAILED" in out
    assert "PaymentFailedError" in out
    assert "The payer declined the payment" in out
    assert "Receipt" not in out


async def test_an_invalid_phone_is_refused_with_the_right_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli.run_demo(phone="077") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "231771234567" in err


@pytest.mark.parametrize(
    ("environment", "no_color", "is_coloured"),
    [({}, False, True), ({}, True, False), ({"NO_COLOR": "1"}, False, False)],
    ids=["on a terminal", "with --no-color", "with NO_COLOR"],
)
async def test_the_output_is_coloured_on_a_terminal_unless_that_is_switched_off(
    environment: dict[str, str],
    *,
    no_color: bool,
    is_coloured: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    await cli.run_demo(no_color=no_color)
    assert ("\x1b[" in capsys.readouterr().out) is is_coloured


async def events_of(options: demo.Options) -> list[demo.Event]:
    events: list[demo.Event] = []
    await demo.run(options, events.append)
    return events


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (demo.Options(phone="231770000002"), "PaymentFailedError"),
        (demo.Options(phone="231770000008"), "PaymentFailedError"),
        (demo.Options(phone="231770000004"), "PollTimeoutError"),
        (demo.Options(phone="231770000007"), "CollectError"),
        (demo.Options(phone=PHONE, card=True), None),
        (demo.Options(phone=PHONE, order=True), None),
    ],
    ids=str,
)
async def test_every_outcome_that_the_help_names(options: demo.Options, error: str | None) -> None:
    ended = (await events_of(options))[-1]
    assert isinstance(ended, demo.Ended)
    assert (ended.ok, ended.error, ended.charges) == (error is None, error, 1 if error is None else 0)


async def test_the_demo_takes_less_than_ten_seconds() -> None:
    began = asyncio.get_running_loop().time()
    await events_of(demo.Options(phone=PHONE))
    assert 3 < asyncio.get_running_loop().time() - began < 10


async def test_the_demo_restores_the_settings_of_the_log() -> None:
    logger = logging.getLogger("dollr_async.collect")
    before = (logger.level, list(logger.handlers))
    await events_of(demo.Options(phone="231770000007"))
    assert (logger.level, logger.handlers) == before
