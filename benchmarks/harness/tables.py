"""Tables in Markdown, and their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.harness.figures import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown; its columns are aligned, so that a terminal shows it well too."""
    written = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    first, *others = (
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in written
    )
    return "\n".join([first, f"|{'|'.join('-' * (width + 2) for width in widths)}|", *others])


def quantile_cells(values: Sequence[float], *shares: float) -> list[str]:
    """Return these quantiles of sorted seconds as cells, which are empty where there are no values."""
    return [f"{quantile(values, share):.2f} s" if values else "" for share in shares]
