"""What every journal says of a lease alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.numeric import is_number, shown

if TYPE_CHECKING:
    from uuid import UUID


def checked_lease(lease: float) -> float:
    """Return the seconds of a lease, if they are some."""
    if not is_number(lease) or lease <= 0:
        sentence = f"lease is a number of seconds above zero, as in lease=15.0; it was {shown(lease)}"
        raise InvalidInputError(sentence)
    return float(lease)


def lost(reference_id: UUID) -> str:
    """Return the sentence of a `LeaseLostError`."""
    return (
        f"payment {reference_id} is no longer this run's: another run has taken it over, or it was given back. "
        "Nothing was written; follow the payment by its reference"
    )
