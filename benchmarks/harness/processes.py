"""Processes: the stub server on one core, and each measured run on another."""

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


def pin_to_core(core: int | None) -> None:
    """Keep this process on one core, where the system can do that and has more than one."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) > 1:
        os.sched_setaffinity(0, {usable[core % len(usable)]})


def measure_and_print(
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Coroutine[Any, Any, dict[str, float]]],
    *,
    is_on_uvloop: Callable[[argparse.Namespace], bool] = lambda _: False,
) -> None:
    """Read the options, measure on one core, and print the figures as JSON, which `run_in_process` reads."""
    parser.add_argument("--core", type=int, help="the core to run on")
    options = parser.parse_args()
    pin_to_core(options.core)
    loop_factory = None
    if is_on_uvloop(options):
        import uvloop  # noqa: PLC0415 - only runs on uvloop need it

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        print(json.dumps(runner.run(measure(options))))


@contextmanager
def stub_server(delay: float = 0.0, *more: str) -> Iterator[str]:
    """Run a stub server that answers after `delay` seconds, and give its URL."""
    command = [sys.executable, "-m", "benchmarks.harness.stub_server", f"--delay={delay}", f"--core={STUB_CORE}", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(iter(process.stdout or ())).strip()
        finally:
            process.terminate()


def run_in_process(module: str, arguments: Sequence[object]) -> dict[str, float]:
    """Run one measurement in a fresh process, and return the figures that it prints."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments), f"--core={CLIENT_CORE}"]
    # Compiled code is kept between the runs, as it is where packages are installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    figures: dict[str, float] = json.loads(printed)
    return figures
