"""Tables of the ratio of this library's costs to the floor's, where both run alternately in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.calls.ratio_to_floor import OURS, TWIN
from benchmarks.harness.processes import run_in_process, stub_server
from benchmarks.harness.tables import table
from benchmarks.rivals.registry import RIVALS

if TYPE_CHECKING:
    from collections.abc import Sequence

CALLS = ["status", "party"]
COLLECTIONS = ["direct", "document_first"]
_ROWS = {TWIN: "the floor, a second time", OURS: "dollr_async"}


class Repetitions(NamedTuple):
    """How many blocks each contestant does, and the numbers at once, of calls."""

    pairs: int
    at_once: Sequence[int]

    @property
    def collections_at_once(self) -> Sequence[int]:
        """The numbers at once, of collections."""
        return self.at_once[:2]

    def run(self, url: str, work: Sequence[str], at_once: Sequence[int], *more: str) -> dict[str, float]:
        """Run each kind at each number in a fresh process: open connections must not slow the next one."""
        found: dict[str, float] = {}
        for kind in work:
            for number in at_once:
                arguments = [url, "--work", kind, "--at-once", number, "--pairs", self.pairs, *more]
                found |= run_in_process("calls.ratio_to_floor", arguments)
        return found


def ratio_tables(repetitions: Repetitions, delay: float) -> str:
    """Run everything, and return the tables: calls on each loop, collections, and collections with slow answers."""
    collections_at_once = repetitions.collections_at_once
    with stub_server() as url:
        called = {"": repetitions.run(url, CALLS, repetitions.at_once)}
        if not RIVALS["ours-uvloop"].missing():
            called[", on uvloop"] = repetitions.run(url, CALLS, repetitions.at_once, "--uvloop")
        collected = {"": repetitions.run(url, COLLECTIONS, collections_at_once)}
    parts = [
        _table("CPU time of one call", called, CALLS, repetitions.at_once, "cpu"),
        _table("Calls per second", called, CALLS, repetitions.at_once, "rate"),
        _table("CPU time of one collection", collected, COLLECTIONS, collections_at_once, "cpu"),
        _table("Time of one collection, p99", collected, COLLECTIONS, collections_at_once, "p99"),
        _with_slow_answers(repetitions, delay),
    ]
    return "\n\n".join(parts)


def _with_slow_answers(repetitions: Repetitions, delay: float) -> str:
    found: dict[str, float] = {}
    with stub_server(delay) as url:
        for at_once in repetitions.collections_at_once:
            # At 1 at once a block is one collection, and a p99 needs more than a hundred of them.
            pairs = repetitions.pairs * 4 // 3 if at_once == 1 else max(repetitions.pairs // 3, 1)
            found |= repetitions._replace(pairs=pairs).run(url, COLLECTIONS, [at_once], "--no-twin")
    title = f"Time of one collection, p99, when each answer takes {delay * 1000:.0f} ms"
    return _table(title, {"": found}, COLLECTIONS, repetitions.collections_at_once, "p99")


def _table(
    title: str, runs: dict[str, dict[str, float]], work: Sequence[str], at_once: Sequence[int], figure: str
) -> str:
    columns = [(kind, number) for kind in work for number in at_once]
    head = ["ratio to the floor", *(f"{kind.replace('_', ' ')}, {number} at once" for kind, number in columns)]
    rows = []
    for loop, found in runs.items():
        for name, shown in _ROWS.items():
            names = [f"{name} {kind} {number} {figure}" for kind, number in columns]
            if names[0] in found:
                rows.append([f"{shown}{loop}", *(f"{found[each]:.2f}" for each in names)])
    return f"**{title}**\n\n{table(head, rows)}"
