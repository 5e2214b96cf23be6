"""Import the whole package as Windows would, and take a lease there: no module of POSIX, and the locks of `msvcrt`.

    python tests/project/as_on_windows.py DIRECTORY

It prints the modules that were imported. The libraries below are loaded before, so that only this package is asked.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import types
from pathlib import Path

POSIX = ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "readline", "posix", "syslog")
NOT_ALONE = ("dollr_async.integrations.django", "dollr_async.__main__")
"""What a project of Django or the command line imports."""


def modules() -> list[str]:
    """Return the names of the package's modules."""
    package = importlib.import_module("dollr_async")
    found = [module.name for module in pkgutil.walk_packages(package.__path__, "dollr_async.", onerror=lambda _: None)]
    return ["dollr_async", *(name for name in found if not name.startswith(NOT_ALONE) and "__main__" not in name)]


def locks() -> types.ModuleType:
    """Return an `msvcrt` with the locks of one process: a byte of a file can be locked once."""
    held: dict[int, int] = {}
    module = types.ModuleType("msvcrt")

    def locking(file: int, mode: int, _count: int) -> None:
        inode = os.fstat(file).st_ino
        owner = held.get(inode)
        if mode == 0:
            del held[inode]
        elif owner is not None:
            message = "locked"
            raise PermissionError(13, message)
        else:
            held[inode] = file

    vars(module).update(LK_UNLCK=0, LK_NBLCK=2, locking=locking)
    return module


def become_windows() -> list[str]:
    """Load the libraries, forget this package, and take POSIX away; return the modules to import again."""
    names = modules()
    for name in names:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "dollr_async"]:
        del sys.modules[name]
    for name in POSIX:
        sys.modules[name] = None  # type: ignore[assignment] # an import of it raises ImportError
    sys.modules["msvcrt"] = locks()
    sys.platform = "win32"
    for name in ("register_at_fork", "fork", "getuid", "geteuid"):
        delattr(os, name)
    return names


def main(directory: Path) -> None:
    """Import everything, and let one lease be taken, seen and given back."""
    for name in become_windows():
        importlib.import_module(name)
        print(name)  # noqa: T201 - the result
    lease_owner = importlib.import_module("dollr_async.journal.sqlite.lease_owner")
    journal = directory / "payments.sqlite3"
    owner = lease_owner.LeaseOwner(journal)
    assert lease_owner.is_alive(journal, owner.name)
    lease_owner.remove_dead_owners(journal)
    assert lease_owner.is_alive(journal, owner.name)
    owner.release()
    assert not lease_owner.is_alive(journal, owner.name)
    assert not list(directory.iterdir())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
