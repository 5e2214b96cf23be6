"""The packages of dollr_async and which uses which: read from the imports, in the order of the layers contract."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from docs.figures.drawing import LINE, WIDTH, Drawing, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
_PACKAGE = ROOT / "dollr_async"
_MAIN, _CHANNEL, _GAP, _PADDING = 250.0, 44.0, 16.0, 8.0
_TOP, _HEAD = 2.0, 18.0
_ARRIVES, _LEAVES = 9.0, 25.0
"""How far below its upper edge a line to a package beside it ends and begins."""


class Box(NamedTuple):
    """Where a package stands; `is_main` is whether it stands in the column of the longest way down."""

    name: str
    x: float
    y: float
    width: float
    height: float
    lines: list[str]
    is_main: bool

    @property
    def end(self) -> float:
        """The height of its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The middle of its width."""
        return self.x + self.width / 2


def layers() -> list[str]:
    """Return every package in the order of the contract, the one that may use all others first."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    return [name.strip() for layer in contract["layers"] for name in layer.replace("|", ":").split(":")]


def imports() -> dict[str, set[str]]:
    """Return which packages each one imports, for its types alone too."""
    return {name: {used for path in _files(name) for used in imported(path)} - {name} for name in layers()}


def _files(name: str) -> Sequence[Path]:
    module = _PACKAGE / f"{name}.py"
    return [module] if module.exists() else sorted((_PACKAGE / name).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the packages of ours that a module imports, wherever in it that is done."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            top, _, rest = module.partition(".")
            name = rest.partition(".")[0]
            if top == _PACKAGE.name and _files(name):
                yield name


def below(name: str, uses: Mapping[str, set[str]]) -> set[str]:
    """Return all that a package reaches, by others too."""
    reached: set[str] = set()
    waiting = list(uses[name])
    while waiting:
        used = waiting.pop()
        if used not in reached:
            reached.add(used)
            waiting += uses[used]
    return reached


def arrows(uses: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return what each package uses, without what it reaches by another one anyway."""
    return {
        name: {used for used in direct if all(used not in below(other, uses) for other in direct)}
        for name, direct in uses.items()
    }


def sentence(name: str) -> str:
    """Return the first sentence of a package's docstring."""
    path = _PACKAGE / f"{name}.py"
    source = path if path.exists() else _PACKAGE / name / "__init__.py"
    docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
    words = " ".join(docstring.split("\n\n")[0].split())
    end = words.find(". ")
    return (words if end < 0 else words[: end + 1]).replace("`", "")


def longest_way(names: Sequence[str], down: Mapping[str, set[str]]) -> list[str]:
    """Return the longest way down."""
    ways: dict[str, list[str]] = {}
    for name in reversed(names):
        ways[name] = [name, *max((ways[used] for used in sorted(down[name])), key=len, default=[])]
    return max((ways[name] for name in names), key=len)


def _boxes(names: Sequence[str], main: Sequence[str], down: Mapping[str, set[str]]) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    y = _TOP
    for name in main:
        boxes[name] = _box(name, 1.0, y, _MAIN - 1.0, is_main=True)
        y = boxes[name].end + _GAP
    side, side_end = _MAIN + _CHANNEL, _TOP
    beside = [name for name in names if name not in main]
    for name in sorted(beside, key=lambda name: _height(name, names, down, boxes)):
        y = max(_height(name, names, down, boxes), side_end)
        boxes[name] = _box(name, side, y, WIDTH - side - 1.0, is_main=False)
        side_end = boxes[name].end + _GAP
    return boxes


def _box(name: str, x: float, y: float, width: float, *, is_main: bool) -> Box:
    lines = wrapped(sentence(name), width - 2 * _PADDING)
    return Box(name, x, y, width, LINE * (len(lines) + 1) + 13.0, lines, is_main)


def _height(name: str, names: Sequence[str], down: Mapping[str, set[str]], main: Mapping[str, Box]) -> float:
    """Return how far down a package stands beside the others: by its place in the order, or by its user when alone."""
    users = [main[user] for user in names if name in down[user] and user in main]
    if users and not down[name]:
        return users[0].y + _LEAVES - _ARRIVES
    above = [main[other].end for other in names[: names.index(name)] if other in main and main[other].is_main]
    return max(above, default=_TOP)


def figure() -> str:
    """Return the figure as SVG."""
    names, down = layers(), arrows(imports())
    boxes = _boxes(names, longest_way(names, down), down)
    drawing = Drawing("figure-packages")
    for box in boxes.values():
        _draw(drawing, box)
    _draw_arrows(
        drawing, [(boxes[name], boxes[used]) for name in names for used in sorted(down[name], key=names.index)]
    )
    told = "; ".join(f"{name} uses {', '.join(sorted(used, key=names.index))}" for name, used in down.items() if used)
    return drawing.svg(
        max(box.end for box in boxes.values()) + 2.0,
        title="The packages of dollr_async and which uses which",
        description=f"From top to bottom: {', '.join(names)}. {told}; and each uses what these use.",
    )


def _draw(drawing: Drawing, box: Box) -> None:
    drawing.box(box.x, box.y, box.width, box.height)
    drawing.text(box.x + _PADDING, box.y + _HEAD, box.name, "name")
    for number, line in enumerate(box.lines):
        drawing.text(box.x + _PADDING, box.y + _HEAD + LINE * (number + 1), line)


def _draw_arrows(drawing: Drawing, pairs: Sequence[tuple[Box, Box]]) -> None:
    beside: list[tuple[Box, Box]] = []
    for upper, lower in pairs:
        if upper.x == lower.x and 0 <= lower.y - upper.end <= _GAP:
            drawing.line([(upper.middle, upper.end), (lower.middle, lower.y)])
        else:
            beside.append((upper, lower))
    lanes = _lanes(beside)
    for (upper, lower), lane in zip(beside, lanes, strict=True):
        leaves = upper.x + upper.width if upper.is_main else upper.x
        enters = lower.x + lower.width if lower.is_main else lower.x
        x = _MAIN + _CHANNEL * (lane + 1) / (max(lanes) + 2)
        start, end = upper.y + _LEAVES, _arrival(upper, lower)
        middle = [(x, start), (x, end)] if start != end else []
        drawing.line([(leaves, start), *middle, (enters, end)])


def _arrival(upper: Box, lower: Box) -> float:
    """Return where a line ends: straight beside its beginning, where that is not too low."""
    return min(max(upper.y + _LEAVES, lower.y + _ARRIVES), lower.end - _ARRIVES)


def _lanes(pairs: Sequence[tuple[Box, Box]]) -> list[int]:
    """Return a lane for each line, so that no two of a lane are side by side."""
    taken: list[tuple[int, float, float]] = []
    for upper, lower in pairs:
        first, last = sorted((upper.y + _LEAVES, _arrival(upper, lower)))
        near = {lane for lane, top, bottom in taken if top - _GAP < last and first < bottom + _GAP}
        taken.append((next(lane for lane in range(len(pairs)) if lane not in near), first, last))
    return [lane for lane, _, _ in taken]
