"""What the figures are drawn with: boxes, text that is wrapped by its estimated width, and lines with corners.

All three have the same width, so that their text has the same size: close to a page's own beside it, and still readable
on a phone. Colours follow the page's text colour, so they fit a light and a dark theme.
"""

from __future__ import annotations

from html import escape
from typing import Literal

WIDTH = 440.0
_SCALE = 1.25
"""Pixels of the page for one unit of the figure; on a narrower page the figure shrinks."""
SMALL, NORMAL = 12.0, 13.0
LINE = 15.0
_ROUND = 4.0

_WIDE, _NARROW = "mwMW@%", "iIjlft.,:;'|!()[] r"
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"

# On a page that has the figure inline, furo's variables are the page's colours; alone, it follows the system's theme.
_STYLE = """
{figure} {{ color: var(--color-foreground-primary, #1f2328); max-width: 100%; height: auto; }}
@media (prefers-color-scheme: dark) {{ {figure} {{ color: var(--color-foreground-primary, #e6edf3); }} }}
{figure} text {{ font: {small}px {sans}; fill: currentColor; }}
{figure} .name {{ font: 600 {normal}px {mono}; }}
{figure} .title {{ font-weight: 600; font-size: {normal}px; }}
{figure} .sometimes {{ font-style: italic; }}
{figure} .quiet {{ fill-opacity: 0.75; }}
{figure} .over {{ paint-order: stroke; stroke: var(--color-background-primary, #fff); stroke-width: 4px; }}
@media (prefers-color-scheme: dark) {{ {figure} .over {{ stroke: var(--color-background-primary, #0d1117); }} }}
{figure} .end {{ text-anchor: end; }}
{figure} .middle {{ text-anchor: middle; }}
{figure} rect, {figure} path {{ fill: none; stroke: currentColor; stroke-width: 1.1; }}
{figure} rect {{ fill: currentColor; fill-opacity: 0.07; stroke-opacity: 0.55; }}
{figure} .band {{ fill-opacity: 0.04; stroke: none; }}
{figure} .node {{ fill-opacity: 0.22; }}
{figure} .optional {{ stroke-dasharray: 4 3; }}
{figure} .rule {{ stroke-opacity: 0.3; }}
{figure} .head {{ fill: currentColor; stroke: none; }}
{figure} .good, {figure} .good + .head {{ color: #17936a; }}
{figure} .money, {figure} .money + .head {{ color: #c2700c; }}
{figure} .good, {figure} .money {{ stroke-opacity: 1; }}
""".lstrip()

Anchor = Literal["", "end", "middle"]


def text_width(text: str, size: float = SMALL, *, is_mono: bool = False) -> float:
    """Return how wide a text is at most, by the widest of the usual fonts."""
    if is_mono:
        return 0.62 * size * len(text)
    return size * sum(0.95 if c in _WIDE else 0.4 if c in _NARROW else 0.73 if c.isupper() else 0.62 for c in text)


def wrapped(text: str, width: float) -> list[str]:
    """Return the lines of a text of the small size that fit into a width; a longer word stays whole."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class Drawing:
    """The elements of one figure, in the order in which they are drawn."""

    def __init__(self, name: str) -> None:
        """Begin an empty figure; `name` keeps its style apart from that of others on the same page."""
        self._name = name
        self._elements: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, *styles: str) -> None:
        """Draw a rectangle from its upper left corner."""
        self._elements.append(
            f'<rect{_class(*styles)} x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{_ROUND:g}"/>'
        )

    def text(self, x: float, y: float, words: str, *styles: str, anchor: Anchor = "") -> None:
        """Write one line; `y` is its base line, and `anchor` what of it stands at `x`."""
        written = escape(words, quote=False)
        self._elements.append(f'<text{_class(*styles, anchor)} x="{x:g}" y="{y:g}">{written}</text>')

    def words(self, x: float, y: float, words: list[tuple[str, str]], *, anchor: Anchor = "") -> None:
        """Write one line of words, each with a style of its own."""
        spans = " ".join(f"<tspan{_class(style)}>{escape(word, quote=False)}</tspan>" for word, style in words)
        self._elements.append(f'<text{_class(anchor)} x="{x:g}" y="{y:g}">{spans}</text>')

    def line(self, points: list[tuple[float, float]], *styles: str, has_head: bool = True) -> None:
        """Draw a line through points, each straight below or beside the one before, with a head at its end."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        self._elements.append(f'<path{_class(*styles)} d="{path}"/>')
        if has_head:
            self._elements.append(_head(points[-2], points[-1]))

    def dot(self, x: float, y: float) -> None:
        """Draw where everything begins."""
        self._elements.append(f'<circle class="head" cx="{x:g}" cy="{y:g}" r="5"/>')

    def svg(self, height: float, *, title: str, description: str) -> str:
        """Return the whole file; a screen reader reads the title and the description in place of the figure."""
        figure, titled, described = self._name, f"{self._name}-title", f"{self._name}-description"
        size = f'viewBox="0 0 {WIDTH:g} {height:g}" width="{WIDTH * _SCALE:g}" height="{height * _SCALE:g}"'
        read = f'role="img" aria-labelledby="{titled}" aria-describedby="{described}"'
        style = _STYLE.format(figure=f"#{figure}", small=f"{SMALL:g}", normal=f"{NORMAL:g}", sans=_SANS, mono=_MONO)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" id="{figure}" {read} {size}>',
                f'<title id="{titled}">{escape(title, quote=False)}</title>',
                f'<desc id="{described}">{escape(description, quote=False)}</desc>',
                f"<style>\n{style}</style>",
                *self._elements,
                "</svg>\n",
            ]
        )


def _class(*styles: str) -> str:
    named = " ".join(style for style in styles if style)
    return f' class="{named}"' if named else ""


def _head(before: tuple[float, float], tip: tuple[float, float]) -> str:
    (x, y), length, half = tip, 6.0, 2.7
    along_x, along_y = _sign(x - before[0]), _sign(y - before[1])
    back_x, back_y = x - along_x * length, y - along_y * length
    corners = (
        (x, y),
        (back_x - along_y * half, back_y - along_x * half),
        (back_x + along_y * half, back_y + along_x * half),
    )
    return f'<polygon class="head" points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>'


def _sign(value: float) -> float:
    return (value > 0) - (value < 0)
