"""How many polls may begin in a second, by the settings of one client alone."""

from __future__ import annotations

from typing import Protocol

_CATCH_UP = 0.05
"""Seconds of missed polls that are made up for after a busy loop; the ceiling is never exceeded by more."""


class Ceiling(Protocol):
    """Says when the next poll may begin."""

    def opens_at(self, wanted: int, now: float) -> float:
        """When the next of `wanted` polls may begin, by the loop's clock; infinity while that is not known yet."""
        ...

    def take(self, now: float) -> None:
        """Note that a poll begins now."""
        ...

    def pause(self, seconds: float) -> None:
        """Note that the API asked to wait."""
        ...

    async def close(self) -> None:
        """End what goes on in the background."""
        ...


class LocalCeiling:
    """A ceiling on the polls of one client, or none."""

    def __init__(self, per_second: float | None) -> None:
        """Take the most polls in a second; None is no limit."""
        self._gap = 0.0 if per_second is None else 1.0 / per_second
        self._next_slot = 0.0

    def opens_at(self, wanted: int, now: float) -> float:  # noqa: ARG002 - no poll waits for another process
        """When the next poll may begin."""
        return self._next_slot

    def take(self, now: float) -> None:
        """Note that a poll begins now."""
        is_late = now - self._next_slot < max(_CATCH_UP, self._gap)
        self._next_slot = (self._next_slot if is_late else now) + self._gap

    def pause(self, seconds: float) -> None:
        """Do nothing: the schedule itself pauses."""

    async def close(self) -> None:
        """Do nothing: nothing goes on in the background."""
