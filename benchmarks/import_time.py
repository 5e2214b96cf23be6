"""One import in a fresh process: `python -m benchmarks.import_time ours` prints its milliseconds of CPU as JSON."""

from __future__ import annotations

import argparse
import json
import time
from importlib import import_module

from benchmarks.harness.processes import pin_to_core

IMPORTS = {"dependencies": ("aiohttp", "attrs", "cattrs", "msgspec"), "ours": ("dollr_async",)}


def main() -> None:
    """Read the options, import, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imported", choices=IMPORTS)
    parser.add_argument("--core", type=int, help="the core to run on")
    options = parser.parse_args()
    pin_to_core(options.core)
    began = time.process_time()
    for name in IMPORTS[options.imported]:
        import_module(name)
    print(json.dumps({"cpu": (time.process_time() - began) * 1000.0}))


if __name__ == "__main__":
    main()
