"""Runs the Python blocks of a Markdown page as its reader would: in order, with `await` at the top level."""

from __future__ import annotations

import ast
import builtins
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from dollr_async.sandbox import Sandbox
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    import pytest
    from sybil import Example


@contextmanager
def sandbox_of_the_environment(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Run a sandbox on a loop, and set the environment variables that point to it."""
    sandbox = Sandbox()
    loop.run_until_complete(sandbox.start())
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(f"DOLLR_{name.upper()}", str(value))
    yield sandbox
    loop.run_until_complete(sandbox.close())


def python_blocks(loop: asyncio.AbstractEventLoop) -> CodeBlockParser:
    """Return a parser that runs the Python blocks of a page on a loop."""

    def evaluate(example: Example) -> None:
        # The empty lines keep the line numbers of a traceback right.
        source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
        code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        # Python 3.13 defines no class in a namespace without it.
        example.namespace.setdefault("__builtins__", builtins)
        running = types.FunctionType(code, example.namespace)()
        if running is not None:
            loop.run_until_complete(running)

    return CodeBlockParser("python", evaluate)


def run_blocks(page: str, *parsers: CodeBlockParser) -> int:
    """Run the blocks of a page that these parsers know, in order, and return how many there were."""
    examples = list(Sybil(parsers=list(parsers)).parse(ROOT / page).examples())
    for example in examples:
        example.evaluate()
    return len(examples)
