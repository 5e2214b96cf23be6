"""Mutation tests of the modules that move money: `python -m tests.proof.mutation` names the changes no test notices.

mutmut makes small changes, one at a time, and runs the tests that reach the changed function (`[tool.mutmut]` in
pyproject.toml names the modules and the tests). A change after which a test fails or hangs was noticed. The program
prints the share of those for each module, and returns 1 where it is below 90 % in all. docs/mutation.md says why the
other changes do no harm. On one core it takes hours; results of unchanged functions are kept in `mutants/`.
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
"""The share of changes, in percent, that the tests have to notice."""

_NOTICED = {"killed", "timeout", "segfault"}
_MISSED = {"survived", "no tests"}
_RESULT = re.compile(r"^\s*dollr_async\.(?P<module>[\w.]+)\.(?P<change>x[^.\s]+): (?P<status>[\w ]+)$")


@attrs.define
class Changes:
    """The changes of one module, by mutmut's names."""

    noticed: list[str] = attrs.field(factory=list)
    missed: list[str] = attrs.field(factory=list)
    without_result: list[str] = attrs.field(factory=list)

    @property
    def share(self) -> float:
        """The share that was noticed, in percent of those with a result."""
        with_result = len(self.noticed) + len(self.missed)
        return 100.0 * len(self.noticed) / with_result if with_result else 0.0

    def add(self, change: str, status: str) -> None:
        """Add a change to its list."""
        kind = self.noticed if status in _NOTICED else self.missed if status in _MISSED else self.without_result
        kind.append(change)

    def line(self, name: str) -> str:
        """Return the figures as one line."""
        with_result = len(self.noticed) + len(self.missed)
        return f"{name:20} {len(self.noticed):5} of {with_result:5} noticed {self.share:6.1f} %"


def read_results(lines: Iterable[str]) -> dict[str, Changes]:
    """Return the changes of each module in mutmut's results, and those of all modules as `all`."""
    modules: dict[str, Changes] = {}
    for found in filter(None, map(_RESULT.match, lines)):
        for name in (found["module"], "all"):
            change = f"dollr_async.{found['module']}.{found['change']}"
            modules.setdefault(name, Changes()).add(change, found["status"])
    return dict(sorted(modules.items(), key=lambda module: (module[0] == "all", module[0])))


def main(argv: Sequence[str] | None = None) -> int:
    """Make the changes, print the shares, and return 1 when too few were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("changes", nargs="*", help="try only these again, by mutmut's names; * matches anything")
    parser.add_argument("--workers", type=int, default=1, help="how many changes are tried at the same time")
    parser.add_argument("--list", action="store_true", help="name every change that was missed")
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")
    options = parser.parse_args(argv)
    if options.fresh:
        shutil.rmtree("mutants", ignore_errors=True)
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    run = subprocess.run([mutmut, "run", f"--max-children={options.workers}", *options.changes], check=False)
    if run.returncode:
        return run.returncode  # mutmut has printed why: usually a test fails without any change
    results = subprocess.run([mutmut, "results", "--all=true"], check=True, capture_output=True, text=True)
    modules = read_results(results.stdout.splitlines())
    total = modules["all"]
    print("\n".join(changes.line(name) for name, changes in modules.items()))  # noqa: T201 - the result
    if options.list:
        print("\n".join(total.missed))  # noqa: T201 - the result
    if total.without_result:
        print(f"{len(total.without_result)} have no result: run it again without names")  # noqa: T201 - the result
    return 0 if total.share >= ENOUGH and not total.without_result else 1


if __name__ == "__main__":
    sys.exit(main())
