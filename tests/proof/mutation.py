"""Change the money rooms in every small way: `python -m tests.proof.mutation` tells which changes no test notices.

mutmut makes the changes, one at a time, and runs the tests that reach the changed function (`[tool.mutmut]` in
pyproject.toml says in which rooms, and with which tests). A change that makes a test fail, or hang, was noticed. The
share of those is printed for each room; below 90 % in all it ends in 1. docs/mutation.md tells why the others do no
harm. On one core it takes an hour or more; what is known of functions that did not change is kept in `mutants/`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENOUGH = 90.0
"""The least share of changes, in percent, that the tests have to notice."""

_NOTICED = {"killed", "timeout", "segfault"}
_MISSED = {"survived", "no tests"}
_RESULT = re.compile(r"^\s*dollr_async\.(?P<room>[\w.]+)\.(?P<change>x[^.\s]+): (?P<status>[\w ]+)$")


@attrs.define
class Room:
    """The changes of one room, by mutmut's names."""

    noticed: list[str] = attrs.field(factory=list)
    missed: list[str] = attrs.field(factory=list)
    unjudged: list[str] = attrs.field(factory=list)

    @property
    def share(self) -> float:
        """The share that was noticed, in percent, of those that were judged."""
        judged = len(self.noticed) + len(self.missed)
        return 100.0 * len(self.noticed) / judged if judged else 0.0

    def add(self, change: str, status: str) -> None:
        """Put a change where it belongs."""
        kind = self.noticed if status in _NOTICED else self.missed if status in _MISSED else self.unjudged
        kind.append(change)

    def line(self, name: str) -> str:
        """Return the figures in a line."""
        judged = len(self.noticed) + len(self.missed)
        return f"{name:20} {len(self.noticed):5} of {judged:5} noticed {self.share:6.1f} %"


def told(lines: Iterable[str]) -> dict[str, Room]:
    """Return the rooms that the results of mutmut tell of, and all of them together under `all`."""
    rooms: dict[str, Room] = {}
    for found in filter(None, map(_RESULT.match, lines)):
        for name in (found["room"], "all"):
            change = f"dollr_async.{found['room']}.{found['change']}"
            rooms.setdefault(name, Room()).add(change, found["status"])
    return dict(sorted(rooms.items(), key=lambda room: (room[0] == "all", room[0])))


def main(argv: Sequence[str] | None = None) -> int:
    """Make the changes, print the shares, and return 1 when too few were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("changes", nargs="*", help="only these again, by mutmut's names; * stands for anything")
    parser.add_argument("--workers", type=int, default=1, help="how many changes are tried side by side")
    parser.add_argument("--list", action="store_true", help="name every change that was missed")
    parser.add_argument("--fresh", action="store_true", help="keep nothing of an earlier run")
    options = parser.parse_args(argv)
    if options.fresh:
        shutil.rmtree("mutants", ignore_errors=True)
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    run = subprocess.run([mutmut, "run", f"--max-children={options.workers}", *options.changes], check=False)
    if run.returncode:
        return run.returncode  # mutmut has said why: as a rule, a test fails without any change
    results = subprocess.run([mutmut, "results", "--all=true"], check=True, capture_output=True, text=True)
    rooms = told(results.stdout.splitlines())
    total = rooms["all"]
    print("\n".join(room.line(name) for name, room in rooms.items()))  # noqa: T201 - the result
    if options.list:
        print("\n".join(total.missed))  # noqa: T201 - the result
    if total.unjudged:
        print(f"{len(total.unjudged)} were not judged: run it again, and without names")  # noqa: T201 - the result
    return 0 if total.share >= ENOUGH and not total.unjudged else 1


if __name__ == "__main__":
    sys.exit(main())
