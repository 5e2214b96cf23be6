"""Completion of the command's words, in the shells themselves: each completes `colle` and `sandbox ad`."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dollr_async.cli import commands as cli

if TYPE_CHECKING:
    from pathlib import Path

# What a shell calls to complete a line, with a function in place of the command that prints the line it got.
_ASKED = {
    "bash": """
        source "$1"
        COMP_WORDS=(dollr colle) COMP_CWORD=1; _dollr; echo "<${COMPREPLY[*]}>"
        COMP_WORDS=(dollr sandbox ad) COMP_CWORD=2; _dollr; echo "<sandbox ${COMPREPLY[*]}>"
    """,
    "fish": """
        source $argv[1]
        echo "<"(complete -C "dollr colle" | string split -f 1 \\t)">"
        echo "<sandbox "(complete -C "dollr sandbox ad" | string split -f 1 \\t)">"
    """,
    "zsh": """
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "fpath=(${1:h} \\$fpath); autoload -Uz compinit; compinit -u -D"
        zpty -w shell 'dollr() { print -r -- "<$*>" }'
        zpty -w -n shell $'dollr colle\t\n'
        zpty -r shell shown '*<collect>*'; print -r -- $shown
        zpty -w -n shell $'dollr sandbox ad\t\n'
        zpty -r shell shown '*<sandbox advance>*'; print -r -- $shown
    """,
}
_BY_ITSELF = {
    "bash": ["bash", "--norc", "-c", _ASKED["bash"], "bash"],
    "fish": ["fish", "--no-config", "-c", _ASKED["fish"]],
    "zsh": ["zsh", "-f", "-c", _ASKED["zsh"], "zsh"],
}


@pytest.mark.parametrize("shell", _BY_ITSELF)
def test_shells_complete_the_commands(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert cli.run(["completion", shell]) == 0
    # The name of the file is what zsh takes for the name of the function in it.
    script = tmp_path / "_cyclopts_dollr"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    asked = subprocess.run(
        [*_BY_ITSELF[shell], str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert "<collect>" in asked.stdout, asked
    assert "<sandbox advance>" in asked.stdout, asked
