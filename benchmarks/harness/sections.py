"""The sections of a benchmark program: runs those that were asked for, prints them, and writes them to a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Sections = Mapping[str, tuple[str, Callable[[argparse.Namespace], str]]]


def read_options(parser: argparse.ArgumentParser, sections: Sections) -> argparse.Namespace:
    """Read the options; an unknown section ends the program with an error that names the known ones."""
    options = parser.parse_args()
    options.sections = options.sections or list(sections)
    if unknown := set(options.sections) - set(sections):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; choose from {', '.join(sections)}")
    return options


def run_sections(options: argparse.Namespace, sections: Sections) -> None:
    """Run the sections, print each as it is done, and write all of them to the page."""
    written = []
    for name in options.sections:
        title, run = sections[name]
        written.append(f"## {title}\n\n{run(options)}\n")
        print(written[-1], flush=True)
    if options.page is not None:
        options.page.write_text("\n".join(written))
