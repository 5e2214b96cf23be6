"""Very many payments that stay open, in one process: `python -m benchmarks.following.very_many_open_payments`.

With so many, the garbage collector is what stops the event loop. It prints a table: by hand, with `watch_many()`, and
with `watch_many()` when the program calls `gc.collect()` and `gc.freeze()` once all payments have been polled.
"""

from __future__ import annotations

import argparse

from benchmarks.harness.processes import run_in_process, stub_server
from benchmarks.harness.tables import table

_WAYS = {
    "by hand: one task each, and a semaphore": ["by-hand"],
    "dollr.watch_many()": ["watch-many"],
    "dollr.watch_many(), after gc.freeze()": ["watch-many", "--freeze"],
}


def main() -> None:
    """Read the options, run each way in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--payments", type=int, default=100_000)
    parser.add_argument("--interval", type=float, default=60.0, help="seconds between two polls of a payment")
    parser.add_argument("--warm-up", type=float, default=90.0, help="seconds in which all are polled once")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    options = parser.parse_args()
    amount = [f"--{name.replace('_', '-')}={value}" for name, value in vars(options).items()]
    rows = []
    with stub_server() as url:
        for shown, (way, *more) in _WAYS.items():
            found = run_in_process("following.many_open_payments", [way, url, *amount, *more])
            rows.append([shown, f"{found['max']:.0f} ms", f"{found['cpu']:.0f} µs", f"{found['bytes'] / 1024:.1f} KiB"])
    head = [f"{options.payments} payments, each polled every {options.interval:g} s", "longest stop", "CPU per poll"]
    print(table([*head, "memory per payment"], rows))


if __name__ == "__main__":
    main()
