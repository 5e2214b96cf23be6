"""The ceiling of a poll budget: what this process asks for, and what is in force for all."""

from __future__ import annotations

import logging

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.numeric import is_number, shown

logger = logging.getLogger("dollr_async.fleet")

CEILING_KEPT_FOR = 60.0
"""Seconds for which the lowest ceiling rules after it was last asked for: so one that is raised comes into force."""

_LONGEST_KEY = 200


class Ceiling:
    """What this process asks for, and what it last found in force."""

    def __init__(self, per_second: float, key: str) -> None:
        """Check the arguments of a budget.

        Raises:
            InvalidInputError: one of them has the wrong form.
        """
        if not is_number(per_second) or per_second <= 0:
            raise InvalidInputError(f"per_second must be a number above 0, as in 50, not {shown(per_second)}")
        if not isinstance(key, str) or not key.isprintable() or not 1 <= len(key) <= _LONGEST_KEY:
            raise InvalidInputError("key must be a short text, as in 'polls'")
        self.asked = float(per_second)
        self.key = key
        self.in_force = self.asked

    def found(self, in_force: float) -> None:
        """Take note of what is in force, and log a warning where another process asks for less."""
        if in_force < self.asked and in_force != self.in_force:
            logger.warning(
                "the poll budget %r allows %g polls a second, not the %g of this process: another process asks for "
                "less, and the lowest value counts. Give all processes the same per_second.",
                self.key,
                in_force,
                self.asked,
            )
        self.in_force = in_force
