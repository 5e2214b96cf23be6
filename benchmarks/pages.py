"""The sections of a benchmark: those that were asked for are run, shown, and written for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Sections = Mapping[str, tuple[str, Callable[[argparse.Namespace], str]]]


def read(parser: argparse.ArgumentParser, sections: Sections) -> argparse.Namespace:
    """Read the options; a section that there is not ends the program with a sentence."""
    options = parser.parse_args()
    options.sections = options.sections or list(sections)
    if unknown := set(options.sections) - set(sections):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(sections)}")
    return options


def show(options: argparse.Namespace, sections: Sections) -> None:
    """Run the sections, show each as it comes, and write them all to the page."""
    written = []
    for name in options.sections:
        title, run = sections[name]
        written.append(f"## {title}\n\n{run(options)}\n")
        print(written[-1], flush=True)
    if options.page is not None:
        options.page.write_text("\n".join(written))
