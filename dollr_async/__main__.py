"""The `dollr` command, and `python3 -m dollr_async`, which is the same program."""

from __future__ import annotations

import sys

_CLI_EXTRA = {"cyclopts", "rich"}
"""The packages that the extra `cli` installs."""


def main() -> int:
    """Run the command line and return its exit code. 2 means that the extra `cli` is not installed."""
    try:
        from dollr_async.cli.commands import run  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        if error.name not in _CLI_EXTRA:
            raise
        sys.stderr.write("The dollr command needs the extra cli: python3 -m pip install 'dollr-async[cli]'\n")
        return 2
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
