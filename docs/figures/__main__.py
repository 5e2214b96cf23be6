"""Write every figure, or the ones that are named: `python3 -m docs.figures packages costs`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    for name in sys.argv[1:] or ("packages", "chain", "execution", "fleet", "crash", "costs", "trying_again"):
        Path(__file__).with_name(f"{name}.svg").write_text(import_module(f"docs.figures.{name}").figure())
