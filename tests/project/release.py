"""Check that a tag may be released, and write the notes of a release.

    python tests/project/release.py check v0.1.0 https://github.com/owner/name
    python tests/project/release.py notes

It needs nothing but Python, since it runs before anything is installed. It exits with 1 and says what is wrong.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def package_version(root: Path = ROOT) -> str:
    """Return the version of the package, as it is written in it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    source = (root / project["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    (version,) = re.findall(r'^VERSION = "(.+)"$', source, flags=re.MULTILINE)
    return str(version)


def section(root: Path = ROOT) -> tuple[str, str]:
    """Return the date and the text of the newest version of the changelog."""
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    title, _, text = changelog.partition("\n## [")[2].partition("\n")
    return title.partition("] - ")[2], text.partition("\n## [")[0].strip()


def problems(tag: str, repository: str, root: Path = ROOT) -> list[str]:
    """Return why a tag may not be released from a repository."""
    version, (date, text) = package_version(root), section(root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and the version {version}: the tag must be v{version}")
    if f"\n## [{version}] - " not in changelog or not changelog.partition("\n## [")[2].startswith(f"{version}]"):
        found.append(f"the newest version of CHANGELOG.md is not {version}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        found.append(f"the newest version of CHANGELOG.md has no date but {date!r}")
    if not text:
        found.append("the newest version of CHANGELOG.md has no text")
    if (named := project.get("urls", {}).get("Repository")) != repository:
        found.append(f"Repository in [project.urls] of pyproject.toml is {named}, and must be {repository}")
    return found


def main(arguments: list[str]) -> int:
    """Run one of the two commands, and return the exit code."""
    match arguments:
        case ["check", tag, repository]:
            found = problems(tag, repository)
            sys.stderr.writelines(f"{problem}\n" for problem in found)
            return 1 if found else 0
        case ["notes"]:
            sys.stdout.write(f"{section()[1]}\n")
            return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
