"""Finding the operation of a method and a path."""

from __future__ import annotations

from urllib.parse import unquote

import attrs

from dollr_async.sandbox.api.operations import OPERATIONS, PREFIX, Operation


@attrs.frozen
class Match:
    """An operation with its path parameters, or None and the methods that the path allows."""

    operation: Operation | None
    values: dict[str, str] = attrs.field(factory=dict)
    allowed: tuple[str, ...] = ()


@attrs.frozen
class _Route:
    operation: Operation
    parts: tuple[str | None, ...]
    names: tuple[str, ...]

    def values(self, parts: list[str]) -> dict[str, str] | None:
        """The path parameters, or None when the path does not fit."""
        found = []
        for expected, part in zip(self.parts, parts, strict=True):
            if expected is None:
                found.append(unquote(part))
            elif expected != part:
                return None
        return dict(zip(self.names, found, strict=True)) if all(found) else None


def _route(operation: Operation) -> _Route:
    parts = operation.path.split("/")
    parameters = [part.strip("{}") for part in parts if part.startswith("{")]
    fixed = tuple(None if part.startswith("{") else part for part in parts)
    return _Route(operation, fixed, tuple(parameters))


class Router:
    """All routes: the fixed paths in one dict, those with parameters by their first part and length."""

    def __init__(self) -> None:
        """Read the paths of all operations."""
        self._fixed: dict[str, dict[str, Operation]] = {}
        self._open: dict[tuple[str, int], list[_Route]] = {}
        for operation in OPERATIONS:
            route = _route(operation)
            if route.names:
                self._open.setdefault((str(route.parts[0]), len(route.parts)), []).append(route)
            else:
                self._fixed.setdefault(PREFIX + operation.path, {})[operation.method] = operation

    def match(self, method: str, raw_path: str) -> Match:
        """Find the operation of a method and a percent-encoded path."""
        fixed = self._fixed.get(raw_path)
        if fixed is not None:
            return Match(fixed.get(method), allowed=tuple(fixed))
        if not raw_path.startswith(PREFIX):
            return Match(None)
        parts = raw_path[len(PREFIX) :].split("/")
        allowed: list[str] = []
        for route in self._open.get((parts[0], len(parts)), ()):
            values = route.values(parts)
            if values is not None:
                if route.operation.method == method:
                    return Match(route.operation, values)
                allowed.append(route.operation.method)
        return Match(None, allowed=tuple(allowed))
