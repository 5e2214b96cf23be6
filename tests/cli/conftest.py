"""The command in this process and in processes of its own, with a sandbox in its environment."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dollr_async.cli import commands as cli
from dollr_async.sandbox import SandboxThread
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from dollr_async.sandbox import Sandbox


@attrs.frozen
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Every line of the output, which must be JSON."""
        assert self.err == ""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def statuses(self) -> list[str]:
        """The statuses in the order of the lines."""
        return [one["status"] for one in self.objects if "status" in one]


def set_environment(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    monkeypatch.delenv("DOLLR_JOURNAL", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(f"DOLLR_{name.upper()}", value)


@pytest.fixture
def dollr(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Awaitable[Ran]]:
    """Run the command in this process, in virtual time, against the sandbox."""
    set_environment(monkeypatch, {name: str(value) for name, value in sandbox.settings.items()})

    async def run(*words: str) -> Ran:
        code = await cli.app.run_async([*words], result_action="return_value")
        assert isinstance(code, int)
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def other_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxThread]:
    """A sandbox in a thread, for commands in processes of their own."""
    with SandboxThread() as sandbox:
        set_environment(monkeypatch, {name: str(value) for name, value in sandbox.settings.items()})
        yield sandbox


class Process(subprocess.Popen[str]):
    """The command in a process of its own, with its output in pipes."""

    def __init__(self, *words: str, **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        super().__init__([sys.executable, "-m", "dollr_async", *words], cwd=ROOT, text=True, **{**piped, **options})

    def line(self) -> str:
        assert self.stdout is not None
        return self.stdout.readline()

    def finish(self) -> Ran:
        out, err = self.communicate(timeout=60)
        return Ran(self.returncode, out, err)


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, words: Sequence[str]) -> None:
        import pty  # noqa: PLC0415 - not on Windows

        self._master, slave = pty.openpty()
        self.process = Process(*words, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.text = ""

    def read_until(self, words: str) -> None:
        while words not in self.text:
            assert self._read(), f"it ended without {words!r}: {self.text}"

    def type(self, words: str) -> None:
        os.write(self._master, words.encode())

    def finish(self) -> int:
        while self._read():
            pass
        return self.process.wait(30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 30.0)
        assert ready, f"nothing more came after {self.text!r}"
        try:
            read = os.read(self._master, 4096)
        except OSError:  # how Linux says that nobody has the terminal open any more
            return False
        self.text += read.decode(errors="replace")
        return bool(read)


@contextmanager
def on_a_terminal(*words: str) -> Iterator[Terminal]:
    terminal = Terminal(words)
    try:
        yield terminal
    finally:
        terminal.close()
