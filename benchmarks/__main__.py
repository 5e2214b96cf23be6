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
from typing import TYPE_CHECKING

from benchmarks import pages
from benchmarks.calls.tables import Amount, cpu_tables, latency_table, measured, rate_table
from benchmarks.calls.turn_tables import Turns, tables
from benchmarks.harness.processes import a_run, a_stub
from benchmarks.harness.rounds import in_turns, ratio, table
from benchmarks.rivals.roster import RIVALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PACKAGES = ("aiohttp", "attrs", "cattrs", "msgspec", "orjson", "requests", "httpx", "uvloop")
CHAIN = ["direct", "document_first"]
DELAY = 0.02


def environment(_: argparse.Namespace) -> str:
    """Say what it was measured on, and with what."""
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


def present(names: Iterable[str]) -> list[str]:
    """Return the rivals whose packages are installed, and say which are not."""
    found = []
    for name in names:
        if missing := RIVALS[name].missing():
            print(f"{name} is left out: {', '.join(missing)} is not installed", file=sys.stderr)
        else:
            found.append(name)
    return found


def turns(options: argparse.Namespace) -> str:
    """Ours beside the floor, in one process."""
    if RIVALS["floor"].missing():
        return "The floor needs orjson, which is not installed: dollr_async has nothing to be compared with."
    return tables(Turns(options.pairs, options.at_once), DELAY)


def calls(options: argparse.Namespace) -> str:
    """One call."""
    work, amount = ["status", "party"], Amount(options.at_once, options.times, options.rounds)
    figures = measured(present(name for name in RIVALS if name != "floor-in-a-row"), work, amount)
    return f"{cpu_tables(figures, work, amount)}\n\n{rate_table(figures, work, amount)}"


def chains(options: argparse.Namespace) -> str:
    """A whole collection."""
    amount = Amount(options.at_once[:2], max(options.times // 10, 1), options.rounds)
    return cpu_tables(measured(present(RIVALS), CHAIN, amount), CHAIN, amount)


def latency(options: argparse.Namespace) -> str:
    """A whole collection, where each answer takes a while."""
    amount = Amount([1], max(options.times // 150, 1), 1)
    rivals = present(name for name in RIVALS if not RIVALS[name].on_uvloop)
    return latency_table(measured(rivals, CHAIN, amount, delay=DELAY), CHAIN)


def following(options: argparse.Namespace) -> str:
    """Many payments, followed at once."""
    ways = {
        "by-hand": "by hand: a task for each, and a gate",
        "watch": "dollr.watch(), a task for each",
        "watch-many": "dollr.watch_many()",
    }
    if RIVALS["floor"].missing():
        del ways["by-hand"]
    with a_stub() as url:
        amount = ["--payments", options.payments, "--interval", options.interval, "--seconds", 3 * options.interval]
        rounds = max(options.rounds // 2, 1)
        figures = in_turns("following.at_once", {way: [way, url, *amount] for way in ways}, rounds)
    head = [
        f"{options.payments} payments, each asked every {options.interval:g} s",
        *("looks a second", "CPU of a look", "loop lag p50", "p99", "most", "memory of a payment"),
    ]
    rows = []
    for way, shown in ways.items():
        median = {name: statistics.median(values) for name, values in figures[way].items()}
        lags = (f"{median[name]:.1f} ms" for name in ("p50", "p99", "most"))
        rows.append(
            [shown, f"{median['looks']:.0f}", f"{median['cpu']:.0f} µs", *lags, f"{median['bytes'] / 1024:.1f} KiB"]
        )
    return table(head, rows)


def settling(options: argparse.Namespace) -> str:
    """Ten thousand payments that come and go."""
    ways = {"by-hand": "by hand: a task for each, and a gate", "watch-many": "dollr.watch_many()"}
    if RIVALS["floor"].missing():
        del ways["by-hand"]
    amount = ["--payments", options.payments, "--spread", options.spread]
    found = {}
    for way in ways:
        # A stub for each, since it keeps a log of all looks.
        with a_stub(DELAY, "--settling") as url:
            found[way] = a_run("following.come_and_go", [way, url, *amount])
    with a_stub(DELAY, "--settling") as url:
        crowd = a_run("following.watchers", [url, "--watchers", options.watchers, "--seconds", options.spread / 6])
    head = [f"{options.payments} payments that come and go", *ways.values()]
    rows = [[name, *(show(figures) for figures in found.values())] for name, show in SETTLING.items()]
    looks = [["1 watcher of a payment", f"{crowd['one']:.0f}"]]
    looks.append([f"{options.watchers} watchers of a payment, by dollr.watch()", f"{crowd['many']:.0f}"])
    return f"{table(head, rows)}\n\n{table(['', f'looks in {options.spread / 6:g} s'], looks)}"


def push(options: argparse.Namespace) -> str:
    """Push beside polling."""
    found = a_run("following.pushed", ["--payments", options.pushed, "--seconds", options.push_seconds])
    head = [f"{options.pushed} collections in each way", "settled to told, median", "p99", "looks at a payment"]
    rows = []
    for way, shown in {"polled": "DollrClient()", "pushed": "DollrClient(realtime=...)"}.items():
        told = (f"{found[f'{way} {figure}'] * 1000:.0f} ms" for figure in ("p50", "p99"))
        rows.append([f"{shown}, dollr.watch_many()", *told, f"{found[f'{way} looks']:.1f}"])
    return table(head, rows)


def importing(options: argparse.Namespace) -> str:
    """The import."""
    figures = in_turns("importing", {"dependencies": ["dependencies"], "ours": ["ours"]}, 2 * options.rounds)
    floor, ours = figures["dependencies"]["cpu"], figures["ours"]["cpu"]
    rows: list[list[object]] = [
        ["aiohttp, attrs, cattrs, msgspec", f"{statistics.median(floor):.0f} ms", ""],
        ["dollr_async", f"{statistics.median(ours):.0f} ms", ratio(ours, floor)],
    ]
    return table(["import", "CPU time", "ratio"], rows)


def journal(options: argparse.Namespace) -> str:
    """What a journal costs."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.journal_cost",
        f"--collections={max(options.times // 20, 1)}",
        f"--rounds={options.rounds}",
    ]
    return f"```text\n{subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout}```"


SETTLING: dict[str, Callable[[dict[str, float]], str]] = {
    "ends told": lambda figures: f"{figures['ends']:.0f}",
    "looks made": lambda figures: f"{figures['looks']:.0f}",
    "share of the looks due": lambda figures: f"{figures['made']:.2%}",
    "settled to told, median": lambda figures: f"{figures['delay p50']:.2f} s",
    "settled to told, p99": lambda figures: f"{figures['delay p99']:.2f} s",
    "loop lag p50": lambda figures: f"{figures['p50']:.1f} ms",
    "loop lag p99": lambda figures: f"{figures['p99']:.1f} ms",
    "loop lag, most": lambda figures: f"{figures['most']:.1f} ms",
    "followed at the height": lambda figures: f"{figures['height']:.0f}",
    "memory of a payment, at the height": lambda figures: f"{figures['bytes']:.0f} bytes",
    "share of a core": lambda figures: f"{figures['share of a core']:.0%}",
    "CPU of a look": lambda figures: f"{figures['cpu of a look']:.0f} µs",
}
"""What is shown of payments that come and go, and how."""

SECTIONS: dict[str, tuple[str, Callable[[argparse.Namespace], str]]] = {
    "environment": ("Where this was measured", environment),
    "turns": ("Ours beside the floor, in one process", turns),
    "calls": ("One call", calls),
    "chains": ("A whole collection", chains),
    "latency": (f"A whole collection, when each answer takes {DELAY * 1000:.0f} ms", latency),
    "following": ("Many payments, followed at once", following),
    "settling": ("Ten thousand payments that come and go", settling),
    "push": ("Push beside polling", push),
    "journal": ("With and without a journal", journal),
    "importing": ("The import", importing),
}


def main() -> None:
    """Read the options, run, and show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all, unless given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=3000, help="how many calls in a run")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 32, 256])
    parser.add_argument("--payments", type=int, default=10_000, help="how many are followed")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two looks at a payment")
    parser.add_argument("--pairs", type=int, default=90, help="how often the floor and ours take turns")
    parser.add_argument("--spread", type=float, default=60.0, help="seconds over which payments come and go")
    parser.add_argument("--watchers", type=int, default=1000, help="how many watch one payment")
    parser.add_argument("--pushed", type=int, default=200, help="how many collections are followed by push")
    parser.add_argument("--push-seconds", type=float, default=30.0, help="the time within which those settle")
    parser.add_argument("--page", type=Path, help="the file to write the tables to")
    options = pages.read(parser, SECTIONS)
    pages.show(options, SECTIONS)


if __name__ == "__main__":
    main()
