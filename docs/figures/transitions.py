"""What may follow from what in an execution: every action, its results, and the actions that these lead to.

The transitions are those of `Attempt`: from a new one on, every result is tried at every time, again and again. Its
method `after_x` belongs to the action whose name ends with X; it takes the time, and a result where there are several.
"""

from __future__ import annotations

import enum
import functools
import inspect
import itertools
import math
import typing
from typing import TYPE_CHECKING, NamedTuple

import attrs

from dollr_async.flows.attempt import Action, Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ATTEMPTS, _GRACE, _RECOVERY = 3, 30.0, 120.0
_SESSIONS = (math.inf, 1.5, 20.0, 60.0)
_TIMES = (0.0, 1.0, 2.0, 3.0, 4.0, 12.0, 33.0, 66.0, 100.0, 124.0, 260.0)
"""Seconds; each period is over or not at some of them, and before that there is time for several checks."""
_LONG = 1000.0
_WITHOUT_RESULTS = {"RENEW": "renewed", "CHECK_OTHER_KINDS": "not found"}
"""What is written for an action that has one result."""


class Edge(NamedTuple):
    """One result of one action, and the action that it leads to; `is_always` where it leads to no other."""

    source: Action
    result: str
    target: Action
    is_always: bool


_Transition = tuple[Attempt, Action]


def _renewed(known: Attempt, now: float) -> _Transition:
    return known.renewed(now + _LONG), Action.SEND


def _ways() -> dict[Action, list[tuple[str, Callable[[Attempt, float], _Transition]]]]:
    """Return, for each action after which it goes on, its results and what is known after each."""
    ways: dict[Action, list[tuple[str, Callable[[Attempt, float], _Transition]]]] = {}
    for action in Action:
        if action is Action.RENEW:
            ways[action] = [(_WITHOUT_RESULTS[action.name], _renewed)]
        for name, method in inspect.getmembers(Attempt, inspect.isfunction):
            if name.startswith("after_") and action.name.endswith(name.removeprefix("after_").upper()):
                ways[action] = [*_calls(action, method)]
    return ways


def _calls(action: Action, method: Callable[..., _Transition]) -> Iterator[tuple[str, Callable[..., _Transition]]]:
    hints = typing.get_type_hints(method)
    kinds = [kind for kind in hints.values() if isinstance(kind, type) and issubclass(kind, enum.Enum)]
    results = [result for kind in kinds for result in kind]
    flags = [name for name, kind in hints.items() if kind is bool]
    for values in itertools.product((False, True), repeat=len(flags)):
        said = dict(zip(flags, values, strict=True))
        for result in results:
            yield result.value, lambda known, now, r=result, f=said: method(known, r, now, **f)
        if not results:
            yield _WITHOUT_RESULTS.get(action.name, "done"), lambda known, now, f=said: method(known, now, **f)


@functools.cache
def transitions() -> tuple[Edge, ...]:
    """Return every edge that can be reached, in the order of the actions and of the results."""
    ways = _ways()
    waiting = [
        (Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE, session_expires_at=ends), Action.SEND, 0)
        for ends in _SESSIONS
    ]
    seen: set[object] = set()
    found: dict[tuple[Action, str], set[Action]] = {}
    while waiting:
        known, action, earliest = waiting.pop()
        state = (attrs.astuple(known), action, earliest)
        if state in seen:
            continue
        seen.add(state)
        for (result, call), at in itertools.product(ways.get(action, ()), range(earliest, len(_TIMES))):
            then, following = call(known, _TIMES[at])
            found.setdefault((action, result), set()).add(following)
            waiting.append((then, following, at + 1))
    return tuple(
        Edge(action, result, target, len(found[action, result]) == 1)
        for action, results in ways.items()
        for result in dict.fromkeys(result for result, _ in results)
        for target in Action
        if target in found.get((action, result), ())
    )
