"""The page about the command: its commands print what it shows, and the workers' command lines are understood."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import yaml

from dollr_async.cli import commands as cli
from dollr_async.cli.watch import watch
from dollr_async.sandbox import AfterStatusChecks, SandboxThread
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

PAGE = (ROOT / "docs" / "guides" / "command.md").read_text()
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Return each command of the page with what it shows of its output."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def test_the_commands_print_what_the_page_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with SandboxThread(settlement=AfterStatusChecks(processing=2, final=3)) as sandbox:
        for name, value in sandbox.settings.items():
            monkeypatch.setenv(f"DOLLR_{name.upper()}", str(value))
        code = None
        for command, shown in commands():
            if command == "echo $?":
                assert shown == f"{code}\n"
                continue
            code = cli.run(shlex.split(command)[1:])
            assert _UUID.sub("REF", capsys.readouterr().out) == _UUID.sub("REF", shown), command


def test_the_workers_command_lines_are_understood() -> None:
    (unit,), (manifest,) = blocks("ini"), blocks("yaml")
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, flags=re.MULTILINE)
    for words in (shlex.split(start), yaml.safe_load(manifest)["containers"][0]["command"]):
        function, bound, _ = cli.app.parse_args(words[1:], exit_on_error=False, print_error=False)
        assert function is watch
        assert bound.arguments["health_file"] == "/run/dollr/health"
        assert bound.arguments["json"] is True
