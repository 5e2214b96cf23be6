"""What is a number in a setting: what a float can hold, and how a refusal shows the rest."""

from __future__ import annotations

import sys
from typing import TypeGuard

_LARGEST = sys.float_info.max


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that can be counted with: no infinity, and no integer beyond what a float holds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def shown(value: object) -> str:
    """Return a value as a refusal shows it; an integer beyond what a float holds is named, not written out."""
    return "an integer beyond 1e308" if isinstance(value, int) and abs(value) > _LARGEST else repr(value)
