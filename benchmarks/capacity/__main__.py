"""What polling costs and how late it reports, calculated and simulated: `python -m benchmarks.capacity`.

The tables go to the terminal and, with `--page`, into the file that the documentation shows; with `--plots`, the plots
go into a directory. All times are virtual, so the figures are the same on every machine.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.capacity import delay_tables, load_tables
from benchmarks.harness.sections import read_options, run_sections

if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS: dict[str, tuple[str, Callable[[argparse.Namespace], str]]] = {
    "detection": ("Detection delay and polls", delay_tables.detection),
    "curve": ("The choice of max_interval", delay_tables.max_interval),
    "load": ("Polls per second and payments in flight", load_tables.load),
}


def main() -> None:
    """Read the options, simulate, and show the sections."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("sections", nargs="*", help=f"any of {', '.join(SECTIONS)}; without one, all of them")
    parser.add_argument("--detection-payments", type=int, default=20_000, help="payments for each row of detection")
    parser.add_argument("--curve-payments", type=int, default=5_000, help="payments for each point of the curve")
    parser.add_argument("--payments", type=int, default=100_000, help="payments for each row of load")
    parser.add_argument("--window", type=float, default=1800.0, help="seconds within which those begin")
    parser.add_argument("--page", type=Path, help="the file to write the tables to")
    parser.add_argument("--plots", type=Path, help="the directory to draw the plots into")
    options = read_options(parser, SECTIONS)
    if options.plots is not None and find_spec("matplotlib") is None:
        print("the plots are left out: matplotlib is not installed", file=sys.stderr)
        options.plots = None
    run_sections(options, SECTIONS)


if __name__ == "__main__":
    main()
