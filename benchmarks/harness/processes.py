"""Processes of their own: the stub on one core, and each measured run on another."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Iterator, Sequence

STUB_CORE, CLIENT_CORE = 0, 1


def pin(core: int | None) -> None:
    """Keep this process on one core, where the system can do that and has more than one."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) > 1:
        os.sched_setaffinity(0, {usable[core % len(usable)]})


def run(
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Coroutine[Any, Any, dict[str, float]]],
    *,
    is_on_uvloop: Callable[[argparse.Namespace], bool] = lambda _: False,
) -> None:
    """Read the options of a measured run, measure on one core, and print the figures, which `a_run` reads."""
    parser.add_argument("--core", type=int, help="the core to run on")
    options = parser.parse_args()
    pin(options.core)
    loop_factory = None
    if is_on_uvloop(options):
        import uvloop  # noqa: PLC0415 - only who is measured on it needs it

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        print(json.dumps(runner.run(measure(options))))


@contextmanager
def a_stub(delay: float = 0.0, *more: str) -> Iterator[str]:
    """Run a stub server, and give its URL."""
    command = [sys.executable, "-m", "benchmarks.harness.stub", f"--delay={delay}", f"--core={STUB_CORE}", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(iter(process.stdout or ())).strip()
        finally:
            process.terminate()


def a_run(module: str, arguments: Sequence[object]) -> dict[str, float]:
    """Run one measurement in a fresh process, and return the figures that it prints."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments), f"--core={CLIENT_CORE}"]
    # Compiled code is kept between the runs, as it is where packages are installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    figures: dict[str, float] = json.loads(printed)
    return figures
