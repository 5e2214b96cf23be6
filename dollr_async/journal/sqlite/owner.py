"""Whether the process that took a lease still lives: a file beside the journal that it holds locked until it dies.

The operating system gives such a lock back however the process ends, so a restart need not wait for a lease to run out.
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
            # Shared, so that two who ask at once do not take each other for the owner.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class Owner:
    """This opening of a journal, as the others see it. No two have one name.

    Make it, and sweep, only inside a write transaction of the journal: between the making of its file and the lock on
    it a sweeper would take it for dead.
    """

    def __init__(self, journal: Path) -> None:
        """Make the file and hold it."""
        self.name = uuid4().hex
        self._path = _path_of(journal, self.name)
        self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with contextlib.ExitStack() as undo:
            undo.callback(self.release)
            _hold(self._file)
            undo.pop_all()

    def release(self) -> None:
        """Be gone: every lease of this owner may be taken from now on."""
        os.close(self._file)
        _remove(self._path)


def is_alive(journal: Path, name: str) -> bool:
    """Whether the owner of this name still holds its file; where that cannot be asked, it is taken to."""
    return _is_alive(_path_of(journal, name))


def sweep(journal: Path) -> None:
    """Remove what dead owners left."""
    prefix = _path_of(journal, "").name
    # A directory that may not be listed keeps what is left there, which does no harm.
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
    # Another may have been quicker; and no name is used twice, so a file that stays does no harm.
    with contextlib.suppress(OSError):
        path.unlink()


def _path_of(journal: Path, name: str) -> Path:
    return journal.with_name(f"{journal.name}-owner-{name}")
