"""Test files of users, run by a pytest of their own in a directory of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pathlib import Path

COLLECT = """
from decimal import Decimal
from dollr_async import DollrClient, LineItem, Payer

async def collect(settings):
    async with DollrClient(**settings) as dollr:
        collection = await dollr.collect(
            payer=Payer("Amara Kamara", "231771234567"), items=[LineItem("Ticket", Decimal(10))], currency="USD"
        )
        return [change.status async for change in collection]
"""
"""A program that collects one payment and follows it to its end."""


@attrs.frozen
class Outcome:
    """What a run of pytest printed, and how many tests passed, failed and so on."""

    out: str
    counts: dict[str, int]


def run_pytest(directory: Path, tests: str, *arguments: str, plugins: tuple[str, ...] = (), **files: str) -> Outcome:
    """Run pytest on a file of tests, beside other files, with our plugin and these; a warning is an error."""
    loaded = [argument for plugin in ("pytest_dollr", *plugins) for argument in ("-p", plugin)]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return run_plain_pytest(directory, tests, *loaded, "-W", "error", *arguments, environment=environment, **files)


def run_plain_pytest(
    directory: Path, tests: str, *arguments: str, environment: dict[str, str] | None = None, **files: str
) -> Outcome:
    """Run pytest on a file of tests, beside other files, with all plugins that are installed."""
    for name, text in {"test_shop": tests, **files}.items():
        (directory / f"{name}.py").write_text(text)
    # Not what the run around it was given: its options, and the mark of its worker.
    unset = ("PYTEST_", "DOLLR_", "COVERAGE")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "-rA", *arguments]
    ran = subprocess.run(
        command, cwd=directory, env={**plain, **(environment or {})}, capture_output=True, text=True, check=False
    )
    last = ran.stdout.strip().splitlines()[-1] if ran.stdout.strip() else ran.stderr
    counts = {word.removesuffix("s"): int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
    return Outcome(ran.stdout + ran.stderr, counts)
