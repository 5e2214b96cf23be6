"""Whether the process that took a lease still lives, shown by a lock file beside the journal.

The process holds the file locked until it ends. The operating system releases the lock however the process ends, so a
restart need not wait until a lease expires.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":  # pragma: no cover - the locks of the other operating systems are tested
    import msvcrt

    def _hold(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _is_held(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return True
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
        return False

else:
    # flock, not lockf: a lockf lock is lost when the process closes any other handle of the file.
    import fcntl

    def _hold(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _is_held(file: int) -> bool:
        try:
            # Shared, so that two processes that ask at the same time do not take each other for the owner.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class LeaseOwner:
    """One opened journal, as other processes see it. Every opening has a name of its own.

    Make one, and call `remove_dead_owners`, only inside a write transaction of the journal. Between the creation of the
    lock file and its lock, another process would take this owner for dead.
    """

    def __init__(self, journal: Path) -> None:
        """Make the lock file and lock it."""
        self.name = uuid4().hex
        self._path = _path_of(journal, self.name)
        self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with contextlib.ExitStack() as undo:
            undo.callback(self.release)
            _hold(self._file)
            undo.pop_all()

    def release(self) -> None:
        """Release the lock: every lease of this owner is free from now on."""
        os.close(self._file)
        _remove(self._path)


def is_alive(journal: Path, name: str) -> bool:
    """Whether the owner of this name still holds its lock. When that cannot be checked, the answer is yes."""
    return _is_alive(_path_of(journal, name))


def remove_dead_owners(journal: Path) -> None:
    """Remove the lock files of dead owners."""
    prefix = _path_of(journal, "").name
    # In a directory that may not be listed the files stay, which does no harm.
    with contextlib.suppress(OSError):
        for path in journal.parent.iterdir():
            if path.name.startswith(prefix):
                _is_alive(path)


def _is_alive(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        held = _is_held(file)
    finally:
        os.close(file)
    if not held:
        _remove(path)
    return held


def _remove(path: Path) -> None:
    # Another process may have removed it. No name is used twice, so a file that stays does no harm.
    with contextlib.suppress(OSError):
        path.unlink()


def _path_of(journal: Path, name: str) -> Path:
    return journal.with_name(f"{journal.name}-owner-{name}")
