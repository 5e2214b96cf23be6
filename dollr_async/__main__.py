"""The `dollr` command, and `python3 -m dollr_async`, which is the same program."""

from __future__ import annotations

import sys

_OF_THE_EXTRA = {"cyclopts", "rich"}


def main() -> int:
    """Run the command line and return its exit code; 2 means that its extra is not installed."""
    try:
        from dollr_async.cli.commands import app  # noqa: PLC0415 - the extra may be missing, which is said in words
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        sys.stderr.write("The dollr command needs its extra: python3 -m pip install 'dollr-async[cli]'\n")
        return 2
    app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
