"""Tables of what following costs: payments that stay open, payments that settle, many watchers, and push."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness.processes import run_in_process, stub_server
from benchmarks.harness.rounds import run_rounds
from benchmarks.harness.tables import table
from benchmarks.rivals.registry import FLOOR, RIVALS

if TYPE_CHECKING:
    from collections.abc import Callable

_BY_HAND = "by hand: one task each, and a semaphore"


class OpenPayments(NamedTuple):
    """How many payments stay open, the seconds between two polls of one, and the rounds."""

    payments: int
    interval: float
    rounds: int


def _with_by_hand(ways: dict[str, str]) -> dict[str, str]:
    return ways if RIVALS[FLOOR].missing() else {"by-hand": _BY_HAND, **ways}


def open_payments_table(amount: OpenPayments) -> str:
    """Run, and return what following payments that stay open costs, a row for each way to follow."""
    ways = _with_by_hand({"watch": "dollr.watch(), one task each", "watch-many": "dollr.watch_many()"})
    options = ["--payments", amount.payments, "--interval", amount.interval, "--seconds", 3 * amount.interval]
    with stub_server() as url:
        arguments = {way: [way, url, *options] for way in ways}
        figures = run_rounds("following.many_open_payments", arguments, amount.rounds)
    head = [
        f"{amount.payments} payments, each polled every {amount.interval:g} s",
        *("polls per second", "CPU per poll", "loop lag p50", "p99", "max", "memory per payment"),
    ]
    rows = []
    for way, shown in ways.items():
        median = {name: statistics.median(values) for name, values in figures[way].items()}
        lags = (f"{median[name]:.1f} ms" for name in ("p50", "p99", "max"))
        rows.append(
            [shown, f"{median['polls']:.0f}", f"{median['cpu']:.0f} µs", *lags, f"{median['bytes'] / 1024:.1f} KiB"]
        )
    return table(head, rows)


_SETTLING: dict[str, Callable[[dict[str, float]], str]] = {
    "final statuses reported": lambda figures: f"{figures['ended']:.0f}",
    "polls made": lambda figures: f"{figures['polls']:.0f}",
    "share of the due polls": lambda figures: f"{figures['share of due polls']:.2%}",
    "settled to reported, median": lambda figures: f"{figures['delay p50']:.2f} s",
    "settled to reported, p99": lambda figures: f"{figures['delay p99']:.2f} s",
    "loop lag p50": lambda figures: f"{figures['p50']:.1f} ms",
    "loop lag p99": lambda figures: f"{figures['p99']:.1f} ms",
    "loop lag, max": lambda figures: f"{figures['max']:.1f} ms",
    "followed at the peak": lambda figures: f"{figures['peak']:.0f}",
    "memory per payment, at the peak": lambda figures: f"{figures['bytes']:.0f} bytes",
    "share of a core": lambda figures: f"{figures['share of a core']:.0%}",
    "CPU per poll": lambda figures: f"{figures['cpu per poll']:.0f} µs",
}
"""The rows of the table of payments that settle, and how each is shown."""


def settling_payments_table(payments: int, spread: float, delay: float) -> str:
    """Run, and return what following payments that arrive and settle costs, a column for each way to follow."""
    ways = _with_by_hand({"watch-many": "dollr.watch_many()"})
    found = {}
    for way in ways:
        # A stub for each, since it keeps a log of all polls.
        with stub_server(delay, "--settling") as url:
            options = ["--payments", payments, "--spread", spread]
            found[way] = run_in_process("following.settling_payments", [way, url, *options])
    head = [f"{payments} payments that arrive and settle", *ways.values()]
    return table(head, [[name, *(show(figures) for figures in found.values())] for name, show in _SETTLING.items()])


def many_watchers_table(watchers: int, seconds: float, delay: float) -> str:
    """Run, and return how often a payment with one watcher and a payment with many are polled."""
    with stub_server(delay, "--settling") as url:
        polls = run_in_process("following.many_watchers", [url, "--watchers", watchers, "--seconds", seconds])
    rows = [
        ["1 watcher of one payment", f"{polls['one']:.0f}"],
        [f"{watchers} watchers of one payment, by dollr.watch()", f"{polls['many']:.0f}"],
    ]
    return table(["", f"polls in {seconds:g} s"], rows)


def push_table(payments: int, seconds: float) -> str:
    """Run, and return the delay and the polls with push and without."""
    found = run_in_process("following.push_and_polling", ["--payments", payments, "--seconds", seconds])
    head = [f"{payments} collections in each way", "settled to reported, median", "p99", "polls per payment"]
    rows = []
    for way, shown in {"polled": "DollrClient()", "pushed": "DollrClient(realtime=...)"}.items():
        delays = (f"{found[f'{way} {figure}'] * 1000:.0f} ms" for figure in ("p50", "p99"))
        rows.append([f"{shown}, dollr.watch_many()", *delays, f"{found[f'{way} polls']:.1f}"])
    return table(head, rows)
