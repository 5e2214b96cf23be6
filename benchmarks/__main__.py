"""All benchmarks, or some of them: `python -m benchmarks`, `python -m benchmarks calls --rounds 3`.

The tables go to the terminal and, with `--page`, into the file that the documentation shows.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.calls.cost_tables import Amount, cpu_tables, latency_table, measured, rate_table
from benchmarks.calls.ratio_tables import Repetitions, ratio_tables
from benchmarks.following.tables import (
    OpenPayments,
    many_watchers_table,
    open_payments_table,
    push_table,
    settling_payments_table,
)
from benchmarks.harness.figures import ratio
from benchmarks.harness.postgres import own_database
from benchmarks.harness.rounds import run_rounds
from benchmarks.harness.sections import read_options, run_sections
from benchmarks.harness.tables import table
from benchmarks.rivals.registry import FLOOR, RIVALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PACKAGES = ("aiohttp", "attrs", "cattrs", "msgspec", "orjson", "requests", "httpx", "uvloop")
COLLECTIONS = ["direct", "document_first"]
_WITHOUT_POSTGRES = "PostgreSQL was not measured: pass --postgres with the URL of a server."
DELAY = 0.02
"""Seconds between a request and its answer, where answers are slow."""


def environment(_: argparse.Namespace) -> str:
    """Return the machine and the versions that were measured."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cpu = f"{models[0]}, {len(models)} cores" if models else platform.processor() or platform.machine()
    rows = [
        ("measured on", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("processor", cpu),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((name, found) for name in PACKAGES if (found := _version(name))),
    ]
    return table(["", ""], rows)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _installed(names: Iterable[str]) -> list[str]:
    """Return the rivals whose packages are installed, and print which are left out."""
    found = []
    for name in names:
        if missing := RIVALS[name].missing():
            print(f"{name} is left out: {', '.join(missing)} is not installed", file=sys.stderr)
        else:
            found.append(name)
    return found


def turns(options: argparse.Namespace) -> str:
    """The client and the floor, in one process."""
    if RIVALS[FLOOR].missing():
        return "The floor needs orjson, which is not installed, so dollr_async cannot be compared with it."
    return ratio_tables(Repetitions(options.pairs, options.at_once), DELAY)


def calls(options: argparse.Namespace) -> str:
    """One call."""
    work, amount = ["status", "party"], Amount(options.at_once, options.times, options.rounds)
    figures = measured(_installed(name for name in RIVALS if name != "floor-sequential"), work, amount)
    return f"{cpu_tables(figures, work, amount)}\n\n{rate_table(figures, work, amount)}"


def chains(options: argparse.Namespace) -> str:
    """A whole collection."""
    amount = Amount(options.at_once[:2], max(options.times // 10, 1), options.rounds)
    return cpu_tables(measured(_installed(RIVALS), COLLECTIONS, amount), COLLECTIONS, amount)


def latency(options: argparse.Namespace) -> str:
    """A whole collection, where answers are slow."""
    amount = Amount([1], max(options.times // 150, 1), 1)
    rivals = _installed(name for name in RIVALS if not RIVALS[name].on_uvloop)
    return latency_table(measured(rivals, COLLECTIONS, amount, delay=DELAY), COLLECTIONS)


def following(options: argparse.Namespace) -> str:
    """Many payments that stay open."""
    return open_payments_table(OpenPayments(options.payments, options.interval, max(options.rounds // 2, 1)))


def settling(options: argparse.Namespace) -> str:
    """Payments that arrive and settle, and many watchers of one."""
    settled = settling_payments_table(options.payments, options.spread, DELAY)
    return f"{settled}\n\n{many_watchers_table(options.watchers, options.spread / 6, DELAY)}"


def push(options: argparse.Namespace) -> str:
    """Push and polling."""
    return push_table(options.pushed, options.push_seconds)


def importing(options: argparse.Namespace) -> str:
    """The import."""
    figures = run_rounds("import_time", {"dependencies": ["dependencies"], "ours": ["ours"]}, 2 * options.rounds)
    floor, ours = figures["dependencies"]["cpu"], figures["ours"]["cpu"]
    rows: list[list[object]] = [
        ["aiohttp, attrs, cattrs, msgspec", f"{statistics.median(floor):.0f} ms", ""],
        ["dollr_async", f"{statistics.median(ours):.0f} ms", ratio(ours, floor)],
    ]
    return table(["import", "CPU time", "ratio"], rows)


def journal(options: argparse.Namespace) -> str:
    """What a journal costs, and the outcomes that are handled from it."""
    server = [] if options.postgres is None else [f"--postgres={options.postgres}"]
    amount = (f"--collections={max(options.times // 20, 1)}", f"--rounds={options.rounds}")
    tables = [_printed("journal.cost", *amount, *server)]
    payments = f"--payments={max(options.payments // 2, 1)}"
    with TemporaryDirectory() as directory:
        tables += ["A SQLite file:", _printed("journal.handling", str(Path(directory, "payments.db")), payments)]
    if options.postgres is None:
        tables.append(_WITHOUT_POSTGRES)
    else:
        with own_database(options.postgres) as url:
            tables += ["A database in PostgreSQL:", _printed("journal.handling", url, payments)]
    return "\n\n".join(tables)


def engines(options: argparse.Namespace) -> str:
    """What makes the checks."""
    if options.postgres is None:
        return _WITHOUT_POSTGRES
    # More checks are due than any way can make, and each is measured for as long as the payments took to arrive above.
    amount = (f"--payments={max(options.payments // 5, 1)}", f"--seconds={options.spread / 4}")
    return _printed("following.engines", f"--url={options.postgres}", *amount, f"--warm-up={options.spread / 12}")


def _printed(module: str, *options: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{module}", *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


SECTIONS: dict[str, tuple[str, Callable[[argparse.Namespace], str]]] = {
    "environment": ("Where this was measured", environment),
    "turns": ("The client and the floor, in one process", turns),
    "calls": ("One call", calls),
    "chains": ("A whole collection", chains),
    "latency": (f"A whole collection, when each answer takes {DELAY * 1000:.0f} ms", latency),
    "following": ("Many payments, followed at once", following),
    "settling": ("Ten thousand payments that arrive and settle", settling),
    "push": ("Push and polling", push),
    "journal": ("With and without a journal", journal),
    "engines": ("What makes the checks", engines),
    "importing": ("The import", importing),
}


def main() -> None:
    """Read the options, run the sections, and show them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("sections", nargs="*", help=f"any of {', '.join(SECTIONS)}; without one, all of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=3000, help="how many calls in a run")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 32, 256])
    parser.add_argument("--payments", type=int, default=10_000, help="how many are followed")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two polls of a payment")
    parser.add_argument("--pairs", type=int, default=90, help="how many blocks the client and the floor each do")
    parser.add_argument("--spread", type=float, default=60.0, help="seconds over which payments arrive")
    parser.add_argument("--watchers", type=int, default=1000, help="how many watch one payment")
    parser.add_argument("--pushed", type=int, default=200, help="how many collections are followed by push")
    parser.add_argument("--push-seconds", type=float, default=30.0, help="the seconds within which those settle")
    parser.add_argument("--postgres", help="a PostgreSQL server, as in postgresql://user@host/database")
    parser.add_argument("--page", type=Path, help="the file to write the tables to")
    options = read_options(parser, SECTIONS)
    run_sections(options, SECTIONS)


if __name__ == "__main__":
    main()
