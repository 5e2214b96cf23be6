"""The payers' phones: which of them a person answers, on the phone's page."""

from __future__ import annotations

import attrs


@attrs.define
class Handsets:
    """The phones that a person answers; a collection from one of them waits. All others answer by their own rules."""

    every: bool = False
    """Whether a person answers every phone."""
    by_hand: set[str] = attrs.field(factory=set)
    """The phones that a person answers, whatever `every` says."""

    def is_by_hand(self, phone: str) -> bool:
        """Whether a collection from this phone waits for a person."""
        return self.every or phone in self.by_hand
