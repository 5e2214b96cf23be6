"""The ratio that counts: this library beside the floor, taking turns in one process. The tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.calls.taking_turns import OURS, TWIN
from benchmarks.harness.processes import a_run, a_stub
from benchmarks.harness.rounds import table
from benchmarks.rivals.roster import RIVALS

if TYPE_CHECKING:
    from collections.abc import Sequence

CALLS = ["status", "party"]
COLLECTIONS = ["direct", "document_first"]
_ROWS = {TWIN: "the floor itself", OURS: "dollr_async"}


class Turns(NamedTuple):
    """How often they take turns, and the numbers at once: of calls, and of collections."""

    pairs: int
    at_once: Sequence[int]

    @property
    def collections(self) -> Sequence[int]:
        """The numbers of collections at once."""
        return self.at_once[:2]

    def run(self, url: str, work: Sequence[str], at_once: Sequence[int], *more: str) -> dict[str, float]:
        """Run each kind at each number in a fresh process: a hundred open connections are no matter of the next."""
        found: dict[str, float] = {}
        for kind in work:
            for number in at_once:
                arguments = [url, "--work", kind, "--at-once", number, "--pairs", self.pairs, *more]
                found |= a_run("calls.taking_turns", arguments)
        return found


def tables(turns: Turns, delay: float) -> str:
    """Run all, and return the tables: of calls on each loop, of collections, and of those with slow answers."""
    with a_stub() as url:
        called = {"": turns.run(url, CALLS, turns.at_once)}
        if not RIVALS["ours-uvloop"].missing():
            called[", on uvloop"] = turns.run(url, CALLS, turns.at_once, "--uvloop")
        collected = {"": turns.run(url, COLLECTIONS, turns.collections)}
    parts = [
        _table("CPU time of one call", called, CALLS, turns.at_once, "cpu"),
        _table("Calls a second", called, CALLS, turns.at_once, "rate"),
        _table("CPU time of one collection", collected, COLLECTIONS, turns.collections, "cpu"),
        _table("Time of one collection, p99", collected, COLLECTIONS, turns.collections, "p99"),
        _with_slow_answers(turns, delay),
    ]
    return "\n\n".join(parts)


def _with_slow_answers(turns: Turns, delay: float) -> str:
    found: dict[str, float] = {}
    with a_stub(delay) as url:
        for at_once in turns.collections:
            # Alone a block is one collection, and a p99 wants more than a hundred of them.
            pairs = turns.pairs * 4 // 3 if at_once == 1 else max(turns.pairs // 3, 1)
            found |= turns._replace(pairs=pairs).run(url, COLLECTIONS, [at_once], "--no-twin")
    title = f"Time of one collection, p99, when each answer takes {delay * 1000:.0f} ms"
    return _table(title, {"": found}, COLLECTIONS, turns.collections, "p99")


def _table(
    title: str, runs: dict[str, dict[str, float]], work: Sequence[str], at_once: Sequence[int], figure: str
) -> str:
    columns = [(kind, number) for kind in work for number in at_once]
    head = ["as a ratio to the floor's", *(f"{kind.replace('_', ' ')}, {number} at once" for kind, number in columns)]
    rows = []
    for loop, found in runs.items():
        for name, shown in _ROWS.items():
            names = [f"{name} {kind} {number} {figure}" for kind, number in columns]
            if names[0] in found:
                rows.append([f"{shown}{loop}", *(f"{found[each]:.2f}" for each in names)])
    return f"**{title}**\n\n{table(head, rows)}"
