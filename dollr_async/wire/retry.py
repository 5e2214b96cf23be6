"""When a request is sent again, and after how long: pure decisions on what came back."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.errors import (
    APIStatusError,
    ConnectError,
    DollrError,
    RateLimitError,
    ServerError,
    TransportError,
)
from dollr_async.base.fields import Number
from dollr_async.base.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUEST_TIMEOUT = 408
_CLIENT_ERRORS = 400


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RetryPolicy(Record):
    """How often and how patiently a request is sent again; all times in seconds.

    Args:
        attempts: the most sends of one request, the first included.
        base_delay: the wait before the second send; it doubles from there.
        max_delay: the longest wait of our own choosing.
        max_retry_after: the longest `Retry-After` that is waited for; a longer one is raised to the caller.
        recovery: how long the fate of an execution is looked for after its first ambiguous answer; it must exceed
            `PollPolicy.not_found_grace`.

    Raises:
        InvalidInputError: a number is out of its range.
    """

    attempts: int = attrs.field(default=4, validator=Number(from_=1))
    base_delay: float = attrs.field(default=0.5, validator=Number(from_=0))
    max_delay: float = attrs.field(default=8.0, validator=Number(from_=0))
    max_retry_after: float = attrs.field(default=60.0, validator=Number(from_=0))
    recovery: float = attrs.field(default=120.0, validator=Number(from_=0))

    def delay(self, sends: int) -> float:
        """Return the wait after the given number of sends, with half of it left to chance."""
        try:
            full = min(self.base_delay * 2.0 ** (sends - 1), self.max_delay)
        except OverflowError:
            full = self.max_delay
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def delays(self) -> Iterator[float]:
        """Yield waits without end, each longer than the one before, up to `max_delay`."""
        sends = 0
        while True:
            sends += 1
            yield self.delay(sends)


def is_ambiguous(error: DollrError) -> bool:
    """Whether a request that ended so may have been carried out: dropped, cut, timed out, 3xx, 408 or 5xx."""
    if error.nothing_sent:
        return False
    return isinstance(error, TransportError | ServerError) or is_redirect_or_timeout(error)


def is_redirect_or_timeout(error: DollrError) -> bool:
    """Whether the answer came from something before the API, which may or may not have passed the request on."""
    return is_redirect(error) or (isinstance(error, APIStatusError) and error.status == _REQUEST_TIMEOUT)


def retry_delay(policy: RetryPolicy, error: DollrError, *, sends: int, repeatable: bool) -> float | None:
    """Return the seconds to wait before the next send, or None when the error is to be raised.

    Only a request that surely did not arrive and one that met 429 are sent again; a `repeatable` one, which changes
    nothing, also after a lost answer, 408 and 5xx (docs/design.md, rule 3).
    """
    if sends >= policy.attempts:
        return None
    again = isinstance(error, ConnectError | RateLimitError) or (
        repeatable and is_ambiguous(error) and not is_redirect(error)
    )
    if not again:
        return None
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    if asked is None:
        return policy.delay(sends)
    return asked if asked <= policy.max_retry_after else None


def is_redirect(error: DollrError) -> bool:
    """Whether the API was not there but somewhere else: asking again would end the same."""
    return isinstance(error, APIStatusError) and error.status < _CLIENT_ERRORS
