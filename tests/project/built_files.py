"""Compare built files: two builds have the same bytes, and the wheel has the code of the source distribution.

    python tests/project/built_files.py DIRECTORY OTHER [UNPACK]

Each directory has one wheel and one source distribution. With `UNPACK`, the source distribution is unpacked there,
without the package itself, so that its tests run against what is installed.
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGE = ("dollr_async/", "pytest_dollr.py")
"""What the wheel installs, beside its metadata."""


def files(directory: Path) -> dict[str, bytes]:
    """Return the built files of a directory by their names."""
    return {path.name: path.read_bytes() for path in sorted(directory.glob("dollr_async-*"))}


def in_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def in_sdist(sdist: Path) -> dict[str, bytes]:
    """Return the files of a source distribution, without the directory that has its name."""
    with tarfile.open(sdist) as archive:
        members = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name.partition("/")[2]: file.read() for name, file in members.items() if file is not None}


def problems(directory: Path, other: Path) -> list[str]:
    """Return what is wrong with the files of two directories."""
    built, again = files(directory), files(other)
    found = [f"not in both builds: {name}" for name in sorted(built.keys() ^ again.keys())]
    found += [f"built twice with different bytes: {name}" for name in built if built[name] != again.get(name)]
    wheel, sdist = in_wheel(one(directory, "*.whl")), in_sdist(one(directory, "*.tar.gz"))
    code = {name: content for name, content in sdist.items() if name.startswith(PACKAGE)}
    found += [f"not in both kinds of files: {name}" for name in sorted(wheel.keys() ^ code.keys())]
    found += [f"different in the wheel: {name}" for name in wheel if name in code and wheel[name] != code[name]]
    return found


def one(directory: Path, pattern: str) -> Path:
    """Return the only file of a directory that matches a pattern."""
    (found,) = directory.glob(pattern)
    return found


def unpack_tests(sdist: Path, target: Path) -> None:
    """Unpack a source distribution without the package itself."""
    for name, content in in_sdist(sdist).items():
        if not name.startswith(PACKAGE):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main(arguments: list[str]) -> int:
    """Print what is wrong, and return the exit code."""
    directory, other, *target = map(Path, arguments)
    found = problems(directory, other)
    sys.stdout.writelines(f"{problem}\n" for problem in found)
    if target:
        unpack_tests(one(directory, "*.tar.gz"), target[0])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
