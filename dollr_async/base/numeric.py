"""Which values count as numbers in a setting, and how an error message shows a value that does not."""

from __future__ import annotations

import sys
from typing import TypeGuard

_LARGEST = sys.float_info.max


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that a float can hold; infinity, NaN and larger integers are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def shown(value: object) -> str:
    """Return a value as an error message shows it; an integer that no float can hold is not written out."""
    return "an integer beyond 1e308" if isinstance(value, int) and abs(value) > _LARGEST else repr(value)
