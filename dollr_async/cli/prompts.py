"""Questions to the person at the terminal. They are asked on stderr, so that a piped output stays clean."""

from __future__ import annotations

import getpass
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def has_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Ask a question, and return whether the answer is yes. No answer is no, and so is Ctrl-C."""
    try:
        with _interruptible():  # before the question is shown, since Ctrl-C may come as soon as it is
            sys.stderr.write(f"{question} [y/N] ")
            sys.stderr.flush()
            answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if not answer.endswith("\n"):
        sys.stderr.write("\n")  # where nothing was typed, the next words begin on a line of their own
    return answer.strip().lower() in {"y", "yes"}


def ask_secret(prompt: str) -> str:
    """Ask for a secret, which is not shown while it is typed. It is empty after Ctrl-C or without an answer."""
    try:
        with _interruptible():
            return getpass.getpass(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        return ""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the question: an event loop would only note it until the question is answered."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
