"""The command on a terminal and in pipes: tables, questions, Ctrl-C, and words that it does not know."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from dollr_async.cli import commands as cli
from tests.cli.conftest import Process, on_a_terminal

if TYPE_CHECKING:
    from dollr_async.sandbox import SandboxThread

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")

TERMS = ["--name", "Amara Kamara", "--amount", "250.00", "--currency", "USD"]


def test_a_terminal_shows_a_table(other_process: SandboxThread) -> None:
    with on_a_terminal("collect", "--phone", "231770000006", *TERMS) as terminal:
        assert terminal.finish() == 0
    assert "Payment" in terminal.text
    assert "┏━" in terminal.text
    assert "COMPLETED" in terminal.text


def test_real_money_is_asked_for_and_no_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BASE_URL": "https://dollr.invalid", "CLIENT_ID": "a", "CLIENT_SECRET": "b"}.items():
        monkeypatch.setenv(f"DOLLR_{name}", value)
    for answer in ("\n", "no\n", "\x04", "Ctrl-C"):
        with on_a_terminal("collect", "--phone", "231770000006", *TERMS) as terminal:
            terminal.read_until("[y/N]")
            assert "250.00 USD from Amara Kamara (231770000006) at https://dollr.invalid" in terminal.text
            if answer == "Ctrl-C":
                terminal.process.send_signal(signal.SIGINT)
            else:
                terminal.type(answer)
            assert terminal.finish() == 2, answer
        assert "nothing was collected" in terminal.text
        assert "Traceback" not in terminal.text


def test_a_secret_that_is_missing_is_asked_for_and_not_shown(
    other_process: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOLLR_CLIENT_SECRET")
    with on_a_terminal("collect", "--phone", "231770000006", *TERMS) as terminal:
        terminal.read_until("DOLLR_CLIENT_SECRET: ")
        terminal.type(f"{other_process.client_secret}\n")
        assert terminal.finish() == 0
    assert other_process.client_secret not in terminal.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_payment_and_says_how_to_follow_it(
    number: signal.Signals, other_process: SandboxThread
) -> None:
    with Process("collect", "--phone", "231770000004", *TERMS) as process:
        reference = process.line().split()[1]
        assert "PENDING" in process.line()
        process.send_signal(number)
        ran = process.finish()
    assert ran.code == 3
    assert f"dollr watch {reference}" in ran.err
    assert "Traceback" not in ran.err
    assert [entry.status for entry in other_process.ledger] == ["PENDING"]
    with Process("watch", reference) as process:
        assert "PENDING" in process.line()
        process.send_signal(number)
        assert process.finish().code == 3


def test_a_closed_pipe_is_not_an_error(other_process: SandboxThread) -> None:
    with Process("collect", "--phone", "231770000001", *TERMS) as process:
        assert process.line()
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == ("", 0)
    assert [entry.status for entry in other_process.ledger] == ["COMPLETED"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["collect"], "--phone requires an argument. See dollr collect --help"),
        (["status", "--bogus"], "Unknown option: --bogus"),
        (["bogus"], 'Unknown command "bogus"'),
        (["sandbox", "--port", "x"], 'unable to convert "x" into int'),
        (["sandbox", "settle", "x", "LATER"], "LATER"),
        (["completion", "tcsh"], "tcsh"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_2_in_one_sentence(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words) == 2
    out, err = capsys.readouterr()
    assert (out, message in err, len(err.splitlines())) == ("", True, 1)
    assert cli.run([*words, "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"error": "InvalidInputError", "message": err.removesuffix("\n")}
