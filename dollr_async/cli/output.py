"""What the commands print: lines for people, or one JSON object per line, and the sentence of an error."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from dollr_async.base.errors import DollrError, JournalError
from dollr_async.cli.exit_codes import DONE, NOT_KNOWN, code_of_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import TextIO


class Output:
    """What one command prints. `code` is its exit code so far: the greatest one that was counted."""

    def __init__(self, *, json: bool) -> None:
        """Print one JSON object per line, or text for people."""
        self.json = json
        self.code = DONE

    def say(self, words: str, **facts: object) -> None:
        """Print words for people, or the same as facts for programs."""
        _write(sys.stdout, msgspec.json.encode(facts).decode() if self.json else words)

    def fail(self, error: DollrError, *, words: str | None = None, reference_id: object = None) -> None:
        """Print an error, in other words where these are given, and count its exit code."""
        code = code_of_error(error)
        self.count(code)
        message = str(error) if words is None else words
        reference = reference_id or getattr(error, "reference_id", None)
        advice = f". In the shell: dollr watch {reference}" if code == NOT_KNOWN and reference else ""
        self.warn(
            f"{message}{advice}",
            error="JournalError" if isinstance(error, JournalError) else type(error).__name__,
            message=message,
            **({"reference_id": str(reference)} if reference else {}),
        )

    def warn(self, words: str, **facts: object) -> None:
        """Print words for people on stderr, or the same as facts for programs on stdout."""
        if self.json:
            self.say("", **facts)
        else:
            _write(sys.stderr, words)

    def count(self, code: int) -> None:
        """Keep the worst exit code."""
        self.code = max(self.code, code)


@asynccontextmanager
async def reporting(*, json: bool) -> AsyncIterator[Output]:
    """Print the error that ends the body, if there is one."""
    output = Output(json=json)
    try:
        yield output
    except DollrError as error:
        output.fail(error)


def _write(stream: TextIO, line: str) -> None:
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Let a stream go nowhere, since the reader of its pipe has gone. The program goes on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
