"""An observer that keeps all events."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dollr_async.observing import Event

E = TypeVar("E", bound="Event")


class Recorder:
    """Keeps all events, in their order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def written(self) -> str:
        """Return all that the events say, in each form in which a program may write it."""
        return "\n".join(f"{event!r} {event.to_json()}" for event in self.events)
